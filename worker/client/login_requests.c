/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/login_requests.h"

#include "common/base/buf.h"
#include "common/xmpp/canonical.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/client_state.h"
#include "worker/client/login_jid.h"
#include "worker/client/state.h"
#include "worker/parsed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct login_requests {
	uint64_t iq_ids[LOGIN_REQUESTS_MAX];
	/* Owned; of LOGIN_REQUEST_AUTH. */
	struct login_claim *iq_claims[LOGIN_REQUESTS_MAX];
	uint8_t iq_what[LOGIN_REQUESTS_MAX]; /* enum login_request */
	char *logins[LOGIN_REQUESTS_MAX];    /* of the same: who, or NULL */
	char *answered_login;                /* of the last answer */
	uint8_t sasl_due;                    /* of the exchange under way */
	uint8_t sasl_late; /* of those that are over; they come first */
	bool has_sasl_claim;
	struct login_claim sasl_claim;
};

static struct login_requests *
requests_of(struct client *client)
{
	if (!client->login_requests)
		client->login_requests =
		    xcalloc(1, sizeof(*client->login_requests));
	return client->login_requests;
}

static void
vacate(struct login_requests *requests, unsigned i)
{
	free(requests->iq_claims[i]);
	free(requests->logins[i]);
	requests->iq_claims[i] = NULL;
	requests->logins[i] = NULL;
	requests->iq_what[i] = LOGIN_REQUEST_NONE;
}

void
login_requests_forget(struct client *client)
{
	unsigned i;

	if (!client->login_requests)
		return;
	for (i = 0; i < LOGIN_REQUESTS_MAX; i++)
		vacate(client->login_requests, i);
	free(client->login_requests->answered_login);
	free(client->login_requests);
	client->login_requests = NULL;
}

void
login_requests_settle(struct client *client)
{
	struct login_requests *requests = client->login_requests;
	unsigned i, left = 0;

	for (i = 0; requests && i < LOGIN_REQUESTS_MAX; i++) {
		if (requests->iq_what[i] != LOGIN_REQUEST_AUTH)
			vacate(requests, i);
		else
			left++;
	}
	if (left == 0) {
		login_requests_forget(client);
		return;
	}
	requests->sasl_due = requests->sasl_late = 0;
	requests->has_sasl_claim = false;
}

/* --- ids --- */

void
login_requests_begin(struct client_worker *worker)
{
	digest_random(worker->login_ids.key, sizeof(worker->login_ids.key));
}

/* Who asks may choose two ids, but not so that they look alike here. */
static uint64_t
digest_of(const struct client_worker *worker, const void *escaped_id,
    size_t len)
{
	uint64_t digest;

	digest_keyed(worker->login_ids.key, escaped_id, len, &digest,
	    sizeof(digest));
	return digest;
}

static uint64_t
digest_of_request(const struct client_worker *worker, const struct element *iq)
{
	const char *id = element_attribute(iq, "id");
	struct buf escaped;
	uint64_t digest;

	buf_init(&escaped, 0);
	stream_escape_value(&escaped, id, strlen(id));
	digest = digest_of(worker, buf_bytes(&escaped), buf_len(&escaped));
	buf_destroy(&escaped);
	return digest;
}

/* --- iq --- */

/* What the server has to answer it answers without a sender, or as itself. */
static bool
is_from_server(const struct client *client, struct canonical_span from)
{
	char text[JID_PART_MAX + 1];

	if (!from.text)
		return true;
	if (from.len == 0 || from.len >= sizeof(text))
		return false;
	memcpy(text, from.text, from.len);
	text[from.len] = '\0';
	return jid_domain_is(client_domain(client), text);
}

/* An address within one of the server's domains that is not the client's
 * domain itself. */
static bool
is_elsewhere_on_server(const struct client *client, const char *to)
{
	const struct domains *domains = &worker_of(client)->domains;
	size_t bare_len = strcspn(to, "/");
	const char *at = memchr(to, '@', bare_len);
	const char *domain = at ? at + 1 : to;
	size_t len = bare_len - (size_t)(domain - to);
	char name[JID_PART_MAX + 1];
	unsigned found;

	if (len >= sizeof(name))
		return false;
	memcpy(name, domain, len);
	name[len] = '\0';
	found = domains_find(domains, name);
	return found < domains->count &&
	       (at || to[bare_len] == '/' || found != client->domain);
}

static enum login_request
what_is(const struct client *client, const struct element *iq, const char *to)
{
	const char *type = element_attribute(iq, "type");
	bool of_server =
	    !to || strcasecmp(to, client_domain(client)->spelling) == 0;

	if (!of_server || strcmp(type, "set") != 0)
		return LOGIN_REQUEST_OTHER;
	if (login_claim_is_iq(iq))
		return LOGIN_REQUEST_AUTH;
	return strcmp(iq->child_namespace, NS_BIND) == 0 ? LOGIN_REQUEST_BIND
							 : LOGIN_REQUEST_OTHER;
}

static bool
is_kept(const struct client *client, enum login_request what)
{
	if (client->state == CLIENT_OPEN)
		return what == LOGIN_REQUEST_BIND || what == LOGIN_REQUEST_AUTH;
	if (client->state == CLIENT_BOUND)
		return what == LOGIN_REQUEST_AUTH;
	return client->state == CLIENT_NEGOTIATING ||
	       client->state == CLIENT_AUTHENTICATING;
}

