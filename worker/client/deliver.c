/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/deliver.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/input_read.h"
#include "worker/client/leave.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/negotiate.h"
#include "worker/client/output.h"
#include "worker/client/pending.h"
#include "worker/client/shared.h"
#include "worker/client/state.h"
#include "worker/client/uplink.h"
#include "worker/doorbell.h"
#include "worker/dropped.h"
#include "worker/parsed.h"

#include <string.h>

/* Frames taken before the loop looks at sockets again. */
#define BATCH 512

/* NULL: a frame of a former generation, or of none. */
static struct client *
find(const struct client_worker *worker, const struct frame *frame)
{
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;
	struct client *client;
	uint32_t nonce32;
	uint8_t lane;

	if (frame->slot / slots != worker->heritage->partition)
		return NULL;
	client = worker->by_slot[frame->slot % slots];
	if (!client || client->generation != frame->generation ||
	    directory_check(worker->directory, frame->slot, frame->generation,
		&nonce32, &lane) != 0 ||
	    !frame_verify(frame, nonce32))
		return NULL;
	return client;
}

/* --- what a worker must look at --- */

/* Known to operators and in pings; a client whose JID finds no room is bound
 * all the same. */
static void
keep_jid(struct client *client, const char *jid, size_t len)
{
	char address[ENDPOINT_TEXT_MAX];

	if (len > JID_MAX || directory_set_jid(worker_of(client)->directory,
				 client->slot, jid, len) != 0)
		log_limited(LOG_NOTICE, 1,
		    "no room to keep a client's address bytes=%zu address=%s",
		    len, client_peer_text(client, address));
	else
		pending_jid_known(client);
}

/* The same, of canonical text. */
static void
keep_canonical_jid(struct client *client, const char *text, size_t len)
{
	struct buf jid;

	if (len > (size_t)2 * JID_MAX)
		return;
	buf_init(&jid, 0);
	stream_unescape(&jid, text, len);
	keep_jid(client, (const char *)buf_bytes(&jid), buf_len(&jid));
	buf_destroy(&jid);
}

static void
enter_bound(struct client *client)
{
	bool held = login_requests_sasl_is_due(client);

	if (client->state == CLIENT_LEAVING ||
	    !client_enter(client, CLIENT_BOUND))
		return;
	client->ping = 0;
	directory_info(worker_of(client)->directory, client->slot)->phase =
	    SESSION_BOUND;
	login_note_abort(client, "bound");
	login_requests_settle(client);
	if (held)
		input_continue(client);
}

/* An item as it came, and what upstream says of it. */
struct item {
	uint8_t kind;
	const uint8_t *bytes;
	size_t len;
	struct parsed parsed;
};

/* A login by jabber:iq:auth: the empty result says that it worked, and binds
 * the resource, too. What is said to one that has a resource moves it no
 * further. */
static void
note_iq_auth(struct client *client, const struct login_claim *claim,
    const struct item *item)
{
	bool success =
	    item->parsed.type == PARSED_RESULT && item->parsed.is_empty;
	const char *jid = login_requests_answered_jid(client);

	login_note_answer(client, claim, success, item->bytes, item->len);
	if (!success || (client->state != CLIENT_NEGOTIATING &&
			    client->state != CLIENT_AUTHENTICATING &&
			    client->state != CLIENT_LEAVING))
		return;
	if (jid)
		keep_jid(client, jid, strlen(jid));
	enter_bound(client);
}

static bool
may_bind(const struct client *client)
{
	return client->state == CLIENT_OPEN || client->state == CLIENT_LEAVING;
}

static void
note_answer(struct client *client, const struct item *item)
{
	const struct parsed *parsed = &item->parsed;
	struct login_claim claim;
	enum login_request what =
	    login_requests_answer_iq(client, parsed, &claim);

	if (what == LOGIN_REQUEST_NONE)
		return;
	deadline_step(client);
	if (what == LOGIN_REQUEST_AUTH) {
		note_iq_auth(client, &claim, item);
	} else if (what == LOGIN_REQUEST_BIND && may_bind(client) &&
		   parsed->type == PARSED_RESULT && parsed->jid.text) {
		keep_canonical_jid(client, parsed->jid.text, parsed->jid.len);
		enter_bound(client);
	}
}

