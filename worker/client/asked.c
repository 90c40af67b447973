/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/asked.h"

#include "common/net/digest.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/login_jid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct asked {
	uint64_t iq_ids[ASKED_IQ_MAX];
	struct login_claim *iq_claims[ASKED_IQ_MAX]; /* owned; of ASKED_LOGIN */
	uint8_t iq_what[ASKED_IQ_MAX]; /* enum asked_what; 0: vacant */
	char *logins[ASKED_IQ_MAX];    /* of ASKED_LOGIN: who, or NULL */
	char *answered_login;          /* of the last answer */
	uint8_t sasl_due;              /* of the exchange under way */
	uint8_t sasl_late;             /* of those that are over; they come
					  first */
	bool has_sasl_claim;
	struct login_claim sasl_claim;
};

static struct asked *
asked_of(struct client *client)
{
	if (!client->asked)
		client->asked = xcalloc(1, sizeof(*client->asked));
	return client->asked;
}

static void
vacate(struct asked *asked, unsigned i)
{
	free(asked->iq_claims[i]);
	free(asked->logins[i]);
	asked->iq_claims[i] = NULL;
	asked->logins[i] = NULL;
	asked->iq_what[i] = ASKED_NOTHING;
}

void
asked_forget(struct client *client)
{
	unsigned i;

	if (!client->asked)
		return;
	for (i = 0; i < ASKED_IQ_MAX; i++)
		vacate(client->asked, i);
	free(client->asked->answered_login);
	free(client->asked);
	client->asked = NULL;
}

void
asked_settle(struct client *client)
{
	struct asked *asked = client->asked;
	unsigned i, left = 0;

	for (i = 0; asked && i < ASKED_IQ_MAX; i++) {
		if (asked->iq_what[i] != ASKED_LOGIN)
			vacate(asked, i);
		else
			left++;
	}
	if (left == 0) {
		asked_forget(client);
		return;
	}
	asked->sasl_due = asked->sasl_late = 0;
	asked->has_sasl_claim = false;
}

/* --- ids --- */

/* Who asks may choose two ids, but not so that they look alike here. */
static uint64_t
digest_of(const void *escaped_id, size_t len)
{
	static uint8_t key[DIGEST_KEY_BYTES];
	static bool has_key;
	uint64_t digest;

	if (!has_key)
		digest_random(key, sizeof(key));
	has_key = true;
	digest_keyed(key, escaped_id, len, &digest, sizeof(digest));
	return digest;
}

static uint64_t
digest_of_request(const struct element *iq)
{
	const char *id = element_attribute(iq, "id");
	struct buf escaped;
	uint64_t digest;

	buf_init(&escaped, 0);
	stream_escape_value(&escaped, id, strlen(id));
	digest = digest_of(buf_bytes(&escaped), buf_len(&escaped));
	buf_destroy(&escaped);
	return digest;
}

/* Of the start tag of canonical text: a quote or '>' in a value is written as
 * a reference there. NULL: it has none. */
static const char *
find_in_tag(const uint8_t *bytes, size_t len, const char *text)
{
	const uint8_t *end = memchr(bytes, '>', len);

	return end ? memmem(bytes, (size_t)(end - bytes), text, strlen(text))
		   : NULL;
}

bool
asked_is_result(const uint8_t *bytes, size_t len)
{
	return find_in_tag(bytes, len, " type=\"result\"") != NULL;
}

static bool
digest_of_answer(const uint8_t *bytes, size_t len, uint64_t *digest_out)
{
	static const char start[] = "<iq ", name[] = " id=\"";
	const char *id, *end;

	if (len < sizeof(start) || memcmp(bytes, start, sizeof(start) - 1) != 0)
		return false;
	id = find_in_tag(bytes, len, name);
	if (!id)
		return false;
	id += sizeof(name) - 1;
	end = memchr(id, '"', len - (size_t)(id - (const char *)bytes));
	if (!end)
		return false;
	*digest_out = digest_of(id, (size_t)(end - id));
	return true;
}

/* --- iq --- */

/* What the server has to answer it answers without a sender, or as itself. */
static bool
is_from_server(const uint8_t *bytes, size_t len)
{
	static const char name[] = " from=\"";
	const char *from = find_in_tag(bytes, len, name), *end;
	char text[JID_PART_MAX + 1];
	size_t from_len;

	if (!from)
		return true;
	from += sizeof(name) - 1;
	end = memchr(from, '"', len - (size_t)(from - (const char *)bytes));
	from_len = end ? (size_t)(end - from) : 0;
	if (from_len == 0 || from_len >= sizeof(text))
		return false;
	memcpy(text, from, from_len);
	text[from_len] = '\0';
	return jid_domain_is(&worker.own_domain, text);
}

/* An address within the server's domain that is not the server. */
static bool
is_of_server(const char *to)
{
	size_t bare_len = strcspn(to, "/");
	const char *at = memchr(to, '@', bare_len);
	const char *domain = at ? at + 1 : to;
	size_t len = bare_len - (size_t)(domain - to);

	return (at || to[bare_len] == '/') &&
	       strlen(worker.names.domain) == len &&
	       strncasecmp(domain, worker.names.domain, len) == 0;
}