/* The question with this digest, or LOGIN_REQUESTS_MAX. */
static unsigned
find(const struct login_requests *requests, uint64_t digest)
{
	unsigned i;

	for (i = 0; i < LOGIN_REQUESTS_MAX; i++)
		if (requests->iq_what[i] && requests->iq_ids[i] == digest)
			break;
	return i;
}

static void
keep(const struct client *client, struct login_requests *requests, unsigned i,
    enum login_request what, const struct element *iq)
{
	struct login_fields fields;

	requests->iq_what[i] = (uint8_t)what;
	if (what != LOGIN_REQUEST_AUTH)
		return;
	login_fields_read(&fields, iq);
	requests->iq_claims[i] = xcalloc(1, sizeof(*requests->iq_claims[i]));
	login_claim_of_iq(requests->iq_claims[i], &fields);
	requests->logins[i] =
	    login_jid(&fields, client_domain(client)->spelling);
}

int
login_requests_add_iq(struct client *client, const struct element *iq,
    const char *to)
{
	struct client_worker *worker = worker_of(client);
	enum login_request what = what_is(client, iq, to);
	bool kept = is_kept(client, what);
	struct login_requests *requests;
	uint64_t digest;
	unsigned i;

	if (to && login_claim_is_iq(iq) && is_elsewhere_on_server(client, to))
		return -EACCES;
	if (!kept && !client->login_requests)
		return 0;
	requests = requests_of(client);
	digest = digest_of_request(worker, iq);
	if (find(requests, digest) < LOGIN_REQUESTS_MAX)
		return -EEXIST;
	if (!kept)
		return 0;
	for (i = 0; i < LOGIN_REQUESTS_MAX && requests->iq_what[i]; i++)
		;
	if (i == LOGIN_REQUESTS_MAX)
		return -ENOSPC;
	requests->iq_ids[i] = digest;
	keep(client, requests, i, what, iq);
	return 0;
}

enum login_request
login_requests_answer_iq(struct client *client, const struct parsed *answer,
    struct login_claim *claim_out)
{
	struct login_requests *requests = client->login_requests;
	const struct client_worker *worker = worker_of(client);
	enum login_request what;
	unsigned i;

	if (!requests || !answer->is_iq || !answer->id.text)
		return LOGIN_REQUEST_NONE;
	i = find(requests, digest_of(worker, answer->id.text, answer->id.len));
	if (i == LOGIN_REQUESTS_MAX)
		return LOGIN_REQUEST_NONE;
	what = (enum login_request)requests->iq_what[i];
	if (what != LOGIN_REQUEST_OTHER &&
	    !is_from_server(client, answer->from))
		return LOGIN_REQUEST_NONE;
	if (what == LOGIN_REQUEST_AUTH)
		*claim_out = *requests->iq_claims[i];
	free(requests->answered_login);
	requests->answered_login = requests->logins[i];
	requests->logins[i] = NULL;
	vacate(requests, i);
	if (client->state == CLIENT_BOUND)
		login_requests_settle(client);
	return what;
}

const char *
login_requests_answered_jid(const struct client *client)
{
	return client->login_requests ? client->login_requests->answered_login
				      : NULL;
}

/* --- SASL --- */

bool
login_requests_add_sasl(struct client *client, const struct element *element)
{
	struct login_requests *requests = requests_of(client);

	if ((unsigned)requests->sasl_due + requests->sasl_late ==
	    LOGIN_STEPS_MAX)
		return false;
	requests->sasl_due++;
	if (strcmp(element->name, "auth") == 0) {
		login_claim_begin(&requests->sasl_claim,
		    element_attribute(element, "mechanism"));
		requests->has_sasl_claim = true;
	}
	login_claim_read(&requests->sasl_claim, element->text,
	    element->text_len);
	return true;
}

bool
login_requests_sasl_is_due(const struct client *client)
{
	return client->login_requests && client->login_requests->sasl_due > 0;
}

bool
login_requests_answer_sasl(struct client *client)
{
	struct login_requests *requests = client->login_requests;

	if (requests && requests->sasl_late > 0) {
		requests->sasl_late--;
		return false;
	}
	if (!requests || requests->sasl_due == 0)
		return false;
	requests->sasl_due--;
	return true;
}

void
login_requests_end_sasl(struct client *client)
{
	struct login_requests *requests = client->login_requests;

	if (!requests)
		return;
	requests->sasl_late =
	    (uint8_t)(requests->sasl_late + requests->sasl_due);
	requests->sasl_due = 0;
}

/* --- claims --- */

bool
login_requests_take_sasl_claim(struct client *client,
    struct login_claim *claim_out)
{
	struct login_requests *requests = client->login_requests;

	if (!requests || !requests->has_sasl_claim)
		return false;
	requests->has_sasl_claim = false;
	*claim_out = requests->sasl_claim;
	return true;
}

bool
login_requests_take_claim(struct client *client, struct login_claim *claim_out)
{
	struct login_requests *requests = client->login_requests;
	unsigned i;

	if (login_requests_take_sasl_claim(client, claim_out))
		return true;
	for (i = 0; requests && i < LOGIN_REQUESTS_MAX; i++) {
		if (requests->iq_what[i] != LOGIN_REQUEST_AUTH)
			continue;
		*claim_out = *requests->iq_claims[i];
		vacate(requests, i);
		return true;
	}
	return false;
}
