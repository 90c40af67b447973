/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch - items from the server, each to where it belongs.
 */
#include "worker/upstream/receive/dispatch.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "worker/dropped.h"
#include "worker/upstream/core/session_words.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/service/outage.h"
#include "worker/upstream/session/session.h"
#include "worker/upstream/session/session_revalidation.h"

#include <stdio.h>
#include <string.h>

static bool
find(struct upstream *up, const char *streamid, struct session *session_out)
{
	return directory_find(up->directory, streamid, strlen(streamid),
		   &session_out->slot, &session_out->generation) == 0;
}

/* Answers are optional: the server ignores them (PROTOCOL.md §4). */
static void
answer(struct link *link, const char *id, bool known)
{
	struct upstream *up = link->up;

	if (!id || link->state < LINK_PROVING || link->state > LINK_SERVING)
		return;
	buf_reset(&up->scratch);
	if (known)
		multiplex_render_iq_result(&up->scratch, &up->names, id);
	else
		multiplex_render_iq_error(&up->scratch, &up->names, id);
	link_send_if_room(link);
}

static void
ignore(const struct link *link, const char *what)
{
	stats_add(STAT_ITEMS_IGNORED, 1);
	log_limited(LOG_INFO, 5,
	    "an item from the server is ignored link=%u what=\"%s\"",
	    link->number, log_escape(what, strlen(what)));
}

/* --- what concerns a session --- */

/* What the rings carry it as. */
static const uint8_t frame_kinds[CONTENT_KIND_COUNT] = {
	[CONTENT_OTHER] = FRAME_OTHER,
	[CONTENT_MESSAGE] = FRAME_MESSAGE,
	[CONTENT_PRESENCE] = FRAME_PRESENCE,
	[CONTENT_IQ_REQUEST] = FRAME_IQ_REQUEST,
	[CONTENT_IQ_ANSWER] = FRAME_IQ_ANSWER,
	[CONTENT_SUCCESS] = FRAME_SUCCESS,
	[CONTENT_CHALLENGE] = FRAME_CHALLENGE,
	[CONTENT_FAILURE] = FRAME_FAILURE,
	[CONTENT_STREAM_ERROR] = FRAME_STREAM_ERROR,
};

static void
on_packet(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	const struct session_item stanza = { frame_kinds[item->content],
		item->bytes, item->len };
	struct session session;

	if (!find(up, item->streamid, &session)) {
		session_close_unknown(up, item->streamid, &stanza);
		return;
	}
	session_answered(up, session);
	if (item->len > up->config->server.item_bytes)
		session_too_big(up, session);
	else
		session_deliver(up, session, &stanza);
}

static void
on_packet_error(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	const struct session_item nothing = { .kind = FRAME_PACKET_ERROR };
	struct session_words words;
	struct session session;

	if (!find(up, item->streamid, &session)) {
		/* Never answered: it would come back for ever. */
		dropped_note(STAT_UNKNOWN_SESSIONS, FRAME_PACKET_ERROR,
		    item->streamid, NULL);
	} else if (strcmp(item->condition, "item-not-found") != 0) {
		session_deliver(up, session, &nothing);
		if (up->deferred)
			return;
		stats_add(STAT_PACKET_ERRORS, 1);
		session_words(up, session, &words);
		log_limited(LOG_INFO, 5,
		    "<route/> with an error " SESSION_WORDS " condition=\"%s\"",
		    words.id, words.address,
		    log_escape(item->condition, strlen(item->condition)));
	} else if (!revalidation_note_not_found(up, session.slot,
		       session.generation)) {
		session_not_found(up, session);
	}
}

/* The server ends a session (PROTOCOL.md §5.4). */
static void
on_session_close(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	const struct session_item words = { FRAME_SERVER_CLOSE, item->bytes,
		item->len };
	struct session session;

	if (find(up, item->streamid, &session))
		session_deliver(up, session, &words);
	else
		session_close_unknown(up, item->streamid, &words);
	if (!up->deferred)
		answer(link, item->id, true);
}

static void
on_created(struct link *link, const struct multiplex_item *item)
{
	struct session session;

	if (find(link->up, item->streamid, &session))
		session_answered(link->up, session);
}

static void
on_create_refused(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	const struct session_item refusal = { .kind = FRAME_REFUSED,
		.bytes = (const uint8_t *)item->condition,
		.len = strlen(item->condition) };
	struct session_words words;
	struct session session;

	if (!find(up, item->streamid, &session))
		return;
	/* Only a request that has no answer can be refused. */
	if ((session_flags(up, session) & (ROUTE_CREATED | ROUTE_ANSWERED)) !=
	    ROUTE_CREATED) {
		ignore(link, "refusal of a session that was not requested");
		return;
	}
	session_deliver(up, session, &refusal);
	if (up->deferred)
		return;
	session_words(up, session, &words);
	log_limited(LOG_INFO, 5,
	    "the server refuses a session reason=%s " SESSION_WORDS,
	    log_escape(item->condition, strlen(item->condition)), words.id,
	    words.address);
}

static void
on_closed(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	struct session session;

	/* An answer to no request of ours ends nobody. */
	if (find(up, item->streamid, &session) &&
	    (session_flags(up, session) & ROUTE_CLOSING))
		session_ended(up, session);
}

/* --- what concerns a link --- */

