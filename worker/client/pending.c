/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/pending.h"

#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/seal.h"
#include "common/shm/stats.h"
#include "worker/client/client.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEVER UINT32_MAX
/* A server that answers every probe with a route error of another kind is not
 * probed for each. */
#define REST_S 10u

struct pending {
	uint64_t digests[PENDING_MAX];
	uint32_t since_s[PENDING_MAX]; /* oldest first; NEVER: asked after */
	unsigned count;
	uint32_t probed_s; /* 0: not of late */
	bool probe_due;    /* again, as soon as a second has passed */
};

static struct pending **
place_of(const struct client *client)
{
	uint32_t slots = region_geometry(worker.region)->slots_per_index;

	return &worker.pending[client->slot % slots];
}

static struct pending *
pending_of(const struct client *client)
{
	return client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER)
		   ? NULL
		   : *place_of(client);
}

static struct pending *
make(struct client *client)
{
	struct pending **place = place_of(client);

	if (!*place)
		*place = xcalloc(1, sizeof(**place));
	return *place;
}

static void
forget_if_empty(struct client *client)
{
	const struct pending *pending = pending_of(client);

	if (pending && pending->count == 0 && pending->probed_s == 0 &&
	    !pending->probe_due)
		pending_forget(client);
}

void
pending_forget(struct client *client)
{
	struct pending **place;

	if (client->slot == NO_SLOT)
		return;
	place = place_of(client);
	if (!*place)
		return; /* nothing is written where nothing was */
	free(*place);
	*place = NULL;
}

/* --- canonical text --- */

struct value {
	const char *text;
	size_t len;
};

/* A quote or '>' in a value is written as a reference there. `name` with the
 * blank before and all up to the value. */
static bool
find_value(const uint8_t *bytes, size_t len, const char *name,
    struct value *value_out)
{
	const uint8_t *end = memchr(bytes, '>', len);
	const char *start, *quote;

	start = end ? memmem(bytes, (size_t)(end - bytes), name, strlen(name))
		    : NULL;
	if (!start)
		return false;
	start += strlen(name);
	quote = memchr(start, '"', (size_t)((const char *)end - start));
	if (!quote)
		return false;
	value_out->text = start;
	value_out->len = (size_t)(quote - start);
	return true;
}

static bool
find_digest(const uint8_t *bytes, size_t len, uint64_t *digest_out)
{
	struct value id;

	if (!find_value(bytes, len, " id=\"", &id))
		return false;
	*digest_out = seal_word(seal_bytes(0, id.text, id.len), id.len);
	return true;
}

/* --- requests --- */

/* The server's own address or the client's account's, which is not known after
 * jabber:iq:auth. */
static bool
is_home(const struct client *client, const char *text, size_t len)
{
	const char *jid, *slash;
	size_t jid_len;

	if (len == strlen(worker.names.domain) &&
	    strncasecmp(text, worker.names.domain, len) == 0)
		return true;
	jid = directory_jid(worker.directory, client->slot, &jid_len);
	slash = jid ? memchr(jid, '/', jid_len) : NULL;
	return slash && len == (size_t)(slash - jid) &&
	       memcmp(text, jid, len) == 0;
}

static void
drop(struct pending *pending, unsigned i)
{
	size_t rest = --pending->count - i;

	memmove(&pending->digests[i], &pending->digests[i + 1],
	    rest * sizeof(pending->digests[0]));
	memmove(&pending->since_s[i], &pending->since_s[i + 1],
	    rest * sizeof(pending->since_s[0]));
}

void
pending_ask(struct client *client, const char *to, const uint8_t *bytes,
    size_t len)
{
	struct pending *pending;
	uint64_t digest;

	if ((to && !is_home(client, to, strlen(to))) ||
	    !find_digest(bytes, len, &digest))
		return;
	pending = make(client);
	if (pending->count == PENDING_MAX)
		drop(pending, 0);
	pending->digests[pending->count] = digest;
	pending->since_s[pending->count++] = now_s();
	deadline_update(client);
}

/* Others may send an answer with this id, too. The server's may come from the
 * full address of the client. */
