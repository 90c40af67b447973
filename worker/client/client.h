/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - one connection of a user, and what a worker's files share.
 *
 *                +----------- abort, failure -----------+
 *                v                                      |
 *   GREETING -> NEGOTIATING ---------- auth -----> AUTHENTICATING
 *      ^         |        |                         |         |
 *      |     starttls  jabber:iq:auth        jabber:iq:auth success
 *      |         v        |                         |         v
 *      +- STARTING_TLS    +-------> BOUND <---------+    RESTARTING
 *                                     ^                       |
 *                                     +---- bind --- OPEN <- header
 *
 * Where a session may have something to come, an end tag --> LEAVING.
 * From anywhere: client_close() --> CLOSING (stream error and end tag, at
 * most the end time-out; none and at once while TLS begins) --> freed. The
 * session behind it ends by frames upward, which wait in its backlog while the
 * ring is full. client_enter() alone moves the state; client_state.c has the
 * table of the allowed moves.
 *
 * An idle client costs one of these and no timer, no parser, no buffer
 * (ARCHITECTURE.md).
 */
#ifndef WORKER_CLIENT_CLIENT_H
#define WORKER_CLIENT_CLIENT_H

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/slab.h"
#include "common/base/steady_clock.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/trace_record.h"
#include "common/shm/clientq.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/multiplex.h"
#include "worker/client/newcomers.h"
#include "worker/doorbell.h"
#include "worker/supervised.h"

#include <ev.h>

struct login_requests;
struct config;
struct directory;
struct heritage;
struct loan;
struct parsers;
struct partial;
struct pending;
struct scopes;
struct stanza_fault;
struct tls_context;

#define CLIENT_READ_BYTES 16384
#define WHEEL_SECONDS     512 /* power of two */
#define LISTENERS_MAX     1024
#define NO_SLOT           UINT32_MAX

enum client_state {
	CLIENT_GREETING, /* a stream header is due, maybe after a handshake */
	CLIENT_NEGOTIATING,
	CLIENT_STARTING_TLS,   /* TLS begins when <proceed/> is written */
	CLIENT_AUTHENTICATING, /* SASL exchange with the server */
	CLIENT_RESTARTING,     /* authenticated; a new header is due */
	CLIENT_OPEN,           /* its second stream; a resource is due */
	CLIENT_BOUND,          /* has a resource */
	CLIENT_LEAVING, /* its end tag came; answers are due: goodbye.c */
	CLIENT_CLOSING,
	CLIENT_STATE_COUNT
};

enum client_flag {
	CLIENT_DIRECT_TLS = 1,
	CLIENT_VERSION_1 = 2,     /* its header had 1.0 or more */
	CLIENT_HEADER_SENT = 4,   /* ours */
	CLIENT_CREATED = 8,       /* create is in the ring */
	CLIENT_SESSION_OVER = 16, /* close is in the ring or backlog */
	CLIENT_SASL_REFUSED = 32, /* a log-in of its, by this worker */
	CLIENT_PINGED = 64,       /* our ping is out */
	CLIENT_BLOCKED = 128,     /* not read from: ring full or links lost */
	CLIENT_SHUT = 256,        /* our half is closed */
	CLIENT_PEER_DONE = 512,   /* theirs is */
	CLIENT_TRACED = 1024,     /* somebody watches what comes and goes */
	CLIENT_CUT_OFF = 2048,    /* upstream seemed to hold it for gone */
};

struct client {
	struct transport transport;
	ev_io io;
	struct list all;      /* in client_worker.clients */
	struct list deadline; /* in a bucket of the wheel */
	struct list out;      /* in .dirty or .unacked, or alone */
	struct clientq queue;
	uint32_t slot; /* NO_SLOT before the header */
	union {
		uint32_t generation; /* with a slot */
		uint32_t newcomer;   /* without: newcomers.h */
	};
	union {
		uint32_t since_s; /* accepted; later, its state began */
		uint32_t sent_s;  /* while it is bound: last byte to it */
	};
	uint32_t active_s;        /* last byte from it */
	uint32_t partial_since_s; /* 0: no stanza is incomplete */
	uint32_t window_since_s;  /* in which the incomplete one is measured */
	uint32_t window_bytes;    /* that came in it */
	uint16_t flags;
	uint8_t state;  /* enum client_state; client_enter() only */
	uint8_t epoch;  /* disconnect_epoch of its time */
	uint8_t reason; /* enum close_reason, when closing */
	union {
		uint8_t steps; /* of its log-in that were answered */
		uint8_t ping;  /* while bound: keepalive.c */
	};
	uint16_t scope;          /* what its header declares: scopes.h */
	uint32_t heap_place;     /* weights.c */
	struct partial *partial; /* owned: bytes that are not parsed yet */
	struct loan *loan;       /* a parser, while a stanza is incomplete */
	struct stall *stall;     /* what waits behind a full ring: backlog.c */
	struct login_requests *login_requests; /* while it logs in */
};

