/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/session/session.h"

#include "common/base/log.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/stream.h"
#include "worker/dropped.h"
#include "worker/parsed.h"
#include "worker/upstream/core/damage.h"
#include "worker/upstream/core/session_words.h"
#include "worker/upstream/send/lane.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static unsigned
lane_of(struct session session)
{
	return session.slot % LANE_COUNT;
}

/* --- what upstream itself says of it --- */

bool
session_close_id(struct upstream *up, const char *streamid, unsigned lane,
    struct session session)
{
	char id[SESSION_ID_MAX];

	buf_reset(&up->scratch);
	multiplex_render_close(&up->scratch, &up->names, streamid,
	    session_new_id(up, id));
	return lane_say(up, lane, FRAME_CLOSE, session);
}

bool
session_close(struct upstream *up, struct session session)
{
	char streamid[STREAMID_MAX + 1];

	if (!session_is_live(up, session))
		return true;
	directory_streamid(up->directory, session.slot, streamid);
	if (!session_close_id(up, streamid, lane_of(session), session))
		return false;
	/* Ours goes before what its worker left in the same lane. */
	session_set_flag(up, session, ROUTE_CLOSING, true);
	return true;
}

bool
session_make_unavailable(struct upstream *up, struct session session)
{
	char streamid[STREAMID_MAX + 1];

	if (!session_is_live(up, session))
		return true;
	directory_streamid(up->directory, session.slot, streamid);
	buf_reset(&up->scratch);
	multiplex_render_packet_start(&up->scratch, &up->names, streamid);
	buf_append_str(&up->scratch, "<presence type=\"unavailable\"/>");
	multiplex_render_packet_end(&up->scratch);
	return lane_say(up, lane_of(session), FRAME_PRESENCE, session);
}

static void
session_return(struct upstream *up, const char *streamid, unsigned lane,
    struct session session, const struct session_item *item)
{
	enum frame_kind kind = FRAME_FAILED;
	struct session_words words;
	char id[SESSION_ID_MAX];
	int error;

	session_words(up, session, &words);
	buf_reset(&up->scratch);
	if (item->kind == FRAME_MESSAGE) {
		error = multiplex_render_failed(&up->scratch, &up->names,
		    streamid, session_new_id(up, id), item->bytes, item->len);
	} else if (item->kind == FRAME_IQ_REQUEST) {
		kind = FRAME_IQ_ANSWER;
		multiplex_render_packet_start(&up->scratch, &up->names,
		    streamid);
		error = multiplex_render_undelivered(&up->scratch, item->bytes,
		    item->len);
		multiplex_render_packet_end(&up->scratch);
	} else {
		dropped_note_late(item->kind, streamid, words.address);
		return;
	}
	if (error)
		dropped_note(STAT_RETURNS_TOO_LARGE, item->kind, streamid,
		    words.address);
	else if (lane_say(up, lane, kind, session))
		stats_add(STAT_STANZAS_RETURNED, 1);
	else
		dropped_note(STAT_RETURNS_CROWDED, item->kind, streamid,
		    words.address);
}

void
session_return_own(struct upstream *up, struct session session,
    const struct session_item *item)
{
	char streamid[STREAMID_MAX + 1];

	if (!session_is_live(up, session)) {
		dropped_note_late(item->kind, "-", NULL);
		return;
	}
	directory_streamid(up->directory, session.slot, streamid);
	session_return(up, streamid, lane_of(session), session, item);
}

/* --- down --- */

static int
push_down(struct upstream *up, uint32_t partition, const struct frame_id *id,
    const struct session_item *item)
{
	struct partition *owner = &up->partitions[partition];
	struct frame_fields fields;
	bool has_fields =
	    parsed_fill(item->kind, item->bytes, item->len, &fields);
	int error = ring_writer_push_of(&owner->down, &up->cause, id,
	    has_fields ? &fields : NULL, item->bytes, item->len);

	owner->ring_doorbell = true;
	if (owner->phase == PHASE_SERVING &&
	    ring_writer_is_blocked(&owner->down))
		up->blocked = true;
	return error;
}

