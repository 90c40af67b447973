/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a client's elements goes up (PROTOCOL.md §6.1, §6.8, §7.4, §18.1).
 * The rest is answered here, swallowed, or ends the stream.
 */
#include "worker/client/filter.h"

#include "common/base/buf.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/canonical.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/deadlines.h"
#include "worker/client/keepalive.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/negotiate.h"
#include "worker/client/output.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"
#include "worker/client/uplink.h"

#include <errno.h>
#include <string.h>

#define NS_COMPRESS "http://jabber.org/protocol/compress"
#define NS_CSI      "urn:xmpp:csi:0"
#define NS_SM       "urn:xmpp:sm:"

static bool
is_one_of(const char *value, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(value, *list) == 0)
			return true;
	return false;
}

/* --- answers --- */

/* Nobody answers errors or answers. */
static bool
may_be_answered(const struct element *stanza)
{
	const char *type = element_attribute(stanza, "type");

	if (!type)
		return true;
	return strcmp(type, "error") != 0 &&
	       !(strcmp(stanza->name, "iq") == 0 &&
		   strcmp(type, "result") == 0);
}

struct refusal {
	enum statistic reason;
	struct stanza_fault fault;
};

static const struct refusal bad_request = { STAT_REFUSED_REQUESTS,
	{ "modify", "bad-request",
	    "The stanza has a type that does not exist, or as an iq no id, or "
	    "as a request not exactly one child." } };
static const struct refusal bad_address = { STAT_REFUSED_ADDRESSES,
	{ "modify", "jid-malformed",
	    "The address in 'to' has a part that is empty or too long, or "
	    "characters that no address may have." } };
static const struct refusal unassigned = { STAT_REFUSED_UNASSIGNED,
	{ "modify", "jid-malformed",
	    "The address in 'to' has characters, emoji for example, that this "
	    "server does not take there." } };
static const struct refusal id_in_use = { STAT_REFUSED_REQUESTS,
	{ "modify", "conflict",
	    "A request with this id has no answer yet; use another." } };
static const struct refusal too_many_requests = { STAT_REFUSED_REQUESTS,
	{ "wait", "resource-constraint",
	    "Too many requests have no answer yet; wait for one." } };
static const struct refusal login_elsewhere = { STAT_REFUSED_REQUESTS,
	{ "modify", "not-allowed",
	    "A log-in is a request to the server itself; leave out 'to'." } };

void
filter_answer_error(struct client *client, const struct element *stanza,
    const struct stanza_fault *fault)
{
	struct client_worker *worker = worker_of(client);
	char own[JID_MAX + 1];
	struct stanza_error error = {
		.name = stanza->name,
		.id = element_attribute(stanza, "id"),
		.from = element_attribute(stanza, "to"),
		.fault = *fault,
	};
	const char *jid;
	size_t len;

	jid = directory_jid(worker->directory, client->slot, &len);
	if (jid) {
		memcpy(own, jid, len);
		own[len] = '\0';
		error.to = own;
	}
	buf_reset(&worker->scratch);
	stream_render_stanza_error(&worker->scratch, &error);
	output_control(client, &worker->scratch);
}

static void
refuse(struct client *client, const struct element *stanza, uint8_t kind,
    const struct refusal *refusal)
{
	client_note_dropped(client, refusal->reason, kind);
	stats_add(STAT_STANZAS_BOUNCED, 1);
	filter_answer_error(client, stanza, &refusal->fault);
}

static void
answer(struct client *client, const char *words)
{
	struct client_worker *worker = worker_of(client);

	buf_reset(&worker->scratch);
	buf_append_str(&worker->scratch, words);
	output_control(client, &worker->scratch);
}

/* --- checks of a stanza --- */

enum validity { VALID, VALID_WITHOUT_TYPE, INVALID };

static enum validity
check_presence(const struct element *stanza)
{
	static const char *const types[] = { "unavailable", "subscribe",
		"subscribed", "unsubscribe", "unsubscribed", "probe", "error",
		NULL };
	const char *type = element_attribute(stanza, "type");

	return !type || is_one_of(type, types) ? VALID : INVALID;
}

static enum validity
check_message(const struct element *stanza)
{
	static const char *const types[] = { "normal", "chat", "groupchat",
		"headline", "error", NULL };
	const char *type = element_attribute(stanza, "type");

	return !type || is_one_of(type, types) ? VALID : VALID_WITHOUT_TYPE;
}

static enum validity
check_iq(const struct element *stanza)
{
	static const char *const types[] = { "get", "set", "result", "error",
		NULL };
	const char *type = element_attribute(stanza, "type");
	bool is_request;

	if (!type || !is_one_of(type, types))
		return INVALID;
	is_request = strcmp(type, "get") == 0 || strcmp(type, "set") == 0;
	if (!is_request) /* who sent a request waits, and servers deliver all */
		return VALID;
	return element_attribute(stanza, "id") && stanza->child_count == 1
		   ? VALID
		   : INVALID;
}

