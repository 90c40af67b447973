/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - all that one worker has: its clients, its rings to upstream, and what
 * each module of this folder keeps from one call to the next, so a process can
 * have several. Elsewhere is only what a process has once: buffers that are
 * empty between two calls, and how many lines were logged in this second
 * (log_limited(), worker/dropped.h).
 *
 * Files of this folder call each other in one direction, from the last of these
 * to the first (contrib/dev/check-circles); what must call back goes through
 * struct client_calls of client.h:
 *
 *   of their own     newcomers, weights, scopes, loans, early, server, trace,
 *                    login_lines, login_jid
 *   a client         client, client_domain, stall, parsers,
 *                    login_requests, login
 *   what waits       backlog, uplink, leave, pending, output, unauthenticated
 *   its time, state  keepalive, deadlines, client_session, client_state
 *   what it says     input_kept, negotiate, handshakes, handshaking, goodbye,
 *                    filter, input_end, unread, input, input_read
 *   what it is sent  shared, deliver
 *   come and go      proxied, client_io, listener, unread_read, ending
 *   the loop         turn, deadline_look, drain, mass_disconnect,
 *                    client_worker
 */
#ifndef WORKER_CLIENT_STATE_H
#define WORKER_CLIENT_STATE_H

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/slab.h"
#include "common/base/steady_clock.h"
#include "common/net/networks.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "common/xmpp/jid.h"
#include "worker/client/deadlines.h"
#include "worker/client/handshakes.h"
#include "worker/client/input.h"
#include "worker/client/listener.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/newcomers.h"
#include "worker/client/trace.h"
#include "worker/client/unauthenticated.h"
#include "worker/client/unread.h"
#include "worker/client/weights.h"
#include "worker/domains.h"
#include "worker/doorbell.h"
#include "worker/supervised.h"

#include <ev.h>

struct client;
struct client_calls;
struct clientq_pool;
struct config;
struct directory;
struct heritage;
struct parsers;
struct pending;
struct scopes;
struct tls_context;
struct worker_listener;

struct client_worker {
	const struct config *config;
	struct heritage *heritage;
	const struct client_calls *calls;
	struct ev_loop *loop;
	struct region *region;
	struct directory *directory;
	struct clientq_pool *pool;
	struct parsers *parsers;
	struct scopes *scopes;
	struct tls_context *tls; /* NULL: never had a certificate */
	bool offers_tls;         /* has one now */
	struct domains domains;
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
	struct handshakes handshakes; /* handshaking.c */
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
	struct networks balancers[2]; /* proxied.c: of STARTTLS, direct TLS */
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
	uint32_t damaged_since_s;   /* 0: the down ring makes sense */
	bool damaged;               /* for good: a successor is needed */
	uint32_t look_next;         /* slot that is looked at next */
	unsigned trim_ticks;        /* until freed memory has all gone back */
	struct buf scratch;         /* what is rendered next */
	char prepared[JID_MAX + 1]; /* filter.c: a stanza's `to` */
	struct buf rewritten;       /* filter.c: the stanza that goes up */
	struct buf chain;           /* a down item in pieces */

	struct weights weights;
	struct watcher watchers[WATCHERS_MAX]; /* trace.c */
	struct login_ids login_ids;
	struct login_log login_log;
	struct unauthenticated unauthenticated;
	struct unread unread;
	uint8_t room[INPUT_ROOM_BYTES]; /* input.c */
};

/* What limits and session info count in. */
static inline uint32_t
now_s(void)
{
	return steady_clock_coarse_s();
}

#endif
