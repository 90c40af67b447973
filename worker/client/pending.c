/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/pending.h"

#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/seal.h"
#include "common/shm/stats.h"
#include "common/xmpp/canonical.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/state.h"
#include "worker/client/uplink.h"
#include "worker/parsed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEVER UINT32_MAX
/* A server that answers every probe with an error of another kind is not
 * probed for each. */
#define REST_S 10u

struct request {
	uint64_t id; /* digest */
	/* Digest of its `to`, if that may be the client's own account, which
	 * is not known yet; 0: it is known. */
	uint64_t account;
	uint32_t since_s; /* NEVER: the session was probed for it */
};

struct pending {
	struct request requests[PENDING_MAX]; /* oldest first */
	unsigned count;
	uint32_t probed_s; /* 0: not of late */
	uint32_t again_s;  /* when it is to be probed again; 0: no need */
};

static struct pending **
place_of(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;

	return &worker->pending[client->slot % slots];
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
	    pending->again_s == 0)
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

/* --- requests --- */

/* Never 0. */
static uint64_t
digest_of(const char *text, size_t len)
{
	return MAX(seal_word(seal_bytes(0, text, len), len), 1u);
}

static bool
is_own_domain(const struct client *client, const char *text, size_t len)
{
	const char *domain = client_domain(client)->spelling;

	return len == strlen(domain) && strncasecmp(text, domain, len) == 0;
}

/* The client's account, once its address is known; NULL: not yet. */
static const char *
account_of(const struct client *client, size_t *len_out)
{
	size_t len;
	const char *jid =
	    directory_jid(worker_of(client)->directory, client->slot, &len);
	const char *slash = jid ? memchr(jid, '/', len) : NULL;

	*len_out = slash ? (size_t)(slash - jid) : 0;
	return slash ? jid : NULL;
}

/* The server's own address or the client's account's. */
static bool
is_home(const struct client *client, const char *text, size_t len)
{
	size_t account_len;
	const char *account = account_of(client, &account_len);

	return is_own_domain(client, text, len) ||
	       (account && len == account_len &&
		   memcmp(text, account, len) == 0);
}

/* An account of the server, perhaps the client's own: who has asked for an
 * address may use it before the answer. */
static bool
may_be_home(const struct client *client, const char *text)
{
	const char *at = strchr(text, '@');
	size_t len;

	return at && !strchr(at, '/') && !account_of(client, &len) &&
	       is_own_domain(client, at + 1, strlen(at + 1));
}

static void
drop(struct pending *pending, unsigned i)
{
	size_t rest = --pending->count - i;

	memmove(&pending->requests[i], &pending->requests[i + 1],
	    rest * sizeof(pending->requests[0]));
}

static struct canonical_span
id_of(const uint8_t *bytes, size_t len)
{
	struct canonical_reader reader;

	canonical_begin(&reader, bytes, len);
	(void)canonical_next(&reader);
	return canonical_find_attribute(&reader, "id");
}

bool
pending_add_request(struct client *client, const char *to, const uint8_t *bytes,
    size_t len)
{
	struct request request = { .since_s = now_s() };
	struct canonical_span id;
	struct pending *pending;

	if (to && !is_home(client, to, strlen(to))) {
		if (!may_be_home(client, to))
			return false;
		request.account = digest_of(to, strlen(to));
	}
	id = id_of(bytes, len);
	if (!id.text)
		return false;
	request.id = digest_of(id.text, id.len);
	pending = make(client);
	if (pending->count == PENDING_MAX)
		drop(pending, 0);
	pending->requests[pending->count++] = request;
	return true;
}

void
pending_jid_known(struct client *client)
{
	struct pending *pending = pending_of(client);
	const char *account;
	uint64_t digest;
	unsigned i = 0;
	size_t len;

	account = pending ? account_of(client, &len) : NULL;
	if (!account)
		return;
	digest = digest_of(account, len);
	while (i < pending->count) {
		uint64_t to = pending->requests[i].account;

		pending->requests[i].account = 0;
		if (to != 0 && to != digest)
			drop(pending, i);
		else
			i++;
	}
	forget_if_empty(client);
}

/* Others may send an answer with this id, too. The server's may come from the
 * full address of the client. */
