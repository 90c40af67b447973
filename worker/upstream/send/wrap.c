/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/wrap.h"

#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/recognise.h"
#include "worker/dropped.h"
#include "worker/up_frame.h"
#include "worker/upstream/core/session_words.h"
#include "worker/upstream/send/lane.h"

#include <string.h>

/* Of a log, for what is unconfirmed and for upstream's own words. */
#define KEPT_SHARE 2u

static const char packet_end[] = "</route>";

/* What is known of a frame while it is wrapped. */
struct wrapping {
	struct upstream *up;
	const struct wrap_source *source;
	const struct frame *frame;
	struct session session;
	struct multiplex_names names;
	char streamid[STREAMID_MAX + 1];
	uint8_t marks;
};

/* --- whose it is --- */

/* No worker writes into the slots of another, nor into other lanes than their
 * own. */
static bool
is_own(const struct upstream *up, const struct wrap_source *source,
    const struct frame *frame)
{
	uint32_t slots = region_geometry(up->region)->slots_per_partition;

	return frame->slot / slots == source->partition &&
	       frame->slot % LANE_COUNT == source->lane &&
	       frame->domain < up->domains.count;
}

/* What a client said before its session was over, and the server would not
 * know whose it is. */
static void
note_late(const struct upstream *up, const struct frame *frame, uint8_t marks)
{
	const struct session session = { frame->slot, frame->generation };
	bool is_told = marks & LANE_ABANDONED;

	if ((frame->kind == FRAME_MESSAGE || frame->kind == FRAME_IQ_REQUEST) &&
	    !is_told)
		session_note_dropped(up, session, STAT_UNCONFIRMED_LOST,
		    frame->kind);
	else if (frame->kind == FRAME_PRESENCE ||
		 frame->kind == FRAME_IQ_ANSWER || frame->kind == FRAME_FAILED)
		session_note_dropped(up, session, STAT_UNCONFIRMED_SKIPPED,
		    frame->kind);
}

/* --- appending --- */

static uint8_t *
reserve(const struct wrapping *wrapping, size_t len)
{
	struct lane *lane = &wrapping->up->lanes[wrapping->source->lane];

	return lane_log_reserve(&lane->log, (uint32_t)len,
	    lane->log.capacity / KEPT_SHARE);
}

static enum wrap_result
append(const struct wrapping *wrapping, uint8_t kind, size_t len)
{
	struct lane *lane = &wrapping->up->lanes[wrapping->source->lane];
	uint32_t partition = wrapping->source->partition;
	const struct lane_entry entry = {
		.place = wrapping->frame->next,
		.slot = wrapping->session.slot,
		.generation = wrapping->session.generation,
		.incarnation = wrapping->up->partitions[partition].incarnation,
		.partition = (uint16_t)partition,
		.kind = kind,
		.marks = wrapping->marks,
	};

	lane_log_append(&lane->log, &entry, (uint32_t)len);
	lane->waits = true;
	return WRAP_APPENDED;
}

/* What is in scratch. */
static enum wrap_result
append_scratch(const struct wrapping *wrapping)
{
	const struct buf *scratch = &wrapping->up->scratch;
	uint8_t *room;

	if (scratch->failed || buf_len(scratch) > FRAME_BYTES_MAX)
		return WRAP_FORGED;
	room = reserve(wrapping, buf_len(scratch));
	if (!room)
		return WRAP_FULL;
	if (buf_len(scratch))
		memcpy(room, buf_bytes(scratch), buf_len(scratch));
	return append(wrapping, wrapping->frame->kind, buf_len(scratch));
}

/* --- stanzas --- */

static const uint8_t kind_of[] = {
	[RECOGNISED_NOTHING] = FRAME_PAD,
	[RECOGNISED_MESSAGE] = FRAME_MESSAGE,
	[RECOGNISED_PRESENCE] = FRAME_PRESENCE,
	[RECOGNISED_IQ_REQUEST] = FRAME_IQ_REQUEST,
	[RECOGNISED_IQ_ANSWER] = FRAME_IQ_ANSWER,
	[RECOGNISED_AUTH] = FRAME_AUTH,
};

/* Copied into the log, where no worker can change it, and looked at there. */
static enum wrap_result
wrap_stanza(const struct wrapping *wrapping)
{
	struct upstream *up = wrapping->up;
	const struct frame *frame = wrapping->frame;
	size_t before, end = sizeof(packet_end) - 1;
	uint8_t *room, kind;

	buf_reset(&up->scratch);
	multiplex_render_packet_start(&up->scratch, &wrapping->names,
	    wrapping->streamid);
	before = buf_len(&up->scratch);
	if (frame->len > RECOGNISE_BYTES_MAX)
		return WRAP_FORGED;
	room = reserve(wrapping, before + frame->len + end);
	if (!room)
		return WRAP_FULL;
	memcpy(room, buf_bytes(&up->scratch), before);
	memcpy(room + before, frame->bytes, frame->len);
	kind = kind_of[recognise_element(up->recogniser, room + before,
	    frame->len)];
	if (kind == FRAME_PAD)
		return WRAP_FORGED;
	memcpy(room + before + frame->len, packet_end, end);
	return append(wrapping, kind, before + frame->len + end);
}