static enum validity
check(const struct element *stanza, uint8_t *kind_out)
{
	const char *type = element_attribute(stanza, "type");

	if (strcmp(stanza->name, "presence") == 0) {
		*kind_out = FRAME_PRESENCE;
		return check_presence(stanza);
	}
	if (strcmp(stanza->name, "message") == 0) {
		*kind_out = FRAME_MESSAGE;
		return check_message(stanza);
	}
	*kind_out =
	    type && (strcmp(type, "get") == 0 || strcmp(type, "set") == 0)
		? FRAME_IQ_REQUEST
		: FRAME_IQ_ANSWER;
	return check_iq(stanza);
}

/* --- rewriting the start tag --- */

/* Of a prepared address in a value: only its resource may hold what is
 * escaped, by six bytes for one at most. */
#define TO_BYTES_MAX (2 * JID_PART_MAX + 2 + 6 * JID_PART_MAX)
/* Of the <route/>: domain, manager's name, streamid. */
#define PACKET_BYTES_MAX \
	(sizeof("<route to=\"\" from=\"\" streamid=\"\"></route>") + \
	    JID_PART_MAX + MANAGER_NAME_MAX + STREAMID_MAX)

/* Of the stream's language. */
#define LANGUAGE_BYTES_MAX (sizeof(" xml:lang=\"\"") + LANGUAGE_MAX)

_Static_assert(TO_BYTES_MAX + PACKET_BYTES_MAX + LANGUAGE_BYTES_MAX <=
		   MULTIPLEX_AROUND_MAX,
    "what comes to a stanza of the limit on its way up");

/*
 * Copies the stanza with `to` as prepared (NULL: as it is), without `from`,
 * which the server sets itself, and without `type` if it is to be.
 */
static void
rewrite(const struct element *stanza, const char *to, bool without_type,
    struct buf *out)
{
	struct canonical_reader reader;

	canonical_begin(&reader, stanza->bytes, stanza->len);
	(void)canonical_next(&reader);
	buf_append(out, reader.whole.text, reader.whole.len);
	while (canonical_next(&reader) == CANONICAL_ATTRIBUTE) {
		if (canonical_is(reader.name, "to") && to) {
			buf_append_str(out, " to=\"");
			stream_escape_value(out, to, strlen(to));
			buf_append_char(out, '"');
		} else if (!canonical_is(reader.name, "from") &&
			   !(without_type &&
			       canonical_is(reader.name, "type"))) {
			buf_append(out, reader.whole.text, reader.whole.len);
		}
	}
	buf_append(out, reader.whole.text,
	    (size_t)(reader.end - reader.whole.text));
}

/* --- stanzas --- */

/* The answer to our own ping ends here. */
static bool
is_ping_answer(struct client *client, const struct element *stanza,
    uint8_t kind)
{
	const char *id = element_attribute(stanza, "id");
	const char *to = element_attribute(stanza, "to");

	return kind == FRAME_IQ_ANSWER && id &&
	       (!to || jid_domain_is(client_domain(client), to)) &&
	       keepalive_is_answer(client, id);
}

/* False: refused, since its answer could not be recognised. */
static bool
note_request(struct client *client, const struct element *stanza, uint8_t kind,
    const char *to)
{
	int error = kind == FRAME_IQ_REQUEST
			? login_requests_add_iq(client, stanza, to)
			: 0;
	const struct refusal *refusal = &too_many_requests;

	if (!error)
		return true;
	if (error == -EEXIST)
		refusal = &id_in_use;
	else if (error == -EACCES)
		refusal = &login_elsewhere;
	login_note_refused(client, stanza, refusal->fault.condition);
	refuse(client, stanza, kind, refusal);
	return false;
}

/* 0, or as jid_prepare_target(). */
static int
prepare_to(const struct client *client, const struct element *stanza,
    const char *to, char *prepared_out)
{
	const struct client_worker *worker = worker_of(client);
	const struct jid_domain *own = client_domain(client);

	if (!may_be_answered(stanza))
		return jid_prepare_answer(to, own, prepared_out);
	return jid_prepare_target(to, own,
	    worker->server.unassigned || worker->config->server.unassigned,
	    prepared_out);
}

/* What is said to everybody undoes what was said to some; leave.h. */
static void
note_presence(struct client *client, const struct element *stanza)
{
	struct session_info *info;
	const char *type = element_attribute(stanza, "type");

	if (client->slot == NO_SLOT)
		return;
	info = directory_info(worker_of(client)->directory, client->slot);
	if (!type)
		info->presence = PRESENCE_AVAILABLE;
	else if (info->presence == PRESENCE_AVAILABLE &&
		 strcmp(type, "unavailable") == 0 &&
		 !element_attribute(stanza, "to"))
		info->presence = PRESENCE_UNAVAILABLE;
}

static void
forward(struct client *client, const struct element *stanza, uint8_t kind,
    enum validity validity)
{
	struct client_worker *worker = worker_of(client);
	struct buf *out = &worker->rewritten;
	char *prepared = worker->prepared;
	const char *to = element_attribute(stanza, "to");
	int error = to ? prepare_to(client, stanza, to, prepared) : 0;

