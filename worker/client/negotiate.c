/* SPDX-License-Identifier: Apache-2.0 */
/* Stream headers, features, STARTTLS and SASL, as far as they end here
 * (PROTOCOL.md §8, §9; RFC 6120 §4-§6). */
#include "worker/client/negotiate.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/tls.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/process/stream_id.h"
#include "common/shm/directory.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/client_session.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/input_kept.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/output.h"
#include "worker/client/server.h"
#include "worker/client/state.h"
#include "worker/client/uplink.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#define NS_XML "http://www.w3.org/XML/1998/namespace"

bool
negotiate_needs_tls(const struct client *client)
{
	/* A policy that becomes stricter ends no session that runs. */
	return client_offer(client)->tls_policy == SERVER_TLS_REQUIRED &&
	       !client_is_authenticated(client) && !client_is_secure(client);
}

static bool
may_start_tls(const struct client *client)
{
	struct client_worker *worker = worker_of(client);

	return worker->tls && worker->offers_tls &&
	       client_offer(client)->tls_policy != SERVER_TLS_DISABLED &&
	       !client_is_secure(client);
}

const char *
negotiate_tls_advice(const struct client *client)
{
	return may_start_tls(client)
		   ? close_info(CLOSE_TLS_REQUIRED)->text
		   : "Encryption is required, and there is none here: the "
		     "service has no certificate. Tell its administrator.";
}

/* --- the header we send --- */

/* The tag that the client's header gives; NULL: none. */
static const char *
language_of(const struct element *header)
{
	size_t i;

	for (i = 0; header && i < header->attribute_count; i++) {
		const struct attribute *a = &header->attributes[i];

		if (strcmp(a->name, "lang") == 0 &&
		    strcmp(a->namespace, NS_XML) == 0 &&
		    stream_is_language(a->value))
			return a->value;
	}
	return NULL;
}

/* Who the client says it is, without a resource, whatever that is (RFC 6120
 * §4.7.2); NULL: it does not, or that is no address. */
static const char *
sender_of(const struct element *header, char bare_out[JID_MAX + 1])
{
	const char *from = header ? element_attribute(header, "from") : NULL;
	char bare[JID_MAX + 1];
	size_t len = from ? strcspn(from, "/") : 0;

	if (len == 0 || len > JID_MAX)
		return NULL;
	memcpy(bare, from, len);
	bare[len] = '\0';
	return jid_prepare(bare, bare_out) == 0 ? bare_out : NULL;
}

void
negotiate_render_header(const struct client *client,
    const struct element *theirs, struct buf *out)
{
	struct client_worker *worker = worker_of(client);
	char sender[JID_MAX + 1];
	struct stream_header header = {
		.from = client_domain(client)->spelling,
		.to = sender_of(theirs, sender),
		.language = language_of(theirs),
		.version = (client->flags & CLIENT_VERSION_1) != 0,
	};
	char id[STREAMID_MAX + 1];
	uint8_t random[8];
	size_t i;

	if (client->slot != NO_SLOT) {
		(void)stream_id_print(worker->directory, client->slot, id);
	} else { /* refused before it had a session */
		digest_random(random, sizeof(random));
		for (i = 0; i < sizeof(random); i++)
			id[i] = (char)('a' + random[i] % 26);
		id[i] = '\0';
	}
	header.id = id;
	stream_render_header(out, &header);
}

void
negotiate_send_header(struct client *client, const struct element *theirs)
{
	struct client_worker *worker = worker_of(client);

	client->flags |= CLIENT_HEADER_SENT;
	buf_reset(&worker->scratch);
	negotiate_render_header(client, theirs, &worker->scratch);
	output_control(client, &worker->scratch);
}

/* A server may offer less to who speaks in clear text. */
static void
take_offer(const struct client *client, struct stream_features *features)
{
	const struct server_offer *offer = client_offer(client);
	bool clear = offer->has_clear && !client_is_secure(client);

	features->mechanisms =
	    clear ? offer->clear_mechanisms : offer->mechanisms;
	features->non_sasl_auth =
	    clear ? offer->clear_non_sasl_auth : offer->non_sasl_auth;
	features->in_band_register =
	    clear ? offer->clear_in_band_register : offer->in_band_register;
}