_Static_assert(sizeof(struct client) <= 216,
    "an idle session's budget is 560 bytes in all");

struct client_worker {
	const struct config *config;
	struct heritage *heritage;
	struct ev_loop *loop;
	struct region *region;
	struct directory *directory;
	struct clientq_pool *pool;
	struct parsers *parsers;
	struct scopes *scopes;
	struct tls_context *tls; /* NULL: never had a certificate */
	bool offers_tls;         /* has one now */
	struct multiplex_names names;
	struct jid_domain own_domain; /* names.domain, however it is spelt */
	struct supervised supervised;
	struct doorbell doorbell;
	struct ring down;
	struct ring up[LANE_COUNT];
	struct worker_control *control;
	struct upstream_control *upstream;
	struct upstream_pair_control *pair;
	struct server_state server;

	struct slab memory; /* of struct client */
	struct newcomers newcomers;
	struct client **by_slot;
	struct pending **pending; /* by slot: pending.h */
	struct list clients;
	struct list wheel[WHEEL_SECONDS];
	uint32_t wheel_s;    /* the second handled last */
	struct list dirty;   /* have something to write */
	struct list unacked; /* everything written, not acknowledged */
	struct list blocked;
	bool published;    /* frames upward that upstream is not notified of */
	uint64_t open;     /* clients */
	uint32_t sessions; /* in by_slot */
	uint64_t late_bytes;  /* backlog.c: of all that came late */
	uint64_t owed_bytes;  /* of all their backlogs */
	struct list goodbyes; /* goodbye.c */
	ev_timer goodbye_look;
	ev_timer tick;

	struct worker_listener *listeners[LISTENERS_MAX];
	unsigned listener_count;
	bool accepting_paused;
	ev_timer accept_resume;

	bool mass_disconnect_due;      /* the server's state demands it */
	uint32_t mass_disconnect_next; /* slot that it has come to */
	uint32_t mass_disconnect_step; /* clients a second; 0: none under way */
	uint32_t iq_id;
	bool draining;
	uint32_t drain_until_s; /* 0: no window */
	bool stopping;
	uint32_t stop_since_s;
	uint32_t damaged_since_s; /* 0: the down ring makes sense */
	bool damaged;             /* for good: a successor is needed */
	uint32_t look_next;       /* slot that is looked at next */
	unsigned trim_ticks;      /* until freed memory has all gone back */
	struct buf scratch;       /* what is rendered next */
	struct buf chain;         /* a down item in pieces */
};

/* There is one in a process. */
extern struct client_worker worker;

/* What limits and session info count in. */
static inline uint32_t
now_s(void)
{
	return steady_clock_coarse_s();
}

/* --- client_state.c --- */

/*
 * The only place that moves a client's state. True: it is in `next` now. False:
 * it is closing already, which counts as a refused move; whoever gets that has
 * no more to do for the client. Any other move that the table does not have is
 * a bug of ours: no peer can cause one.
 */
bool client_enter(struct client *client, enum client_state next);
/* The server has accepted it, and the stream has not begun to end. */
bool client_is_authenticated(const struct client *client);

/* --- client.c --- */

/* Takes the descriptor, which was accepted from `peer`. */
void client_new(int fd, const struct endpoint *peer, bool direct_tls);
/* The address that it was accepted with, for as long as it lives. */
void client_peer(const struct client *client, struct endpoint *peer_out);
/* As text: every line about a client has it. */
const char *client_peer_text(const struct client *client,
    char text_out[ENDPOINT_TEXT_MAX]);
void client_set_read(struct client *client, bool on);
void client_set_write(struct client *client, bool on);
/* Nothing can be sent to it: TLS begins, and what were written now would go out
 * in clear text or in the midst of the handshake. */
bool client_is_mute(const struct client *client);
/* Sends it the reason (close.def), answers nothing more, and ends. Harmless
 * twice. */
void client_close(struct client *client, enum close_reason reason);
/* Something of its session goes no further: worker/dropped.h. */
void client_note_dropped(const struct client *client, enum statistic reason,
    uint8_t kind);
void client_note_late(const struct client *client, uint8_t kind);
/* The same with these bytes of the server instead of an error of ours. */
void client_end(struct client *client, enum close_reason reason,
    const uint8_t *words, size_t len);
