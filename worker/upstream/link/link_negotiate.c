/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_negotiate - from a connected socket to an authenticated link
 * (PROTOCOL.md §2.3-§2.8).
 *
 *   header -> features [-> starttls -> proceed -> TLS -> header -> features]
 *          -> handshake -> serving
 *
 * The server counts a link as a member from its header on and may send route
 * packets
 * over it at once; those are not for us here.
 */
#include "worker/upstream/link/link.h"

#include "common/net/digest.h"
#include "common/process/config.h"
#include "common/shm/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
enter(struct link *link, enum link_state state)
{
	link->state = state;
	link->since = upstream_now(link->up);
	link->deadline =
	    link->since + link->up->config->server.negotiate_timeout_s;
}

static void
send_scratch(struct link *link)
{
	if (!link_send(link, FRAME_CONTROL))
		link_fail(link, LOG_ERROR, "its control ring is full");
}

static void
send_header(struct link *link)
{
	struct upstream *up = link->up;
	char resource[48];

	/* Never used before (PROTOCOL.md §10.5). */
	snprintf(resource, sizeof(resource), "%08" PRIx32 "-%u-%" PRIu32,
	    up->run_id, link->number, link->attempt);
	buf_reset(&up->scratch);
	multiplex_render_header(&up->scratch, &up->names, resource);
	link_reader_restart(&link->reader);
	enter(link, LINK_OPENING);
	link->heard = false;
	send_scratch(link);
}

static void
secure(struct link *link)
{
	link_remember_tls(link);
	enter(link, LINK_SECURING);
	transport_start_tls_client(&link->transport, link->up->tls,
	    link->up->config->server.domain);
	link_want_write(link, true);
}

void
link_connected(struct link *link)
{
	if (link->up->config->server.tls == LINK_TLS_DIRECT)
		secure(link);
	else
		send_header(link);
	if (link->state == LINK_OPENING)
		link_remember(link);
	link_want_read(link, true);
}

void
links_take_held(struct upstream *up, const struct channel_message *message)
{
	struct link *link;

	if (message->link >= up->link_count)
		return;
	link = &up->links[message->link];
	/* It may speak of an attempt that is over. */
	if (link->state == LINK_CONNECTING && !link->lost && link->cookie &&
	    link->attempt == message->attempt &&
	    link->cookie == message->cookie)
		link_connected(link);
}

void
link_go_on_negotiating(struct link *link)
{
	enter(link, LINK_OPENING);
}

void
link_secured(struct link *link)
{
	send_header(link);
	/* What GnuTLS has read already wakes nobody. */
	if (transport_has_pending(&link->transport))
		link->up->platform->read_again(link->up->platform, link);
}

static void
on_header(struct link *link, const struct multiplex_item *item)
{
	if (link->state != LINK_OPENING) {
		link_fail(link, LOG_WARNING, "a stream header out of turn");
		return;
	}
	if (hint_of_header(item->namespace) != HINT_NONE) {
		link_hint(link, hint_of_header(item->namespace));
		link_fail(link, LOG_ERROR, "the server's stream is one of %s",
		    item->namespace);
		return;
	}
	if (!item->id && !link->id[0]) {
		stats_add(STAT_LINK_REFUSALS, 1);
		link_fail(link, LOG_ERROR,
		    "the server refuses this manager; check the secret there"
		    " (xmpp.multiplex.defaultSecret), and the name");
		return;
	}
	if (item->id && snprintf(link->id, sizeof(link->id), "%s", item->id) >=
			    (int)sizeof(link->id)) {
		link_fail(link, LOG_ERROR, "the stream's id is too long");
		return;
	}
	enter(link, LINK_FEATURES);
}

static void
send_handshake(struct link *link)
{
	struct upstream *up = link->up;
	char digest[DIGEST_SHA1_HEX + 1];

	digest_sha1_hex(link->id, up->config->server.password, digest);
	buf_reset(&up->scratch);
	multiplex_render_handshake(&up->scratch, digest);
	enter(link, LINK_PROVING);
	send_scratch(link);
}

static void
on_features(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	int tls = up->config->server.tls;
	bool secure = transport_is_secure(&link->transport);

	if (link->state != LINK_FEATURES)
		return;
	if (item->mechanisms)
		link_hint(link, HINT_CLIENT_PORT);
	if (!secure && item->starttls && tls != LINK_TLS_NONE) {
		buf_reset(&up->scratch);
		multiplex_render_starttls(&up->scratch);
		enter(link, LINK_STARTTLS);
		send_scratch(link);
	} else if (!secure && tls == LINK_TLS_REQUIRED) {
		link_fail(link, LOG_ERROR,
		    "xmpp.server.tls demands TLS, the server offers none");
	} else if (!secure && item->starttls_required) {
		link_fail(link, LOG_ERROR,
		    "the server demands TLS, xmpp.server.tls forbids it");
	} else {
		send_handshake(link);
	}
}

static void
on_proceed(struct link *link, const struct multiplex_item *item)
{
	(void)item;
	if (link->state != LINK_STARTTLS)
		return;
	/* It may be anybody's: nothing in clear text counts from here on. */
	if (link_reader_has_rest(&link->reader))
		link_fail(link, LOG_ERROR, "clear text behind <proceed/>");
	else
		secure(link);
}

static void
on_authenticated(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	char text[ENDPOINT_TEXT_MAX], tls[64];
	uint16_t version, cipher;

	(void)item;
	/* One that is being buried would stay in the set. */
	if (link->state != LINK_PROVING || link->lost)
		return;
	enter(link, LINK_SERVING);
	link->deadline = 0;
	link->joined = true;
	transport_describe(&link->transport, &version, &cipher, tls,
	    sizeof(tls));
	if (!transport_is_secure(&link->transport))
		link_forget_certificate(link);
	attempt_log_end_round(&up->attempt_log);
	hints_prove_port(&up->hints);
	link_set_join(&up->set, link->number);
	links_note_unsettled(up);
	link_remember(link);
	up->link_changes++;
	/* Who waits for links to be up may look at them next. */
	link_publish(link);
	stats_set(STAT_LINKS_UP, (uint64_t)__builtin_popcount(up->set.joined));
	/* Who reads it finds the link counted. */
	log_at(LOG_NOTICE, "link up link=%u address=%s tls=\"%s\" id=\"%s\"",
	    link->number, endpoint_print(&link->peer, text), tls,
	    log_escape(link->id, strlen(link->id)));
	up->link_events->on_joined(link);
}

static void
on_tls_failure(struct link *link, const struct multiplex_item *item)
{
	(void)item;
	if (link->state != LINK_STARTTLS)
		return;
	link_fail(link, LOG_ERROR, "the server cannot do TLS");
}

bool
link_negotiate(struct link *link, const struct multiplex_item *item)
{
	typedef void step_fn(struct link *, const struct multiplex_item *);
	static step_fn *const steps[MULTIPLEX_KIND_COUNT] = {
		[MULTIPLEX_HEADER] = on_header,
		[MULTIPLEX_FEATURES] = on_features,
		[MULTIPLEX_PROCEED] = on_proceed,
		[MULTIPLEX_TLS_FAILURE] = on_tls_failure,
		[MULTIPLEX_HANDSHAKE_OK] = on_authenticated,
	};

	if (!steps[item->kind])
		return false;
	steps[item->kind](link, item);
	return true;
}