/* The server sends the answers for a name on any link of it. */
static void
note_namesake(struct upstream *up)
{
	char details[MANAGER_NAME_MAX + 16];

	if (!hints_note_foreign(&up->hints, upstream_now(up) - up->began_s,
		up->config->server.hang_timeout_s))
		return;
	snprintf(details, sizeof(details), "name=%s", up->names.manager);
	hints_log(&up->hints, HINT_SAME_NAME, details);
}

static void
on_barrier_answer(struct link *link, const struct multiplex_item *item)
{
	struct upstream *up = link->up;
	struct link *queried;
	uint64_t serial, covers;
	unsigned number;

	if (!item->id)
		return;
	if (barrier_is_foreign(item->id, up->run_id))
		note_namesake(up);
	if (barrier_parse(item->id, up->run_id, &number, &serial) != 0 ||
	    number >= up->link_count)
		return;
	queried = &up->links[number];
	if (barrier_answered(&queried->barriers, serial, upstream_now(up),
		&covers) != 0)
		return;
	stats_add(STAT_BARRIERS_ANSWERED, 1);
	log_at(LOG_DEBUG, "barrier answered link=%u round_trip_ms=%.1f", number,
	    queried->barriers.round_trip_s * 1000);
	link_answered(queried);
	pump_confirm(queried, covers);
	revalidation_barrier_answered(queried, serial);
	isolation_answered(queried, serial);
}

static void
on_stream_error(struct link *link, const struct multiplex_item *item)
{
	const char *condition = item->condition;

	if (strcmp(condition, "system-shutdown") == 0) {
		link_fail(link, LOG_NOTICE, "the server shuts down");
		/* Before the handshake it may be anybody's word. */
		if (link->joined)
			outage_shutdown(link->up);
	} else if (strcmp(condition, "not-authorized") == 0) {
		stats_add(STAT_LINK_REFUSALS, 1);
		link_fail(link, LOG_ERROR,
		    "not authorized; check the secret (xmpp.password here,"
		    " xmpp.multiplex.defaultSecret on the server)");
	} else {
		link_hint(link,
		    hint_of_error(condition, endpoint_port(&link->peer)));
		link_fail(link, LOG_ERROR, "stream error %s",
		    log_escape(condition, strlen(condition)));
	}
}

static void
on_configuration(struct link *link, const struct multiplex_item *item)
{
	answer(link, item->id, true);
	/* It follows the handshake; before, it may be anybody's word. */
	if (!link->joined)
		return;
	outage_configure(link->up, item->from, &item->configuration);
}

static void
on_unknown_iq(struct link *link, const struct multiplex_item *item)
{
	log_limited(LOG_INFO, 5, "unknown iq link=%u", link->number);
	answer(link, item->id, false);
}

static void
on_ignored(struct link *link, const struct multiplex_item *item)
{
	ignore(link, item->condition[0] ? item->condition
					: "answer to no request of ours");
}

/* A result changes nothing; an error means that a message is lost. */
static void
on_failed_answer(struct link *link, const struct multiplex_item *item)
{
	(void)link;
	if (item->condition[0])
		dropped_note(STAT_RETURNS_REFUSED, FRAME_FAILED, item->streamid,
		    NULL);
}

/* --- all --- */

static void
handle(struct link *link, const struct multiplex_item *item)
{
	typedef void item_fn(struct link *, const struct multiplex_item *);
	static item_fn *const handlers[MULTIPLEX_KIND_COUNT] = {
		[MULTIPLEX_CONFIGURATION] = on_configuration,
		[MULTIPLEX_CREATED] = on_created,
		[MULTIPLEX_CREATE_REFUSED] = on_create_refused,
		[MULTIPLEX_CLOSED] = on_closed,
		[MULTIPLEX_BARRIER_ANSWER] = on_barrier_answer,
		[MULTIPLEX_FAILED_ANSWER] = on_failed_answer,
		[MULTIPLEX_SESSION_CLOSE] = on_session_close,
		[MULTIPLEX_PACKET] = on_packet,
		[MULTIPLEX_PACKET_ERROR] = on_packet_error,
		[MULTIPLEX_STREAM_ERROR] = on_stream_error,
		[MULTIPLEX_UNKNOWN_IQ] = on_unknown_iq,
		[MULTIPLEX_IGNORED] = on_ignored,
	};

	if (handlers[item->kind])
		handlers[item->kind](link, item);
}

/* Skipped while it streamed in: it costs its session (DELIVERY.md §7). */
static void
skip(struct link *link)
{
	const struct element *element = framer_element(link->reader.framer);
	const char *streamid = element_attribute(element, "streamid");
	struct session session;

	if (strcmp(element->name, "route") == 0 && streamid &&
	    find(link->up, streamid, &session)) {
		session_too_big(link->up, session);
	} else {
		stats_add(STAT_ITEMS_TOO_BIG, 1);
		log_limited(LOG_WARNING, 5,
		    "a stanza from the server is too large and is skipped "
		    "link=%u",
		    link->number);
	}
}

void
dispatch_item(struct link *link, enum framer_result result)
{
	struct framer *framer = link->reader.framer;
	struct multiplex_item item;

	if (result == FRAMER_TOO_BIG) {
		if (!link->replaying)
			skip(link);
		return;
	}
	multiplex_decode(framer, framer_element(framer),
	    link->up->names.manager, &item);
	if (!link_negotiate(link, &item) && !link->replaying)
		handle(link, &item);
	if (item.kind == MULTIPLEX_PACKET && !link->up->deferred &&
	    !link->replaying && framer_element(framer)->child_count > 1)
		ignore(link, "more than one element in a <route/>");
}