/* Upstream cannot know whether the server has it. */
static void
note_bounce(struct client *client, const struct item *item)
{
	struct login_claim claim;

	if (login_requests_answer_iq(client, &item->parsed, &claim) ==
	    LOGIN_REQUEST_AUTH)
		login_note_answer(client, &claim, false, item->bytes,
		    item->len);
	pending_answered(client, &item->parsed);
}

/* --- kinds --- */

static void
stanza(struct client *client, const struct item *item)
{
	if (item->kind == FRAME_IQ_ANSWER) {
		pending_answered(client, &item->parsed);
		note_answer(client, item);
	} else if (item->kind == FRAME_PRESENCE &&
		   pending_note_presence(client, &item->parsed)) {
		deadline_update(client);
	}
	if (client->state == CLIENT_CLOSING) {
		output_return(client, item->kind, item->bytes, item->len);
		return;
	}
	directory_info(worker_of(client)->directory, client->slot)
	    ->stanzas_down++;
	stats_add(STAT_STANZAS_DOWN, 1);
	output_item(client, item->kind, item->bytes, item->len);
}

static void
own_words(struct client *client, const uint8_t *bytes, size_t len)
{
	output_item(client, FRAME_CONTROL, bytes, len);
}

static void
fail_sasl(struct client *client)
{
	login_requests_end_sasl(client);
	(void)client_enter(client, CLIENT_NEGOTIATING);
}

/* What answers an exchange that was given up is of no use to the next. */
static void
note_sasl(struct client *client, uint8_t kind, const uint8_t *bytes, size_t len)
{
	if (!login_requests_answer_sasl(client) ||
	    client->state != CLIENT_AUTHENTICATING) {
		client_note_dropped(client, STAT_FRAMES_STALE, kind);
		return;
	}
	own_words(client, bytes, len);
	deadline_step(client);
	if (kind != FRAME_CHALLENGE)
		login_note_sasl(client, kind == FRAME_SUCCESS, bytes, len);
	if (kind == FRAME_SUCCESS)
		negotiate_success(client);
	else if (kind == FRAME_FAILURE)
		fail_sasl(client);
}

/* What the client has sent meanwhile waited for it. */
static void
sasl(struct client *client, uint8_t kind, const uint8_t *bytes, size_t len)
{
	note_sasl(client, kind, bytes, len);
	input_continue(client);
}

/* Our module for Prosody knows no such host; Openfire refuses addresses. */
static enum close_reason
reason_of_refusal(const struct item *item)
{
	static const char unknown[] = "item-not-found";

	return item->len == sizeof(unknown) - 1 &&
		       memcmp(item->bytes, unknown, item->len) == 0
		   ? CLOSE_HOST_UNKNOWN
		   : CLOSE_REFUSED;
}

static void
to_living(struct client *client, const struct item *item)
{
	switch (item->kind) {
	case FRAME_PRESENCE:
	case FRAME_MESSAGE:
	case FRAME_IQ_REQUEST:
	case FRAME_IQ_ANSWER:
	case FRAME_OTHER:
		stanza(client, item);
		break;
	case FRAME_SUCCESS:
	case FRAME_FAILURE:
	case FRAME_CHALLENGE:
		sasl(client, item->kind, item->bytes, item->len);
		break;
	case FRAME_BOUNCE:
		note_bounce(client, item);
		own_words(client, item->bytes, item->len);
		break;
	case FRAME_STREAM_ERROR:
		client_end(client, CLOSE_SERVER_ERROR, item->bytes, item->len);
		break;
	case FRAME_SERVER_CLOSE:
		client_end(client, CLOSE_SERVER_CLOSED, item->bytes, item->len);
		break;
	case FRAME_NOT_FOUND:
		client_close(client, CLOSE_NOT_FOUND);
		break;
	case FRAME_REFUSED:
		client_close(client, reason_of_refusal(item));
		break;
	case FRAME_PACKET_ERROR: /* upstream has counted and logged it */
		if (pending_hint(client, PENDING_PACKET_ERROR))
			deadline_update(client);
		break;
	default:
		client_note_dropped(client, STAT_FRAMES_UNUSED, item->kind);
	}
}