/* A dead worker's ring keeps the order, until it is full or has been
 * returned. */
static bool
takes_items(const struct partition *owner)
{
	return owner->phase == PHASE_SERVING ||
	       (owner->phase == PHASE_RECOVERING && !owner->damaged &&
		   owner->recovery.stage <= RECOVERY_RING);
}

void
session_deliver(struct upstream *up, struct session session,
    const struct session_item *item)
{
	struct frame_id id = {
		.kind = item->kind,
		.slot = session.slot,
		.generation = session.generation,
	};
	uint32_t partition;
	uint8_t lane;
	int error;

	if (directory_check(up->directory, session.slot, session.generation,
		&id.nonce32, &lane) != 0) {
		dropped_note_late(item->kind, "-", NULL);
		return;
	}
	partition = directory_owner(up->directory, session.slot);
	if (partition >= up->partition_count ||
	    !takes_items(&up->partitions[partition])) {
		session_return_own(up, session, item);
		return;
	}
	if (session_flags(up, session) & ROUTE_CLOSING) {
		/* The worker has let it go; so has the server, soon. */
		session_note_late(up, session, item->kind);
		return;
	}
	error = push_down(up, partition, &id, item);
	/* Nobody makes room in a dead worker's ring before it is returned, and
	 * that may wait for what comes on this link. */
	up->deferred = error == -EAGAIN &&
		       up->partitions[partition].phase == PHASE_SERVING;
	if (up->deferred)
		return;
	if (error == -EPROTO)
		damage_end_worker(up, partition);
	if (error == -EMSGSIZE && item->kind != FRAME_SERVER_CLOSE &&
	    up->partitions[partition].phase == PHASE_SERVING)
		session_too_big(up, session);
	else if (error)
		session_return_own(up, session, item);
}

#define POLICY_VIOLATION(text) \
	"<stream:error><policy-violation xmlns=\"" NS_STREAMS \
	"\"/><text xmlns=\"" NS_STREAMS "\" xml:lang=\"en\">" text \
	"</text></stream:error>"

/* The client gets a stream error; its worker then sends close. */
static void
break_policy(struct upstream *up, struct session session, const char *words)
{
	const struct session_item item = {
		.kind = FRAME_SERVER_CLOSE,
		.bytes = (const uint8_t *)words,
		.len = strlen(words),
	};

	session_deliver(up, session, &item);
}

void
session_too_big(struct upstream *up, struct session session)
{
	struct session_words words;

	break_policy(up, session,
	    POLICY_VIOLATION("What came for you is larger than this service "
			     "passes on; connect again."));
	if (up->deferred)
		return;
	stats_add(STAT_ITEMS_TOO_BIG, 1);
	session_words(up, session, &words);
	log_limited(LOG_WARNING, 5,
	    "a stanza from the server is too large, its session "
	    "ends " SESSION_WORDS,
	    words.id, words.address);
}

void
session_not_found(struct upstream *up, struct session session)
{
	const struct session_item item = { .kind = FRAME_NOT_FOUND };

	session_set_flag(up, session, ROUTE_DEAD, true);
	session_deliver(up, session, &item);
}

void
session_bounce(struct upstream *up, struct session session,
    const uint8_t *stanza, size_t len)
{
	static const struct stanza_fault unknown = { "wait",
		"remote-server-timeout",
		"The connection to the server was lost while this was under "
		"way; whether it arrived is not known." };
	struct session_item item = { .kind = FRAME_BOUNCE };

	buf_reset(&up->scratch);
	if (multiplex_render_bounce(&up->scratch, stanza, len, &unknown) != 0) {
		session_note_dropped(up, session, STAT_UNCONFIRMED_UNANSWERED,
		    FRAME_MESSAGE);
		return;
	}
	if (!session_is_live(up, session)) {
		session_note_dropped(up, session, STAT_UNCONFIRMED_LOST,
		    FRAME_OTHER);
		return;
	}
	item.bytes = buf_bytes(&up->scratch);
	item.len = buf_len(&up->scratch);
	stats_add(STAT_UNCONFIRMED_ERRORS, 1);
	session_deliver(up, session, &item);
}

