/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_read - what a link's socket has: connection and handshake completed,
 * bytes read, items handed out.
 */
#include "worker/upstream/link/link.h"

#include "common/base/breaks.h"
#include "common/net/tls.h"
#include "common/shm/stats.h"
#include "common/shm/store.h"
#include "worker/upstream/core/platform.h"

#include <errno.h>
#include <string.h>

#define READS_TURN 4   /* of LINK_READ_MAX bytes, in one turn */
#define FRESH_S    1.0 /* behind its handshake: packets may overtake */
#define REST_S     0.2 /* for what a link that is left still holds */

static void
explain_input(struct link *link, enum framer_result result)
{
	if (result == FRAMER_END) {
		link->input_ended = true;
		/* Behind an error it means no more than that. */
		if (link->joined && !link->lost)
			link->up->link_events->on_ended(link->up);
		link_retire(link);
		return;
	}
	link->input_broken = true;
	link_fail(link, LOG_ERROR, "the server sends no valid XML: %s",
	    framer_result_name(result));
}

/* One item; a successor finds it done with its effects, or undone. The one that
 * finds no room below is undone. */
static void
take_item(struct link *link, enum framer_result result)
{
	struct upstream *up = link->up;
	uint64_t end = link->received - link_reader_rest(&link->reader);
	struct ring_writer_cause outer_cause = up->cause;
	struct origin outer_origin = up->origin;

	link->item_since = 0;
	up->cause = (struct ring_writer_cause){ up->memory, link->number, end };
	up->origin =
	    (struct origin){ lane_place(LANE_OF_LINK, link->number, end),
		    link->attempt };
	if (BREAK(PARSED_FIRST)) {
		link->done = end;
		link_note_done(link);
	}
	up->link_events->on_item(link, result);
	up->cause = outer_cause;
	up->origin = outer_origin;
	link->deferred = up->deferred ? result : FRAMER_MORE;
	up->deferred = false;
	if (link->deferred != FRAMER_MORE)
		return;
	link->done = end;
	link_note_done(link);
}

/* All items of the bytes fed last, as long as there is room below. */
static void
take_items(struct link *link, enum framer_result result)
{
	while (result == FRAMER_HEADER || result == FRAMER_ELEMENT ||
	       result == FRAMER_TOO_BIG) {
		take_item(link, result);
		if (link->state == LINK_SECURING || link->input_broken)
			return;
		link->stalled = link->up->blocked;
		if (link->stalled)
			return;
		result = link_reader_next(&link->reader);
	}
	if (result == FRAMER_MORE && link_reader_is_inside(&link->reader)) {
		if (link->item_since <= 0)
			link->item_since = upstream_now(link->up);
		return;
	}
	link->item_since = 0;
	/* An end is for a successor to find, too. */
	if (result == FRAMER_MORE) {
		link->done = link->received - link_reader_rest(&link->reader);
		link_note_done(link);
	} else {
		explain_input(link, result);
	}
}

/* Of what TLS has opened already no descriptor tells. */
static void
read_pending(struct link *link)
{
	if (!link->lost && !link->stalled &&
	    transport_has_pending(&link->transport))
		link_platform(link)->read_again(link_platform(link), link);
}

static void
finish_items(struct link *link)
{
	if (link->reading)
		return;
	link->stalled = false;
	link->reading = true;
	take_items(link, link->deferred != FRAMER_MORE
			     ? link->deferred
			     : link_reader_next(&link->reader));
	link->reading = false;
}

bool
link_go_on(struct link *link)
{
	if (!link->stalled || link->up->blocked || link->reading)
		return false;
	finish_items(link);
	read_pending(link);
	return true;
}

static void
explain_io(struct link *link, enum io_result result)
{
	link->input_broken = true;
	link_hint_of_silence(link);
	if (link->state == LINK_ENDING)
		link_fail(link, LOG_NOTICE, "ended in order");
	else if (result == IO_EOF && link->state == LINK_FEATURES)
		link_fail(link, LOG_ERROR,
		    "the server closed behind its header; check the secret"
		    " there, and this manager's name");
	else
		link_fail(link, LOG_WARNING,
		    result == IO_EOF ? "the server closed the connection"
				     : "the connection broke");
}

/* True and bytes in hand, for take(). */
static bool
fetch(struct link *link, const uint8_t **bytes_out, size_t *len_out)
{
	size_t room;
	uint8_t *at = link_room(link, &room);
	enum io_result result;

	*bytes_out = at;
	*len_out = 0;
	result = link_platform(link)->read(link_platform(link),
	    &link->transport, at, room, len_out);
	if (result == IO_AGAIN)
		return false;
	if (result != IO_OK) {
		explain_io(link, result);
		return false;
	}
	link->received += *len_out;
	link->last_received = upstream_now(link->up);
	stats_add(STAT_LINK_BYTES_DOWN, *len_out);
	return true;
}

/* Hands out more of what was read, LINK_READ_MAX bytes at most. */
static void
feed(struct link *link, const uint8_t *bytes, size_t len)
{
	link->received += len;
	link->reading = true;
	take_items(link, link_reader_feed(&link->reader, bytes, len));
	link->reading = false;
}

/* True when it may go on with what comes behind. */
static bool
take(struct link *link, const uint8_t *bytes, size_t len)
{
	if (link->input_ended)
		return true; /* only its end matters now */
	link_hear(link, bytes, len);
	take_items(link, link_reader_feed(&link->reader, bytes, len));
	return !link->input_broken && !link->stalled &&
	       link->state != LINK_SECURING;
}