/* What comes for one that is closing, or whose session is over. */
static void
to_closing(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	if (leave_note(client, kind))
		output_soon(client);
	else
		output_return(client, kind, bytes, len);
}

static void
to_nobody(const struct frame *frame)
{
	if (frame->kind == FRAME_LEFT) /* once more: a successor of upstream */
		return;
	stats_add(STAT_FRAMES_STALE, 1);
	dropped_note_late(frame->kind, "-", NULL);
}

static void
deliver(struct client_worker *worker, const struct frame *frame,
    const struct frame_fields *fields, const uint8_t *bytes, size_t len)
{
	struct item item = { .kind = frame->kind, .bytes = bytes, .len = len };
	struct client *client = find(worker, frame);

	if (!client) {
		to_nobody(frame);
	} else if (client->state == CLIENT_CLOSING) {
		to_closing(client, frame->kind, bytes, len);
	} else if (client->state == CLIENT_STARTING_TLS) {
		/* Of a session that ends as soon as <proceed/> is written. */
		stats_add(STAT_FRAMES_STALE, 1);
		uplink_return(client, frame->kind, bytes, len);
	} else if (!parsed_read(fields, bytes, len, &item.parsed)) {
		client_note_dropped(client, STAT_FRAMES_BROKEN, frame->kind);
	} else {
		to_living(client, &item);
	}
}

static const struct frame_fields *
fields_of(const struct frame *frame)
{
	return frame->flags & FRAME_PARSED ? &frame->fields : &parsed_nothing;
}

/* A large item is one client's: its pieces follow one another. What is known of
 * it comes with the first, and waits before the bytes. */
static void
deliver_piece(struct client_worker *worker, const struct frame *frame)
{
	struct frame_fields fields;

	if (buf_len(&worker->chain) == 0)
		buf_append(&worker->chain, fields_of(frame), sizeof(fields));
	buf_append(&worker->chain, frame->bytes, frame->len);
	if (frame->flags & FRAME_MORE)
		return;
	memcpy(&fields, buf_bytes(&worker->chain), sizeof(fields));
	buf_consume(&worker->chain, sizeof(fields));
	deliver(worker, frame, &fields, buf_bytes(&worker->chain),
	    buf_len(&worker->chain));
	buf_reset(&worker->chain);
	buf_trim(&worker->chain);
}

static void
answer_wants_room(struct client_worker *worker)
{
	/* The tail must be out before the flag is looked at, or both sides
	 * could miss what the other has just written. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&worker->pair->wants_room,
		memory_order_seq_cst))
		doorbell_ring(&worker->upstream->asleep,
		    worker->heritage->upstream_doorbell);
}

bool
deliver_all(struct client_worker *worker)
{
	uint64_t cursor = ring_tail(&worker->down);
	struct frame frame;
	int found = 0, taken;

	for (taken = 0; taken < BATCH; taken++) {
		found = ring_next(&worker->down, &cursor, &frame);
		if (found <= 0)
			break;
		if ((frame.flags & FRAME_MORE) || buf_len(&worker->chain) > 0)
			deliver_piece(worker, &frame);
		else
			deliver(worker, &frame, fields_of(&frame), frame.bytes,
			    frame.len);
	}
	shared_note_down(worker, found >= 0);
	if (taken > 0) {
		ring_release(&worker->down, cursor);
		answer_wants_room(worker);
	}
	return taken > 0;
}
