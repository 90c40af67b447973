/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/login.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/element.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/login_lines.h"
#include "worker/client/login_requests.h"
#include "worker/client/state.h"

#include <fnmatch.h>
#include <string.h>

/* --- counters --- */

static const struct {
	const char *pattern;
	enum statistic first; /* of its outcomes */
} mechanisms[] = {
#define LOGIN(symbol, name) { name, STAT_LOGINS_##symbol##_SUCCESS },
#include "common/shm/logins.def"
#undef LOGIN
};

_Static_assert(STAT_LOGINS_PLAIN_FAILURE - STAT_LOGINS_PLAIN_SUCCESS ==
		       LOGIN_FAILURE &&
		   STAT_LOGINS_PLAIN_ABORTED - STAT_LOGINS_PLAIN_SUCCESS ==
		       LOGIN_ABORTED &&
		   STAT_LOGINS_PLAIN_ERROR - STAT_LOGINS_PLAIN_SUCCESS ==
		       LOGIN_ERROR,
    "a row of logins.def is counted by outcome, in this order");

static void
count(const char *mechanism, enum login_outcome outcome)
{
	size_t i = 0;

	while (i < ARRAY_LEN(mechanisms) - 1 &&
	       fnmatch(mechanisms[i].pattern, mechanism, FNM_CASEFOLD) != 0)
		i++;
	stats_add((enum statistic)((int)mechanisms[i].first + (int)outcome), 1);
}

/* --- lines --- */

static void
log_counted(struct client_worker *worker, uint32_t now)
{
	char address[ENDPOINT_TEXT_MAX];
	struct endpoint peer;
	struct login_count counted;
	enum login_lines_next next;

	while ((next = login_lines_next(&worker->login_log.failures, now,
		    &counted)) != LOGIN_LINES_NONE) {
		endpoint_from_bytes(counted.address, 0, &peer);
		if (next == LOGIN_LINES_ADDRESS)
			log_at(LOG_INFO, "log-ins failed address=%s count=%u",
			    endpoint_print_address(&peer, address),
			    counted.count);
		else
			log_at(LOG_INFO,
			    "log-ins of further addresses failed count=%u",
			    counted.count);
	}
}

static bool
has_line(const struct client *client, enum login_outcome outcome)
{
	struct client_worker *worker = worker_of(client);
	struct login_log *lines = &worker->login_log;
	uint8_t address[16] = { 0 };
	struct endpoint peer;

	if (!log_is_on(LOG_INFO))
		return false;
	if (outcome != LOGIN_FAILURE)
		return log_limit_pass(&lines->others[outcome],
		    LOGIN_LINES_A_SECOND);
	client_peer(client, &peer);
	endpoint_to_bytes(&peer, address);
	log_counted(worker, now_s());
	return login_lines_pass(&lines->failures, address, now_s());
}

static const char *
tls_name(const struct client *client)
{
	if (!client_is_secure(client))
		return "no";
	if (client->flags & CLIENT_OFFLOADED)
		return "proxy";
	return client->flags & CLIENT_DIRECT_TLS ? "direct" : "starttls";
}

static void
log_outcome(const struct client *client, const struct login_claim *claim,
    enum login_outcome outcome, const char *condition)
{
	static const char *const phrases[] = {
		[LOGIN_SUCCESS] = "succeeded",
		[LOGIN_FAILURE] = "failed",
		[LOGIN_ABORTED] = "aborted",
		[LOGIN_ERROR] = "undecided",
	};
	static const char *const keys[] = {
		[LOGIN_SUCCESS] = "",
		[LOGIN_FAILURE] = " condition=",
		[LOGIN_ABORTED] = " reason=",
		[LOGIN_ERROR] = " condition=",
	};
	char address[ENDPOINT_TEXT_MAX], session[STREAMID_MAX + 1] = "-";

	if (client->slot != NO_SLOT)
		directory_streamid(worker_of(client)->directory, client->slot,
		    session);
	log_at(LOG_INFO,
	    "log-in %s address=%s mechanism=%s user=\"%s\"%s%s session=%s "
	    "tls=%s",
	    phrases[outcome], client_peer_text(client, address),
	    claim->mechanism,
	    claim->name_len ? log_escape(claim->name, claim->name_len) : "-",
	    keys[outcome], condition ? condition : "", session,
	    tls_name(client));
}

/* condition: why; NULL for success. */
static void
note(const struct client *client, const struct login_claim *claim,
    enum login_outcome outcome, const char *condition)
{
	count(claim->mechanism, outcome);
	if (has_line(client, outcome))
		log_outcome(client, claim, outcome, condition);
}

void
login_tick(struct client_worker *worker)
{
	log_counted(worker, now_s());
}

void
login_end(struct client_worker *worker)
{
	log_counted(worker, now_s() + 1);
}

/* --- ends --- */

/* With these the server judges neither name nor password: it, or the way
 * there, has its own trouble. */
static bool
is_judged(const char *condition)
{
	static const char *const troubles[] = { "temporary-auth-failure",
		"internal-server-error", "remote-server-timeout",
		"resource-constraint", "service-unavailable" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(troubles); i++)
		if (strcmp(condition, troubles[i]) == 0)
			return false;
	return true;
}

void
login_note_answer(const struct client *client, const struct login_claim *claim,
    bool success, const uint8_t *bytes, size_t len)
{
	char condition[LOGIN_CONDITION_MAX + 1];

	if (success) {
		note(client, claim, LOGIN_SUCCESS, NULL);
		return;
	}
	login_condition_read(bytes, len, condition);
	note(client, claim, is_judged(condition) ? LOGIN_FAILURE : LOGIN_ERROR,
	    condition);
}

void
login_note_sasl(struct client *client, bool success, const uint8_t *bytes,
    size_t len)
{
	struct login_claim claim;

	if (login_requests_take_sasl_claim(client, &claim))
		login_note_answer(client, &claim, success, bytes, len);
}

void
login_note_abort(struct client *client, const char *why)
{
	struct login_claim claim;

	if (login_requests_take_sasl_claim(client, &claim))
		note(client, &claim, LOGIN_ABORTED, why);
}

void
login_note_refused(struct client *client, const struct element *element,
    const char *condition)
{
	struct login_fields fields;
	struct login_claim claim;

	if (login_claim_is_iq(element)) {
		login_fields_read(&fields, element);
		login_claim_of_iq(&claim, &fields);
	} else if (element_is(element, "auth", NS_SASL)) {
		login_note_abort(client, "aborted");
		login_claim_begin(&claim,
		    element_attribute(element, "mechanism"));
		login_claim_read(&claim, element->text, element->text_len);
	} else if (!element_is(element, "response", NS_SASL) ||
		   !login_requests_take_sasl_claim(client, &claim)) {
		return;
	}
	note(client, &claim, LOGIN_FAILURE, condition);
}

void
login_abandon(struct client *client, const char *why)
{
	struct login_claim claim;

	while (login_requests_take_claim(client, &claim))
		note(client, &claim, LOGIN_ABORTED, why);
}