/* For who has only the client's own log. */
static void
log_restart(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	char streamid[STREAMID_MAX + 1], stream_id[STREAMID_MAX + 1];
	char address[ENDPOINT_TEXT_MAX];

	if (!log_is_on(LOG_INFO))
		return;
	directory_streamid(worker->directory, client->slot, streamid);
	(void)stream_id_print(worker->directory, client->slot, stream_id);
	log_limited(LOG_INFO, 50,
	    "stream restarted after log-in session=%s stream_id=%s address=%s",
	    streamid, stream_id, client_peer_text(client, address));
}

static void
send_features(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	bool authenticated = client_is_authenticated(client);
	struct stream_features features = {
		.stage = authenticated ? STAGE_AFTER_AUTH : STAGE_BEFORE_AUTH,
		.starttls = may_start_tls(client),
		.starttls_required = negotiate_needs_tls(client),
		.roster_versioning = true,
		.max_stanza_bytes = authenticated
					? worker->config->client.stanza_bytes
					: worker->config->client.preauth_bytes,
		.idle_s = worker->config->client.idle_s > 0
			      ? (unsigned)worker->config->client.idle_s
			      : 0,
	};

	if (features.starttls_required && !features.starttls)
		log_limited(LOG_ERROR, 1,
		    "the server demands TLS and there is no certificate; "
		    "nobody can log in here; see xmpp.socket.ssl.certificate");
	if (!(client->flags & CLIENT_VERSION_1))
		return;
	take_offer(client, &features);
	buf_reset(&worker->scratch);
	stream_render_features(&worker->scratch, &features);
	output_control(client, &worker->scratch);
}

/* --- the header we get --- */

static enum close_reason
check_header(struct client *client, const struct element *header,
    bool *refused_out)
{
	const char *namespace = element_attribute(header, "xmlns");

	*refused_out = true;
	if (strcmp(header->name, "stream") != 0)
		return CLOSE_BAD_FORMAT;
	if (strcmp(header->namespace, NS_STREAM) != 0)
		return CLOSE_INVALID_NAMESPACE;
	/* The style without prefixes has each stanza say what it is (RFC 6120
	 * §4.8.2). */
	if (!namespace || (strcmp(namespace, NS_CLIENT) != 0 &&
			      strcmp(namespace, NS_STREAM) != 0))
		return CLOSE_INVALID_NAMESPACE;
	if (!client_domain_choose(client, element_attribute(header, "to")))
		return CLOSE_HOST_UNKNOWN;
	*refused_out = false;
	return CLOSE_INTERNAL;
}

/* "1.0" and all that is higher are spoken to as 1.0 (RFC 6120 §4.7.5). */
static bool
is_version_1(const char *version)
{
	return version && strtol(version, NULL, 10) >= 1;
}

static void
note_tls(struct client *client)
{
	struct session_info *info;
	char text[8];

	if (client->slot == NO_SLOT || !client_is_secure(client))
		return;
	info = directory_info(worker_of(client)->directory, client->slot);
	if (client->flags & CLIENT_OFFLOADED) {
		info->transport |= TRANSPORT_OFFLOADED;
		return;
	}
	if (!(client->flags & CLIENT_DIRECT_TLS))
		info->transport = TRANSPORT_STARTTLS;
	transport_describe(&client->transport, &info->tls_version,
	    &info->tls_cipher, text, sizeof(text));
}

/* The stream error comes after an answer to the header. */
static void
refuse_header(struct client *client, const struct element *header,
    enum close_reason reason)
{
	negotiate_send_header(client, header);
	client_close(client, reason);
}

void
negotiate_header(struct client *client, const struct element *header)
{
	struct client_worker *worker = worker_of(client);
	enum close_reason reason;
	bool refused;

	if (is_version_1(element_attribute(header, "version")))
		client->flags |= CLIENT_VERSION_1;
	server_watch(worker); /* the news may be newer than the last turn */
	reason = check_header(client, header, &refused);
	if (refused) {
		refuse_header(client, header, reason);
		return;
	}
	if (client->slot == NO_SLOT && worker->server.phase != SERVER_SERVING &&
	    !server_is_paused(worker)) {
		stats_add(STAT_CLIENTS_REFUSED, 1);
		refuse_header(client, header, CLOSE_NO_SERVER);
		return;
	}
	if (!client_claim_session(client)) {
		refuse_header(client, header, CLOSE_OVERLOAD);
		return;
	}
	note_tls(client);
	if (client->state == CLIENT_RESTARTING)
		log_restart(client);
	/* Before the answer, which may be more than the client lets wait. */
	if (client_enter(client, client->state == CLIENT_RESTARTING
				     ? CLIENT_OPEN
				     : CLIENT_NEGOTIATING)) {
		negotiate_send_header(client, header);
		send_features(client);
		deadline_step(client);
		output_resume(client);
	}
}

