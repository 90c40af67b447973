/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from upstream, ready for their clients (PROTOCOL.md §6.4). */
#include "common/base/log.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/input.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/pending.h"
#include "worker/dropped.h"

#include <string.h>

/* Frames taken before the loop looks at sockets again. */
#define BATCH 512

/* NULL: a frame of a former generation, or of none. */
static struct client *
find(const struct frame *frame)
{
	uint32_t slots = region_geometry(worker.region)->slots_per_partition;
	struct client *client;
	uint32_t nonce32;
	uint8_t lane;

	if (frame->slot / slots != worker.heritage->partition)
		return NULL;
	client = worker.by_slot[frame->slot % slots];
	if (!client || client->generation != frame->generation ||
	    directory_check(worker.directory, frame->slot, frame->generation,
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

	if (len > JID_MAX ||
	    directory_set_jid(worker.directory, client->slot, jid, len) != 0)
		log_limited(LOG_NOTICE, 1,
		    "a JID finds no room bytes=%zu address=%s", len,
		    client_peer_text(client, address));
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
	directory_info(worker.directory, client->slot)->phase = SESSION_BOUND;
	login_note_abort(client, "bound");
	login_requests_settle(client);
	if (held)
		input_continue(client);
}

/* What follows `text` in [at, end), which begins with it; NULL: it does not. */
static const char *
behind(const char *at, const char *end, const char *text)
{
	size_t len = strlen(text);

	return at && (size_t)(end - at) > len && memcmp(at, text, len) == 0
		   ? at + len
		   : NULL;
}

/* The JID in <iq ...><bind xmlns="..."><jid>, and nowhere else. */
static void
note_bound(struct client *client, const uint8_t *bytes, size_t len)
{
	const char *at = memchr(bytes, '>', len);
	const char *end = (const char *)bytes + len, *jid_end;

	at = behind(at, end, "><bind xmlns=\"" NS_BIND "\"><jid>");
	jid_end = at ? memchr(at, '<', (size_t)(end - at)) : NULL;
	if (!jid_end || jid_end == at)
		return;
	keep_canonical_jid(client, at, (size_t)(jid_end - at));
	enter_bound(client);
}

/* A login by jabber:iq:auth: the empty result means that it worked, and binds
 * the resource, too. */
static bool
is_empty_result(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = memchr(bytes, '>', len);

	return end && login_requests_is_result(bytes, len) &&
	       (end[-1] == '/' ||
		   memcmp(end, "></iq>",
		       MIN(len - (size_t)(end - bytes), 6u)) == 0);
}

/* What comes for one that has a resource moves it no further. */
static void
note_iq_auth(struct client *client, const struct login_claim *claim,
    const uint8_t *bytes, size_t len)
{
	bool success = is_empty_result(bytes, len);
	const char *jid = login_requests_answered_jid(client);

	login_note_answer(client, claim, success, bytes, len);
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
note_answer(struct client *client, const uint8_t *bytes, size_t len)
{
	struct login_claim claim;
	enum login_request what =
	    login_requests_answer_iq(client, bytes, len, &claim);

	if (what == LOGIN_REQUEST_NONE)
		return;
	deadline_step(client);
	if (what == LOGIN_REQUEST_AUTH)
		note_iq_auth(client, &claim, bytes, len);
	else if (what == LOGIN_REQUEST_BIND && may_bind(client) &&
		 login_requests_is_result(bytes, len))
		note_bound(client, bytes, len);
}

/* Upstream cannot know whether the server has it. */
static void
note_bounce(struct client *client, const uint8_t *bytes, size_t len)
{
	struct login_claim claim;

	if (login_requests_answer_iq(client, bytes, len, &claim) ==
	    LOGIN_REQUEST_AUTH)
		login_note_answer(client, &claim, false, bytes, len);
	pending_answered(client, bytes, len);
}

/* --- kinds --- */

static void
stanza(struct client *client, uint8_t kind, const uint8_t *bytes, size_t len)
{
	if (kind == FRAME_IQ_ANSWER) {
		pending_answered(client, bytes, len);
		note_answer(client, bytes, len);
	} else if (kind == FRAME_PRESENCE) {
		pending_note_presence(client, bytes, len);
	}
	if (client->state == CLIENT_CLOSING) {
		client_return(client, kind, bytes, len);
		return;
	}
	directory_info(worker.directory, client->slot)->stanzas_down++;
	stats_add(STAT_STANZAS_DOWN, 1);
	output_item(client, kind, bytes, len);
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

static void
to_living(struct client *client, uint8_t kind, const uint8_t *bytes, size_t len)
{
	switch (kind) {
	case FRAME_PRESENCE:
	case FRAME_MESSAGE:
	case FRAME_IQ_REQUEST:
	case FRAME_IQ_ANSWER:
	case FRAME_OTHER:
		stanza(client, kind, bytes, len);
		break;
	case FRAME_SUCCESS:
	case FRAME_FAILURE:
	case FRAME_CHALLENGE:
		sasl(client, kind, bytes, len);
		break;
	case FRAME_BOUNCE:
		note_bounce(client, bytes, len);
		own_words(client, bytes, len);
		break;
	case FRAME_STREAM_ERROR:
		client_end(client, CLOSE_SERVER_ERROR, bytes, len);
		break;
	case FRAME_SERVER_CLOSE:
		client_end(client, CLOSE_SERVER_CLOSED, bytes, len);
		break;
	case FRAME_NOT_FOUND:
		client_close(client, CLOSE_NOT_FOUND);
		break;
	case FRAME_REFUSED:
		client_close(client, CLOSE_REFUSED);
		break;
	case FRAME_ROUTE_ERROR: /* upstream has counted and logged it */
		pending_hint(client, PENDING_ROUTE_ERROR);
		break;
	default:
		client_note_dropped(client, STAT_FRAMES_UNUSED, kind);
	}
}

static void
deliver(const struct frame *frame, const uint8_t *bytes, size_t len)
{
	struct client *client = find(frame);

	if (!client) {
		stats_add(STAT_FRAMES_STALE, 1);
		dropped_note_late(frame->kind, "-", NULL);
	} else if (client->state == CLIENT_CLOSING) {
		client_return(client, frame->kind, bytes, len);
	} else if (client->state == CLIENT_STARTING_TLS) {
		/* Of a session that ends as soon as <proceed/> is written. */
		stats_add(STAT_FRAMES_STALE, 1);
		uplink_return(client, frame->kind, bytes, len);
	} else {
		to_living(client, frame->kind, bytes, len);
	}
}

/* A large item is one client's: its pieces follow one another. */
static void
deliver_piece(const struct frame *frame)
{
	buf_append(&worker.chain, frame->bytes, frame->len);
	if (frame->flags & FRAME_MORE)
		return;
	deliver(frame, buf_bytes(&worker.chain), buf_len(&worker.chain));
	buf_reset(&worker.chain);
	buf_trim(&worker.chain);
}

static void
answer_wants_room(void)
{
	/* The tail must be out before the flag is looked at, or both sides
	 * could miss what the other has just written. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&worker.pair->wants_room,
		memory_order_seq_cst))
		doorbell_ring(&worker.upstream->asleep,
		    worker.heritage->upstream_doorbell);
}

bool
deliver_all(void)
{
	uint64_t cursor = ring_tail(&worker.down);
	struct frame frame;
	int found = 0, taken;

	for (taken = 0; taken < BATCH; taken++) {
		found = ring_next(&worker.down, &cursor, &frame);
		if (found <= 0)
			break;
		if ((frame.flags & FRAME_MORE) || buf_len(&worker.chain) > 0)
			deliver_piece(&frame);
		else
			deliver(&frame, frame.bytes, frame.len);
	}
	shared_note_down(found >= 0);
	if (taken > 0) {
		ring_release(&worker.down, cursor);
		answer_wants_room();
	}
	return taken > 0;
}