static bool
is_from_home(const struct client *client, const uint8_t *bytes, size_t len)
{
	struct value from;
	const char *slash;

	if (!find_value(bytes, len, " from=\"", &from))
		return true;
	slash = memchr(from.text, '/', from.len);
	return is_home(client, from.text,
	    slash ? (size_t)(slash - from.text) : from.len);
}

void
pending_answered(struct client *client, const uint8_t *bytes, size_t len)
{
	struct pending *pending = pending_of(client);
	uint64_t digest;
	unsigned i;

	if (!pending || !find_digest(bytes, len, &digest) ||
	    !is_from_home(client, bytes, len))
		return;
	for (i = 0; i < pending->count; i++)
		if (pending->digests[i] == digest)
			break;
	if (i == pending->count)
		return;
	drop(pending, i);
	forget_if_empty(client);
}

unsigned
pending_count(const struct client *client)
{
	const struct pending *pending = pending_of(client);

	return pending ? pending->count : 0;
}

/* --- probes --- */

static void
probe(struct client *client, struct pending *pending)
{
	pending->probe_due = false;
	pending->probed_s = MAX(now_s(), 1u);
	stats_add(STAT_SESSIONS_PROBED, 1);
	uplink_probe(client);
}

static bool
may_probe(const struct pending *pending, enum pending_hint hint)
{
	uint32_t rest_s = hint == PENDING_UNAVAILABLE ? 1 : REST_S;

	return pending->probed_s == 0 || now_s() >= pending->probed_s + rest_s;
}

void
pending_hint(struct client *client, enum pending_hint hint)
{
	struct pending *pending;

	if (!(client->flags & CLIENT_CREATED) ||
	    (client->flags & CLIENT_SESSION_OVER))
		return;
	pending = make(client);
	if (may_probe(pending, hint))
		probe(client, pending);
	else if (hint == PENDING_UNAVAILABLE)
		pending->probe_due = true;
	deadline_update(client);
}

void
pending_note_presence(struct client *client, const uint8_t *bytes, size_t len)
{
	struct value type, from, to;

	if (find_value(bytes, len, " type=\"", &type) && type.len == 11 &&
	    memcmp(type.text, "unavailable", 11) == 0 &&
	    find_value(bytes, len, " from=\"", &from) &&
	    find_value(bytes, len, " to=\"", &to) && from.len == to.len &&
	    memcmp(from.text, to.text, to.len) == 0 &&
	    memchr(to.text, '/', to.len))
		pending_hint(client, PENDING_UNAVAILABLE);
}

/* --- time --- */

static uint32_t
patience_s(void)
{
	return (uint32_t)ceil(worker.config->client.answer_timeout_s);
}

/* Of the oldest request that was not asked after. */
static uint32_t
request_due(const struct pending *pending)
{
	unsigned i;

	for (i = 0; i < pending->count; i++)
		if (pending->since_s[i] != NEVER)
			return pending->since_s[i] + patience_s();
	return NEVER;
}

uint32_t
pending_due(const struct client *client)
{
	const struct pending *pending = pending_of(client);
	uint32_t due;

	if (!pending)
		return NEVER;
	due = request_due(pending);
	if (pending->probe_due)
		due = MIN(due, pending->probed_s + 1);
	if (pending->probed_s)
		due = MIN(due, pending->probed_s + REST_S);
	return due;
}

/* True when one has waited for too long. */
static bool
note_overdue(struct pending *pending, uint32_t now)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < pending->count; i++) {
		if (pending->since_s[i] == NEVER ||
		    pending->since_s[i] + patience_s() > now)
			continue;
		pending->since_s[i] = NEVER;
		any = true;
	}
	return any;
}

void
pending_look(struct client *client, uint32_t now)
{
	struct pending *pending = pending_of(client);

	if (!pending)
		return;
	if (note_overdue(pending, now) ||
	    (pending->probe_due && now > pending->probed_s))
		probe(client, pending);
	else if (now >= pending->probed_s + REST_S)
		pending->probed_s = 0;
	forget_if_empty(client);
}

void
pending_excuse(struct client *client, uint32_t pause_s)
{
	struct pending *pending = pending_of(client);
	unsigned i;

	for (i = 0; pending && i < pending->count; i++)
		if (pending->since_s[i] != NEVER)
			pending->since_s[i] += pause_s;
}