static bool
answers(const struct client *client, const struct request *request,
    struct canonical_span from)
{
	const char *slash;
	size_t len = from.len;

	if (!from.text)
		return true;
	slash = memchr(from.text, '/', from.len);
	if (slash)
		len = (size_t)(slash - from.text);
	return is_home(client, from.text, len) ||
	       (request->account &&
		   request->account == digest_of(from.text, len));
}

void
pending_answered(struct client *client, const struct parsed *answer)
{
	struct pending *pending = pending_of(client);
	uint64_t digest;
	unsigned i;

	/* An error of ours may be one for a message with the same id. */
	if (!pending || !answer->is_iq || !answer->id.text)
		return;
	digest = digest_of(answer->id.text, answer->id.len);
	for (i = 0; i < pending->count; i++)
		if (pending->requests[i].id == digest &&
		    answers(client, &pending->requests[i], answer->from))
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
	pending->again_s = 0;
	pending->probed_s = MAX(now_s(), 1u);
	stats_add(STAT_SESSIONS_PROBED, 1);
	uplink_probe(client);
}

/* When it may be probed for this; NEVER: the hint may be about the probe. */
static uint32_t
next_probe(const struct pending *pending, enum pending_hint hint)
{
	if (pending->probed_s == 0)
		return now_s();
	if (hint == PENDING_UNAVAILABLE)
		return pending->probed_s + 1;
	return now_s() > pending->probed_s + 1 ? pending->probed_s + REST_S
					       : NEVER;
}

bool
pending_hint(struct client *client, enum pending_hint hint)
{
	struct pending *pending;
	uint32_t next;

	if (!(client->flags & CLIENT_CREATED) ||
	    (client->flags & CLIENT_SESSION_OVER))
		return false;
	pending = make(client);
	next = next_probe(pending, hint);
	if (next <= now_s())
		probe(client, pending);
	else if (next != NEVER && pending->again_s != 0)
		pending->again_s = MIN(pending->again_s, next);
	else if (next != NEVER)
		pending->again_s = next;
	return true;
}

/* The session's own full address: as it was bound, or, where that is not known,
 * the one that this presence is for. */
static bool
is_own_address(const struct client *client, const struct parsed *presence)
{
	struct canonical_span from = presence->from;
	const char *jid;
	size_t jid_len;

	if (!from.text)
		return false;
	jid =
	    directory_jid(worker_of(client)->directory, client->slot, &jid_len);
	if (jid && from.len == jid_len && memcmp(from.text, jid, jid_len) == 0)
		return true;
	return presence->is_to_itself && memchr(from.text, '/', from.len);
}

bool
pending_note_presence(struct client *client, const struct parsed *presence)
{
	return presence->type == PARSED_UNAVAILABLE &&
	       is_own_address(client, presence) &&
	       pending_hint(client, PENDING_UNAVAILABLE);
}

/* --- time --- */

static uint32_t
patience_s(const struct client_worker *worker)
{
	return (uint32_t)ceil(worker->config->client.answer_timeout_s);
}

/* Of the oldest request for which no probe was sent. */
static uint32_t
request_due(const struct client_worker *worker, const struct pending *pending)
{
	unsigned i;

	for (i = 0; i < pending->count; i++)
		if (pending->requests[i].since_s != NEVER)
			return pending->requests[i].since_s +
			       patience_s(worker);
	return NEVER;
}

uint32_t
pending_due(const struct client *client)
{
	const struct pending *pending = pending_of(client);
	uint32_t due;

	if (!pending)
		return NEVER;
	due = request_due(worker_of(client), pending);
	if (pending->again_s)
		due = MIN(due, pending->again_s);
	if (pending->probed_s)
		due = MIN(due, pending->probed_s + REST_S);
	return due;
}

/* True when one has waited for too long. */
static bool
note_overdue(const struct client_worker *worker, struct pending *pending,
    uint32_t now)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < pending->count; i++) {
		uint32_t *since_s = &pending->requests[i].since_s;

		if (*since_s == NEVER || *since_s + patience_s(worker) > now)
			continue;
		*since_s = NEVER;
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
	if (note_overdue(worker_of(client), pending, now) ||
	    (pending->again_s != 0 && now >= pending->again_s))
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
		if (pending->requests[i].since_s != NEVER)
			pending->requests[i].since_s += pause_s;
}