/* What comes next of the buffer; none of it where its stream has ended. */
static void
feed_next(struct link *link)
{
	uint64_t place =
	    (link->received - link->origin) & (link->buffer_bytes - 1);
	uint64_t len =
	    MIN(link->resume_end - link->received, link->buffer_bytes - place);

	kill_point("before what was read");
	feed(link, link->buffer + place, MIN(len, (uint64_t)LINK_READ_MAX));
}

void
link_read_resumed(struct link *link)
{
	if (!link->resuming || !link->up->briefed || link->reading)
		return;
	while (link->received < link->resume_end && !link->stalled &&
	       !link->input_broken && !link->input_ended)
		feed_next(link);
	if (link->stalled) /* goes on when there is room */
		return;
	link->received = link->resume_end;
	link->resuming = false;
	link_want_read(link, true);
}

void
link_replay(struct link *link, uint64_t to)
{
	link->replaying = true;
	while (link->received < to && !link->lost)
		feed(link, link->buffer + link->received,
		    MIN(to - link->received, (uint64_t)LINK_READ_MAX));
	link->replaying = false;
}

static bool
may_read(const struct link *link)
{
	/* An item of one link may make us read another, which reads this one:
	 * not in the midst of its items. */
	return link->fd >= 0 && !link->input_broken && !link->reading &&
	       !link->stalled && !link->resuming &&
	       link->state > LINK_CONNECTING && link->state != LINK_SECURING;
}

void
link_read_rest(struct link *link)
{
	struct platform *platform = link_platform(link);
	double end = platform->now(platform) + REST_S;
	const uint8_t *bytes;
	size_t len;

	(void)link_go_on(link);
	link_read_resumed(link);
	if (!may_read(link))
		return;
	link->reading = true;
	/* By the clock, not by count: over TLS a read is one record only. */
	while (fetch(link, &bytes, &len) && take(link, bytes, len) &&
	       platform->now(platform) < end)
		;
	link->reading = false;
}

/* True when the server may have written to `other` what it wrote first, and to
 * `link` what came next. When a link comes or goes it spreads its streams anew;
 * a link may have route packets before its handshake is answered. */
static bool
is_before(const struct link *other, const struct link *link)
{
	bool fresh =
	    !link->joined || upstream_now(link->up) < link->since + FRESH_S;

	if (other->state == LINK_ENDING || other->lost)
		return true;
	return fresh && other->joined &&
	       (!link->joined || other->since < link->since);
}

static void
read_older(const struct link *link)
{
	struct upstream *up = link->up;

	for (unsigned i = 0; i < up->link_count; i++)
		if (&up->links[i] != link && is_before(&up->links[i], link))
			link_read_rest(&up->links[i]);
}

static void
link_read(struct link *link)
{
	const uint8_t *bytes;
	size_t len;

	if (may_read(link)) {
		link->reading = true;
		for (int i = 0; i < READS_TURN && fetch(link, &bytes, &len);
		     i++) {
			/* With these bytes in hand, not before: older ones
			 * may have come in between. */
			read_older(link);
			if (!take(link, bytes, len) ||
			    !transport_may_hold_more(&link->transport, len,
				LINK_READ_MAX))
				break;
		}
		link->reading = false;
	}
	read_pending(link);
}

void
link_write_failed(struct link *link)
{
	link_read_rest(link);
	link_fail(link, LOG_WARNING, "the connection broke");
}

/* --- events --- */

static void
go_on_with_handshake(struct link *link)
{
	struct tls_error error;
	enum io_result result;

	error.text[0] = '\0'; /* the rest is long */
	link_hear_before_tls(link);
	result = transport_handshake(&link->transport, &error);
	if (result != IO_AGAIN)
		link_look_at_certificate(link);
	if (result == IO_FAILED || result == IO_EOF) {
		link_hint_of_silence(link);
		link_fail(link, LOG_ERROR, "TLS with the server failed: %s",
		    error.text[0] ? error.text : "connection closed");
		return;
	}
	link_want_write(link, transport_wants_write(&link->transport));
	if (result == IO_OK)
		link_secured(link);
}

static void
finish_connecting(struct link *link)
{
	char text[ENDPOINT_TEXT_MAX];
	int error =
	    link_platform(link)->connect_result(link_platform(link), link->fd);

	if (error) {
		if (error == ECONNREFUSED)
			link_hint(link, HINT_REFUSED);
		link_fail(link, LOG_WARNING, "cannot connect to %s: %s",
		    endpoint_print(&link->peer, text), strerror(error));
		return;
	}
	link->last_received = link->last_sent = upstream_now(link->up);
	if (!link_give_socket(link))
		link_connected(link);
}

static void
on_writable(struct link *link)
{
	if (link->state == LINK_CONNECTING) {
		link_watch(link, PLATFORM_WRITE, false);
		finish_connecting(link);
	} else if (link->state == LINK_SECURING) {
		go_on_with_handshake(link);
	} else {
		/* The pump writes, before this process sleeps again. */
		link_watch(link, PLATFORM_WRITE, false);
	}
}

void
link_ready(struct link *link, enum platform_event event)
{
	if (link->lost)
		return;
	if (event == PLATFORM_WRITE)
		on_writable(link);
	else if (link->state == LINK_SECURING)
		go_on_with_handshake(link);
	else
		link_read(link);
}