/* --- requests about the session --- */

/* A text of a worker's that has an end, and nothing that means anything in
 * XML. */
static bool
is_plain(const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' ||
		    strchr("<>&\"'", text[i]))
			return false;
	return len < cap;
}

static enum wrap_result
wrap_create(const struct wrapping *wrapping)
{
	struct upstream *up = wrapping->up;
	char address[ENDPOINT_TEXT_MAX], id[SESSION_ID_MAX];
	struct multiplex_facts facts;
	struct endpoint endpoint;
	struct up_create create;

	if (wrapping->frame->len != sizeof(create))
		return WRAP_FORGED;
	memcpy(&create, wrapping->frame->bytes, sizeof(create));
	if (!is_plain(create.tls_version, sizeof(create.tls_version)) ||
	    !is_plain(create.cipher, sizeof(create.cipher)))
		return WRAP_FORGED;
	facts = (struct multiplex_facts){
		.encrypted = create.encrypted != 0,
		.tls_version = create.tls_version,
		.cipher = create.cipher,
	};
	endpoint_from_bytes(create.address, 0, &endpoint);
	buf_reset(&up->scratch);
	multiplex_render_create(&up->scratch, &wrapping->names,
	    wrapping->streamid, session_new_id(up, id),
	    endpoint_print_address(&endpoint, address),
	    up->server.facts ? &facts : NULL);
	return append_scratch(wrapping);
}

/* What the server sent: its own words, as our framer has written them, so that
 * they are recognised, or nobody can take them back. */
static enum wrap_result
wrap_failed(const struct wrapping *wrapping)
{
	struct upstream *up = wrapping->up;
	const struct frame *frame = wrapping->frame;
	char id[SESSION_ID_MAX];
	enum recognised kind;

	buf_reset(&up->chain);
	buf_append(&up->chain, frame->bytes, frame->len);
	kind = recognise_element(up->recogniser, buf_bytes(&up->chain),
	    buf_len(&up->chain));
	buf_reset(&up->scratch);
	if (kind != RECOGNISED_MESSAGE ||
	    multiplex_render_failed(&up->scratch, &wrapping->names,
		wrapping->streamid, session_new_id(up, id),
		buf_bytes(&up->chain), buf_len(&up->chain)) != 0) {
		session_note_dropped(up, wrapping->session,
		    STAT_RETURNS_TOO_LARGE, FRAME_MESSAGE);
		buf_reset(&up->chain);
		return WRAP_DROPPED;
	}
	buf_reset(&up->chain);
	return append_scratch(wrapping);
}

/* Of these a worker gives no more than the kind. */
static enum wrap_result
wrap_bare(const struct wrapping *wrapping)
{
	struct upstream *up = wrapping->up;
	char id[SESSION_ID_MAX];

	if (wrapping->frame->len != 0)
		return WRAP_FORGED;
	buf_reset(&up->scratch);
	if (wrapping->frame->kind == FRAME_CLOSE)
		multiplex_render_close(&up->scratch, &wrapping->names,
		    wrapping->streamid, session_new_id(up, id));
	else if (wrapping->frame->kind == FRAME_PROBE)
		multiplex_render_probe(&up->scratch, &wrapping->names,
		    wrapping->streamid);
	return append_scratch(wrapping);
}

/* --- all --- */

typedef enum wrap_result wrap_fn(const struct wrapping *wrapping);

static wrap_fn *const by_kind[FRAME_KIND_COUNT] = {
	[FRAME_PRESENCE] = wrap_stanza,
	[FRAME_MESSAGE] = wrap_stanza,
	[FRAME_IQ_REQUEST] = wrap_stanza,
	[FRAME_IQ_ANSWER] = wrap_stanza,
	[FRAME_AUTH] = wrap_stanza,
	[FRAME_CREATE] = wrap_create,
	[FRAME_FAILED] = wrap_failed,
	[FRAME_LEAVE] = wrap_bare,
	[FRAME_CLOSE] = wrap_bare,
	[FRAME_RELEASE] = wrap_bare,
	[FRAME_PROBE] = wrap_bare,
};

enum wrap_result
wrap_frame(struct upstream *up, const struct wrap_source *source,
    const struct frame *frame, uint8_t marks)
{
	struct wrapping wrapping = {
		.up = up,
		.source = source,
		.frame = frame,
		.session = { frame->slot, frame->generation },
		.marks = marks,
	};

	if (frame->flags || !by_kind[frame->kind] || !is_own(up, source, frame))
		return WRAP_FORGED;
	if (!session_is_live(up, wrapping.session)) {
		note_late(up, frame, marks);
		return WRAP_DROPPED;
	}
	wrapping.names = (struct multiplex_names){
		.domain = up->domains.all[frame->domain].spelling,
		/* Links may still bear another (ghost_sessions.h). */
		.manager = up->heritage->config->server.manager_name,
	};
	directory_streamid(up->directory, frame->slot, wrapping.streamid);
	return by_kind[frame->kind](&wrapping);
}