/* At once, without words: the socket is gone. */
void client_drop(struct client *client, enum close_reason reason);
/* Ends it because it holds what others need, and frees at once its session and
 * what waits for it (messages go back to the server); the object lives until
 * the loop comes round. Also of one that is closing already. */
void client_shed(struct client *client, enum close_reason reason);
/* STARTTLS: the session ends, the client stays. What was sent in clear text is
 * no part of the stream under TLS, whose header claims another session. */
void client_leave_session(struct client *client);
/* An item that came for a closing client: behind those that it cannot get any
 * more either. */
void client_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len);
/* Goes on with a closing client; may free it. */
void client_closing_step(struct client *client);
void client_free_all(void);

/* --- negotiate.c --- */

void negotiate_header(struct client *client, const struct element *header);
void negotiate_starttls(struct client *client);
void negotiate_sasl(struct client *client, const struct element *element);
void negotiate_tls_begin(struct client *client);
void negotiate_handshake(struct client *client);
/* The server has accepted it: a new header is due. */
void negotiate_success(struct client *client);
/* Our header, appended to `out`: the first words of a stream. theirs: the one
 * that it answers; NULL: none has come. */
void negotiate_render_header(const struct client *client,
    const struct element *theirs, struct buf *out);
void negotiate_send_header(struct client *client, const struct element *theirs);
/* True when TLS is demanded and missing, before authentication. */
bool negotiate_needs_tls(const struct client *client);
/* The text of the error then: begin TLS, or that there is none. */
const char *negotiate_tls_advice(const struct client *client);
/* An element of SASL then. */
void negotiate_sasl_in_clear(struct client *client,
    const struct element *element);

/* --- filter.c --- */

/* Tells a client that its stanza goes no further; counts nothing. */
void filter_answer_error(struct client *client, const struct element *stanza,
    const struct stanza_fault *fault);
void filter_element(struct client *client, const struct element *element);

/* --- goodbye.c --- */

void goodbye_init(void);
/* The client has ended its stream: closes it, now or when the server has
 * answered. */
void goodbye_begin(struct client *client);
/* Those that wait are closed now. */
void goodbye_end_all(void);
void goodbye_forget_all(void);

/* --- unread.c --- */

/* The error for the sender of a stanza that came too late. */
extern const struct stanza_fault unread_fault;
/* An end for this reason is no fault, and no wish, of the client's. */
bool unread_matters(enum close_reason reason);

/* Before a stream ends for this reason: what its client could not know to be in
 * vain is read and answered. The client may be closing
 * afterwards. */
void unread_answer(struct client *client, enum close_reason reason);
/* True while that reads this client's. */
bool unread_is_of(const struct client *client);
/* An element of those. */
void unread_take(struct client *client, const struct element *element);
/* Bytes from one that is closing are thrown away. */
void unread_note_bytes(const struct client *client, size_t len);

/* --- uplink.c --- */

/* Sends `bytes` (a client's canonical stanza) wrapped in a <route/>. */
void uplink_route(struct client *client, uint8_t kind, const void *bytes,
    size_t len);
/* Has the server answer when it no longer knows the session. */
void uplink_probe(struct client *client);
/* Undelivered items, then close or release; once. */
void uplink_end_session(struct client *client);
/* Returns an item that came for a client who cannot have it any more. */
void uplink_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len);
/* All that is queued and not acknowledged, and what came late behind it. */
void uplink_return_queue(struct client *client);
/* Tells upstream of what was pushed. */
void uplink_ring(void);

/* --- backlog.c --- */

/* Into the ring of the client's lane, or behind what waits for room there. */
void backlog_push(struct client *client, const struct frame_id *id,
    const void *bytes, uint32_t len);
bool backlog_is_empty(const struct client *client);
/* Nobody will take it: messages and requests are answered with an error, here
 * and now; the rest stays. */
void backlog_refuse(struct client *client);
/* Not read from until its backlog is gone and the server serves. */
void backlog_block(struct client *client);
/* Seconds that it was blocked, since it began or this was last asked. */
uint32_t backlog_blocked_s(struct client *client);
/* Moves backlogs into rings that have room again; true when clients can go
 * on. */
bool backlog_drain_all(void);
/* Keeps an item that may have to go back, behind what is queued and may yet be
 * acknowledged. */
void backlog_keep_late(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len);
/* Keeps an item that the client gets once its new stream has begun, or that
 * goes back. */
void backlog_keep_for_stream(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len);
/* Takes the first of those, instead of what *item_io held; false: there is
 * none. */
bool backlog_take_for_stream(struct client *client, uint8_t *kind_out,
    struct buf *item_io);