/* --- TLS --- */

void
negotiate_starttls(struct client *client)
{
	struct client_worker *worker = worker_of(client);

	if (!may_start_tls(client) || client->state != CLIENT_NEGOTIATING) {
		client_close(client, CLOSE_TLS_UNAVAILABLE);
		return;
	}
	/* Clear text behind <starttls/> is thrown away: it must not count as
	 * sent under TLS (PROTOCOL.md §9). */
	input_forget(client);
	client_set_read(client, false);
	(void)client_enter(client, CLIENT_STARTING_TLS);
	buf_reset(&worker->scratch);
	buf_append_str(&worker->scratch, "<proceed xmlns=\"" NS_TLS "\"/>");
	output_proceed(client, &worker->scratch);
}

/* --- SASL --- */

static void
refuse_sasl(struct client *client, const char *condition, const char *text)
{
	struct client_worker *worker = worker_of(client);

	buf_reset(&worker->scratch);
	buf_printf(&worker->scratch, "<failure xmlns=\"" NS_SASL "\"><%s/>",
	    condition);
	stream_render_text(&worker->scratch, NS_SASL, text);
	buf_append_str(&worker->scratch, "</failure>");
	output_control(client, &worker->scratch);
	client->flags |= CLIENT_SASL_REFUSED;
}

static void
forward_sasl(struct client *client, const struct element *element, bool begins)
{
	if (!login_requests_add_sasl(client, element)) {
		client_close(client, CLOSE_POLICY);
		return;
	}
	if (begins)
		(void)client_enter(client, CLIENT_AUTHENTICATING);
	uplink_send(client, FRAME_AUTH, element->bytes, element->len);
}

void
negotiate_sasl(struct client *client, const struct element *element)
{
	bool is_auth = strcmp(element->name, "auth") == 0;
	bool is_response = strcmp(element->name, "response") == 0;
	/* The server would let a session log in again as someone else. */
	bool again = client_is_authenticated(client);

	if (!again && strcmp(element->name, "abort") == 0) {
		login_note_abort(client, "aborted");
		login_requests_end_sasl(client);
		if (client->state == CLIENT_AUTHENTICATING)
			(void)client_enter(client, CLIENT_NEGOTIATING);
		refuse_sasl(client, "aborted", "The log-in was given up.");
	} else if (!again &&
		   ((is_auth && client->state == CLIENT_NEGOTIATING) ||
		       (is_response &&
			   client->state == CLIENT_AUTHENTICATING))) {
		forward_sasl(client, element, is_auth);
	} else if (again || is_auth || is_response) {
		client_close(client, CLOSE_POLICY);
	} else {
		client_close(client, CLOSE_UNSUPPORTED_STANZA);
	}
}

void
negotiate_sasl_in_clear(struct client *client, const struct element *element)
{
	if (strcmp(element->name, "auth") != 0 &&
	    strcmp(element->name, "response") != 0) {
		client_close(client, CLOSE_TLS_REQUIRED);
		return;
	}
	client_note_dropped(client, STAT_REFUSED_REQUESTS, FRAME_AUTH);
	login_note_refused(client, element, "encryption-required");
	/* One may be under way when the server begins to demand TLS. */
	login_requests_end_sasl(client);
	if (client->state == CLIENT_AUTHENTICATING)
		(void)client_enter(client, CLIENT_NEGOTIATING);
	refuse_sasl(client, "encryption-required",
	    negotiate_tls_advice(client));
}

void
negotiate_success(struct client *client)
{
	struct session_info *info;

	if (!client_enter(client, CLIENT_RESTARTING))
		return;
	client->flags &= (uint16_t)~CLIENT_HEADER_SENT;
	login_requests_settle(client);
	info = directory_info(worker_of(client)->directory, client->slot);
	info->phase = SESSION_AUTHENTICATED;
	info->after_sasl = 1;
	input_restart(client);
}