	if (error && !may_be_answered(stanza)) {
		client_note_dropped(client, STAT_ANSWERS_DROPPED, kind);
		return;
	} else if (error) {
		refuse(client, stanza, kind,
		    error == -EILSEQ ? &unassigned : &bad_address);
		return;
	}
	if (!note_request(client, stanza, kind, to ? prepared : NULL))
		return;
	if (kind == FRAME_IQ_REQUEST &&
	    pending_add_request(client, to ? prepared : NULL, stanza->bytes,
		stanza->len))
		deadline_update(client);
	else if (kind == FRAME_PRESENCE)
		note_presence(client, stanza);
	if (to && strcmp(to, prepared) == 0)
		to = NULL;
	else if (to)
		to = prepared;
	if (!to && validity == VALID && !element_attribute(stanza, "from")) {
		uplink_send(client, kind, stanza->bytes, stanza->len);
		return;
	}
	buf_reset(out);
	rewrite(stanza, to, validity == VALID_WITHOUT_TYPE, out);
	uplink_send(client, kind, buf_bytes(out), buf_len(out));
	buf_trim(out);
}

static void
filter_stanza(struct client *client, const struct element *stanza)
{
	enum validity validity;
	uint8_t kind;

	validity = check(stanza, &kind);
	if (validity == INVALID) {
		refuse(client, stanza, kind, &bad_request);
		return;
	}
	if (is_ping_answer(client, stanza, kind))
		return;
	forward(client, stanza, kind, validity);
}

static bool
is_stanza(const struct element *element)
{
	return strcmp(element->namespace, NS_CLIENT) == 0 &&
	       (strcmp(element->name, "message") == 0 ||
		   strcmp(element->name, "presence") == 0 ||
		   strcmp(element->name, "iq") == 0);
}

/* --- elements that end here --- */

static void
filter_stream_management(struct client *client, const struct element *element)
{
	struct client_worker *worker = worker_of(client);
	static const char *const requests[] = { "enable", "resume", NULL };

	client_note_dropped(client, STAT_ELEMENTS_UNUSED, FRAME_OTHER);
	if (!is_one_of(element->name, requests))
		return; /* acknowledgements of what was never enabled */
	buf_reset(&worker->scratch);
	buf_append_str(&worker->scratch, "<failed xmlns=\"");
	stream_escape_value(&worker->scratch, element->namespace,
	    strlen(element->namespace));
	buf_append_str(&worker->scratch,
	    "\"><feature-not-implemented xmlns=\"" NS_STANZAS "\"/>");
	stream_render_text(&worker->scratch, NS_STANZAS,
	    "Streams cannot be resumed here.");
	buf_append_str(&worker->scratch, "</failed>");
	output_control(client, &worker->scratch);
}

static void
filter_compression(struct client *client)
{
	client_note_dropped(client, STAT_ELEMENTS_UNUSED, FRAME_OTHER);
	answer(client,
	    "<failure xmlns=\"" NS_COMPRESS "\"><setup-failed/></failure>");
}

static void
filter_other(struct client *client, const struct element *element)
{
	const char *namespace = element->namespace;

	if (strcmp(namespace, NS_CSI) == 0)
		client_note_dropped(client, STAT_ELEMENTS_UNUSED, FRAME_OTHER);
	else if (strncmp(namespace, NS_SM, sizeof(NS_SM) - 1) == 0)
		filter_stream_management(client, element);
	else if (strcmp(namespace, NS_COMPRESS) == 0)
		filter_compression(client);
	else if (element_is(element, "error", NS_STREAM))
		client_close(client, CLOSE_PEER_CLOSED);
	else
		client_close(client, CLOSE_UNSUPPORTED_STANZA);
}

/* Nothing goes up before TLS where that is demanded. Who requests something,
 * as a rule to log in, is answered so and may begin TLS yet. */
static void
refuse_in_clear(struct client *client, const struct element *element)
{
	const struct refusal needs_tls = { STAT_REFUSED_REQUESTS,
		{ "modify", "policy-violation",
		    negotiate_tls_advice(client) } };
	const char *type = element_attribute(element, "type");

	if (strcmp(element->namespace, NS_SASL) == 0) {
		negotiate_sasl_in_clear(client, element);
	} else if (is_stanza(element) && strcmp(element->name, "iq") == 0 &&
		   type && strcmp(type, "result") != 0 &&
		   strcmp(type, "error") != 0) {
		login_note_refused(client, element, needs_tls.fault.condition);
		refuse(client, element, FRAME_IQ_REQUEST, &needs_tls);
	} else {
		client_close(client, CLOSE_TLS_REQUIRED);
	}
}

void
filter_element(struct client *client, const struct element *element)
{
	if (element_is(element, "starttls", NS_TLS)) {
		negotiate_starttls(client);
		return;
	}
	if (negotiate_needs_tls(client)) {
		refuse_in_clear(client, element);
		return;
	}
	if (strcmp(element->namespace, NS_SASL) == 0)
		negotiate_sasl(client, element);
	else if (is_stanza(element))
		filter_stanza(client, element);
	else
		filter_other(client, element);
}