size_t backlog_late_bytes(const struct client *client);
void backlog_return_late(struct client *client);
/* All of it, when the client goes. */
void backlog_forget(struct client *client);

/* --- output.c --- */

/* Sent by ourselves: never returned to the server. Not for one that is mute. */
void output_control(struct client *client, const struct buf *words);
/* The same for the last bytes before TLS, in the state STARTING_TLS. */
void output_proceed(struct client *client, const struct buf *words);
/* An item for the client; kind: enum frame_kind. One that comes when our header
 * of a new stream is still due is kept until output_resume(). */
void output_item(struct client *client, uint8_t kind, const void *bytes,
    size_t len);
/* The new stream has begun. */
void output_resume(struct client *client);
/* Has the client looked at in this turn of the loop, wherever it waits; not
 * for use while worker.dirty or worker.unacked is walked, but for the client
 * at hand. */
void output_soon(struct client *client);
/* Writes what can be written; the client may be closing afterwards. */
void output_flush(struct client *client);
void output_flush_all(void);
/* Frees what clients have acknowledged. */
void output_collect(struct client *client);
void output_collect_all(void);
void output_forget(struct client *client);

/* --- weights.c --- */

/* Bytes of memory that wait for the client, whoever wrote them: whole blocks of
 * the partition, and what came late. */
uint64_t client_weight(const struct client *client);
/* Of all clients of this worker. */
uint64_t weights_sum(void);
/* To be called each time that a client's weight may have changed; O(log n). */
void weights_update(struct client *client);
/* Before its object goes, whatever waits for it. */
void weights_forget(struct client *client);
/* The client with the most; NULL when nothing waits for anybody. */
struct client *weights_heaviest(void);
void weights_free(void);

/* --- deliver.c --- */

/* Takes what came down; true when there was something. */
bool deliver_all(void);

/* --- shared.c --- */

/* Takes the rings and control words, which begin anew. */
void shared_begin(uint32_t partition, uint32_t incarnation);
/* What the last look at the down ring showed. */
void shared_note_down(bool sound);
/* Puts own words right, and ends clients that upstream's words cut off; false,
 * once, when the down ring stays damaged. */
bool shared_tick(void);

/* --- deadlines.c --- */

void deadlines_init(void);
/* Looks at the client again when its nearest limit is due. */
void deadline_update(struct client *client);
/* A step of its log-in was answered, by the server or by us: it has more time
 * for the next. */
void deadline_step(struct client *client);
/* Time in which we did not read from it does not count against it. */
void deadline_excuse(struct client *client, uint32_t pause_s);
/* `len` bytes of a stanza have come; `len` more have; it is whole. */
void deadline_stanza_begins(struct client *client, size_t len);
void deadline_stanza_grows(struct client *client, size_t len);
void deadline_stanza_ends(struct client *client);
/* Second at which a closing client's own end is no longer waited for. */
uint32_t deadline_of_end(const struct client *client);
void deadlines_tick(void);

/* --- listener.c --- */

void listener_add(int fd, bool direct_tls, uint32_t id);
void listener_drop(uint32_t id);
/* Takes what waits there first. */
void listener_close(uint32_t id);
/* True while it accepts somewhere. */
bool listeners_any(void);
void listeners_stop(void);
/* A descriptor is free again. */
void listeners_resume(void);

/* --- unauthenticated.c --- */

/* The newcomer has claimed a session. When few are left another client that has
 * not logged in loses its own. */
void unauthenticated_yield_session(const struct client *newcomer);
/* No descriptor is left: one who has had his for long gives it up. */
void unauthenticated_yield_descriptor(void);

/* --- mass_disconnect.c --- */

/* All links are lost, for the time of the grace or for good. */
bool server_is_away(void);
/* Looks whether the server's state changed. */
void server_watch(void);
/* When there is one due and nothing more is to be delivered: what came down
 * before it, errors for what was lost for example, is sent before it. */
void mass_disconnect_begin(void);
void mass_disconnect_tick(void);

/* --- trace.c; all but trace_begin() for clients with CLIENT_TRACED --- */

/* Takes the descriptor; client: NULL when it has gone meanwhile. */
void trace_begin(struct client *client, int fd);
/* Shows it, secrets masked; canonical XML. */
void trace_element(const struct client *client, enum trace_what what,
    const void *bytes, size_t len);
void trace_header(const struct client *client, const struct element *header);
/* The client ends; after this nothing is shown of it. */
void trace_end(const struct client *client, enum close_reason reason);

/* --- drain.c --- */

void drain_begin(uint32_t window_s);
void drain_end(void);
void drain_tick(void);
bool drain_is_over(void);

#endif