void
session_fail_auth(struct upstream *up, struct session session)
{
	static const char words[] =
	    "<failure xmlns=\"" NS_SASL
	    "\"><temporary-auth-failure/><text xmlns=\"" NS_SASL "\" "
	    "xml:lang=\"en\">The connection to the "
	    "server was lost; try again."
	    "</text></failure>";
	const struct session_item item = {
		.kind = FRAME_FAILURE,
		.bytes = (const uint8_t *)words,
		.len = sizeof(words) - 1,
	};

	stats_add(STAT_UNCONFIRMED_ERRORS, 1);
	session_deliver(up, session, &item);
}

/* --- ends --- */

void
session_given_up(struct upstream *up, struct session session, uint8_t kind)
{
	if (kind == FRAME_CLOSE) {
		session_ended(up, session);
		return;
	}
	session_set_flag(up, session, ROUTE_PAYS, true);
	if (kind == FRAME_CREATE) {
		session_set_flag(up, session, ROUTE_CREATED, false);
		session_set_flag(up, session, ROUTE_DEAD, true);
	}
	break_policy(up, session,
	    POLICY_VIOLATION("The XMPP server does not accept something that "
			     "you have sent; connect again without it."));
}

void
session_answered(struct upstream *up, struct session session)
{
	if (!session_is_live(up, session) ||
	    (session_flags(up, session) & ROUTE_ANSWERED))
		return;
	session_set_flag(up, session, ROUTE_ANSWERED, true);
	stats_add(STAT_SESSIONS_CREATED, 1);
}

/* Whose end is confirmed was created, even where nothing else was answered. */
static void
count_end(struct upstream *up, struct session session)
{
	if (!(session_flags(up, session) & ROUTE_CREATED))
		return;
	session_answered(up, session);
	stats_add(STAT_SESSIONS_ENDED, 1);
}

void
session_ended(struct upstream *up, struct session session)
{
	char streamid[STREAMID_MAX + 1];
	struct ledger_entry entry;

	if (session_is_live(up, session)) {
		/* What still comes for it needs no second close. */
		directory_streamid(up->directory, session.slot, streamid);
		(void)unknown_sessions_is_due(&up->unknown_sessions, streamid,
		    upstream_now(up));
		count_end(up, session);
		directory_end(up->directory, session.slot, session.generation);
	} else if (session_is_in_ledger(up, session, &entry)) {
		ledger_end(up->heritage->ledger, session.slot,
		    session.generation);
	}
}

/* One of ours whose slot was damaged: its worker writes it anew soon. */
static bool
is_claimed(const struct upstream *up, const char *streamid)
{
	const struct ledger *ledger = up->heritage->ledger;
	size_t len = strlen(streamid);
	struct ledger_entry entry;
	uint32_t slot;

	return ledger &&
	       streamid_slot(streamid, len, up->names.manager, &slot) == 0 &&
	       slot < directory_slot_count(up->directory) &&
	       up->partitions[slot /
			      region_geometry(up->region)->slots_per_partition]
		       .phase == PHASE_SERVING &&
	       ledger_is_live(ledger, slot, &entry) &&
	       streamid_has_nonce(streamid, len, entry.nonce);
}

void
session_close_unknown(struct upstream *up, const char *streamid,
    const struct session_item *item)
{
	const struct session nobody = { .slot = SESSION_NO_SLOT };
	unsigned lane;

	dropped_note(STAT_UNKNOWN_SESSIONS, item->kind, streamid, NULL);
	if (!unknown_sessions_is_plain_id(streamid))
		return;
	lane = unknown_sessions_lane(streamid);
	session_return(up, streamid, lane, nobody, item);
	if (is_claimed(up, streamid))
		return;
	if (!unknown_sessions_is_due(&up->unknown_sessions, streamid,
		upstream_now(up)))
		return;
	log_limited(LOG_INFO, 5,
	    "closing a session that is not ours session=%s address=-",
	    streamid);
	if (!session_close_id(up, streamid, lane, nobody))
		stats_add(STAT_LATE_MESSAGES, 1);
}