static enum asked_what
what_is(const struct element *iq, const char *to)
{
	const char *type = element_attribute(iq, "type");
	bool of_server = !to || strcasecmp(to, worker.names.domain) == 0;

	if (!of_server || strcmp(type, "set") != 0)
		return ASKED_OTHER;
	if (login_claim_is_iq(iq))
		return ASKED_LOGIN;
	return strcmp(iq->child_namespace, NS_BIND) == 0 ? ASKED_BIND
							 : ASKED_OTHER;
}

static bool
is_kept(const struct client *client, enum asked_what what)
{
	if (client->state == CLIENT_OPEN)
		return what == ASKED_BIND || what == ASKED_LOGIN;
	if (client->state == CLIENT_BOUND)
		return what == ASKED_LOGIN;
	return client->state == CLIENT_NEGOTIATING ||
	       client->state == CLIENT_AUTHENTICATING;
}

/* The question with this digest, or ASKED_IQ_MAX. */
static unsigned
find(const struct asked *asked, uint64_t digest)
{
	unsigned i;

	for (i = 0; i < ASKED_IQ_MAX; i++)
		if (asked->iq_what[i] && asked->iq_ids[i] == digest)
			break;
	return i;
}

static void
keep(struct asked *asked, unsigned i, enum asked_what what,
    const struct element *iq)
{
	asked->iq_what[i] = (uint8_t)what;
	if (what != ASKED_LOGIN)
		return;
	asked->iq_claims[i] = xcalloc(1, sizeof(*asked->iq_claims[i]));
	login_claim_of_iq(asked->iq_claims[i], iq->bytes + iq->content_start,
	    iq->content_end - iq->content_start);
	asked->logins[i] = login_jid(iq, worker.names.domain);
}

int
asked_iq(struct client *client, const struct element *iq, const char *to)
{
	enum asked_what what = what_is(iq, to);
	bool kept = is_kept(client, what);
	struct asked *asked;
	uint64_t digest;
	unsigned i;

	if (to && login_claim_is_iq(iq) && is_of_server(to))
		return -EACCES;
	if (!kept && !client->asked)
		return 0;
	asked = asked_of(client);
	digest = digest_of_request(iq);
	if (find(asked, digest) < ASKED_IQ_MAX)
		return -EEXIST;
	if (!kept)
		return 0;
	for (i = 0; i < ASKED_IQ_MAX && asked->iq_what[i]; i++)
		;
	if (i == ASKED_IQ_MAX)
		return -ENOSPC;
	asked->iq_ids[i] = digest;
	keep(asked, i, what, iq);
	return 0;
}

enum asked_what
asked_iq_answered(struct client *client, const uint8_t *bytes, size_t len,
    struct login_claim *claim_out)
{
	struct asked *asked = client->asked;
	enum asked_what what;
	uint64_t digest;
	unsigned i;

	if (!asked || !digest_of_answer(bytes, len, &digest))
		return ASKED_NOTHING;
	i = find(asked, digest);
	if (i == ASKED_IQ_MAX)
		return ASKED_NOTHING;
	what = (enum asked_what)asked->iq_what[i];
	if (what != ASKED_OTHER && !is_from_server(bytes, len))
		return ASKED_NOTHING;
	if (what == ASKED_LOGIN)
		*claim_out = *asked->iq_claims[i];
	free(asked->answered_login);
	asked->answered_login = asked->logins[i];
	asked->logins[i] = NULL;
	vacate(asked, i);
	if (client->state == CLIENT_BOUND)
		asked_settle(client);
	return what;
}

const char *
asked_login(const struct client *client)
{
	return client->asked ? client->asked->answered_login : NULL;
}

/* --- SASL --- */

bool
asked_sasl(struct client *client, const struct element *element)
{
	struct asked *asked = asked_of(client);

	if ((unsigned)asked->sasl_due + asked->sasl_late == ASKED_SASL_MAX)
		return false;
	asked->sasl_due++;
	if (strcmp(element->name, "auth") == 0) {
		login_claim_begin(&asked->sasl_claim,
		    element_attribute(element, "mechanism"));
		asked->has_sasl_claim = true;
	}
	login_claim_read(&asked->sasl_claim, element->text, element->text_len);
	return true;
}

bool
asked_sasl_is_due(const struct client *client)
{
	return client->asked && client->asked->sasl_due > 0;
}

bool
asked_sasl_answered(struct client *client)
{
	struct asked *asked = client->asked;

	if (asked && asked->sasl_late > 0) {
		asked->sasl_late--;
		return false;
	}
	if (!asked || asked->sasl_due == 0)
		return false;
	asked->sasl_due--;
	return true;
}

void
asked_sasl_over(struct client *client)
{
	struct asked *asked = client->asked;

	if (!asked)
		return;
	asked->sasl_late = (uint8_t)(asked->sasl_late + asked->sasl_due);
	asked->sasl_due = 0;
}

/* --- claims --- */

bool
asked_take_sasl_claim(struct client *client, struct login_claim *claim_out)
{
	struct asked *asked = client->asked;

	if (!asked || !asked->has_sasl_claim)
		return false;
	asked->has_sasl_claim = false;
	*claim_out = asked->sasl_claim;
	return true;
}

bool
asked_take_claim(struct client *client, struct login_claim *claim_out)
{
	struct asked *asked = client->asked;
	unsigned i;

	if (asked_take_sasl_claim(client, claim_out))
		return true;
	for (i = 0; asked && i < ASKED_IQ_MAX; i++) {
		if (asked->iq_what[i] != ASKED_LOGIN)
			continue;
		*claim_out = *asked->iq_claims[i];
		vacate(asked, i);
		return true;
	}
	return false;
}
