/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what the parts of the upstream process share.
 *
 * One struct upstream; its parts are layers, each a folder, which call only
 * those below themselves (ARCHITECTURE.md). Single-threaded.
 */
#ifndef WORKER_UPSTREAM_CORE_STATE_H
#define WORKER_UPSTREAM_CORE_STATE_H

#include "common/base/buf.h"
#include "common/base/certificate.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/channel.h"
#include "common/shm/lane_log.h"
#include "common/shm/link_memory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "common/xmpp/multiplex.h"
#include "worker/domains.h"
#include "worker/upstream/core/ring_writer.h"
#include "worker/upstream/link/attempt_log.h"
#include "worker/upstream/link/barrier.h"
#include "worker/upstream/link/hint.h"
#include "worker/upstream/link/link_reader.h"
#include "worker/upstream/link/link_set.h"
#include "worker/upstream/resolve/resolve.h"
#include "worker/upstream/send/blame.h"
#include "worker/upstream/session/unknown_sessions.h"

#define BATCH_PIECES 64

struct upstream;
struct config;
struct directory;
struct heritage;
struct journal;
struct platform;
struct recogniser;
struct session;
struct suspect_row;
struct tls_context;

/* --- up --- */

/* A ring of a worker, from which frames are collected. */
struct up_ring {
	struct ring ring;
	uint64_t abandoned_end; /* senders before it were sent away */
	uint64_t notified_end;  /* those with dead sessions were notified */
	uint64_t copied; /* where what a predecessor has copied ends, of */
	uint32_t copied_incarnation; /* ... this worker */
	bool broken; /* its producer wrote nonsense, or there is none */
};

#define NO_PARTITION UINT32_MAX

/* What goes up in one order, whoever has said it. */
struct lane {
	struct lane_log log;
	bool waits;         /* there may be something to send */
	uint32_t first;     /* partition that found it full; or NO_PARTITION */
	uint64_t in_flight; /* spans in journals of links */
	struct suspect_row *suspects;
	uint64_t left_end;  /* on the link that died just now; 0: nothing */
	uint64_t doubt_end; /* the same of what its server may have */
	uint64_t aged_end;  /* entries before it are at least ... */
	double aged_since;  /* ... so old; lane_publish.c */
};

/* A piece of the batch that is being written; bytes lie in a lane's log or in a
 * ring. */
struct piece {
	const uint8_t *bytes;
	uint32_t len;
	uint64_t number; /* journal entry */
};

struct batch {
	struct piece pieces[BATCH_PIECES];
	unsigned count;
	unsigned next;
	uint32_t done; /* bytes of pieces[next] */
};

/* --- links --- */

/*
 *   waiting -> resolving -> connecting -> [securing ->] opening -> features
 *     ^           features -> starttls -> securing -> opening (again)
 *     |           features -> proving -> serving -> ending
 *     +------------------- any, when it fails or ends
 */
enum link_state {
	LINK_WAITING, /* for the next attempt */
	LINK_RESOLVING,
	LINK_CONNECTING,
	LINK_OPENING,  /* our header sent */
	LINK_FEATURES, /* its header came */
	LINK_STARTTLS, /* waiting for proceed */
	LINK_SECURING, /* TLS handshake */
	LINK_PROVING,  /* <handshake/> sent */
	LINK_SERVING,
	LINK_ENDING, /* our end tag sent; reading to the end */
};

struct link {
	struct upstream *up;
	unsigned number;
	enum link_state state;
	double since;    /* of the state */
	double deadline; /* of the state; 0: none */
	unsigned failures;
	uint32_t attempt;
	bool joined;       /* may carry lanes: in link_set */
	bool leaving;      /* at our wish: ends once its lanes have left */
	bool stale;        /* it has proven an old secret */
	bool input_broken; /* nothing more can be read */
	bool input_ended;  /* the server's end tag came; it may still read */
	bool too_late;     /* its server did not do in time what it should */
	bool is_reset;     /* its connection is */
	bool heard;        /* something came since it was begun */

	int fd;
	uint64_t cookie; /* of the socket that the master was sent; 0: none */
	struct transport transport;
	unsigned watched; /* enum platform_event */
	struct link_reader reader;
	uint8_t *buffer;       /* what is read goes round here */
	uint64_t buffer_bytes; /* power of two */
	uint64_t received;     /* positions of its stream: handed out */
	uint64_t done;         /* ... and dealt with */
	uint64_t origin;       /* ... and what is at the buffer's begin */
	uint64_t resume_end;   /* of what a predecessor has read */
	bool resuming;         /* not all of that is handed out */
	bool replaying;        /* what was dealt with is read once more */
	uint64_t said_end;     /* of the item behind what is dealt with ... */
	unsigned said;         /* ... of which so much was said already */
	bool stalled;          /* in the midst of items: no room below */
	/* The item that found none, to be handed out again; FRAMER_MORE: it
	 * was the next one that waits. */
	enum framer_result deferred;
	char id[128]; /* of the stream */

	bool resolves; /* an answer is to come */
	struct resolve_answer addresses;
	unsigned next_address;
	struct endpoint peer;

	struct ring ctl;
	struct ring_writer ctl_out;
	struct journal *journal;
	struct batch batch;
	struct barrier_table barriers;
	uint64_t barrier_changes; /* up->link_changes when it was sent */
	double silent_since;      /* no barrier was answered; 0: none is open */
	double answered_at;       /* the last one */
	double queried_again_at;  /* because another link went */
	bool hang_noted;          /* operators see it as one that hangs */
	uint64_t uncovered_bytes; /* sent since the last barrier */
	unsigned uncovered_entries;
	double uncovered_since; /* 0: nothing */
	unsigned turn_lane;
	double last_sent;
	double last_received;
	double item_since; /* the item under way began; 0: none is */
	bool lost;         /* while its input is handled: go no further */
	bool reading;      /* its items are being handed out */
	struct certificate_facts certificate; /* sha256 "": none was shown */
};

/* --- lanes --- */

/* The sessions of a lane that the server is asked about (PROTOCOL.md §10.9). */
struct revalidation {
	bool active;
	bool everyone; /* all created sessions of the lane are among them */
	uint32_t *slots;
	uint32_t count, cap, next;
	int link;           /* probed on; LINK_NONE: to be probed anew */
	uint64_t serial;    /* of the barrier behind them; 0: not sent yet */
	double answered_at; /* 0: not yet */
};

/* Sessions whose clients are to be told that the server has lost them. */
struct forgotten {
	struct session *sessions;
	uint32_t count, cap, next;
	double since; /* the pause is over */
};

/* Sessions whose leave is confirmed, in that order; leaving.c. */
struct leaving {
	struct leaver *leavers;
	uint32_t count, cap, next;
	bool inherited; /* those of a predecessor are among them */
};

/* What links die of is looked for (isolation.h). */
enum isolation_state { ISOLATION_IDLE, ISOLATION_CLEARING, ISOLATION_TRYING };

struct isolation {
	enum isolation_state state;
	bool any;         /* frames that left on a link that died may be here */
	int link;         /* that tries; LINK_NONE */
	uint64_t barrier; /* its serial, before the trial; 0: not sent yet */
	bool answered;
	unsigned deaths;   /* what those that are tried have cost */
	uint32_t left;     /* more of them that may go */
	double since;      /* the trial, or what clears its link, began */
	double rest_until; /* the link is for others */
	double lost_at;    /* the last link */
	struct blame blame;
};

/* --- workers --- */

enum partition_phase { PHASE_IDLE, PHASE_SERVING, PHASE_RECOVERING };

/* What upstream says now is said because of that (lane_log.h). */
struct origin {
	uint64_t place; /* lane_place() */
	uint32_t incarnation;
};

/* How far a dead worker's partition is recovered (partition_recovery.h). */
enum recovery_stage {
	RECOVERY_COLLECT, /* its up rings are taken to the end */
	RECOVERY_LEAVES,  /* its sessions are made unavailable */
	RECOVERY_QUEUES,  /* client queues go back to the server */
	RECOVERY_RING,    /* its down ring, with what came meanwhile */
	RECOVERY_LEFT,    /* until the server has confirmed the leaves */
	RECOVERY_WAITING, /* until what it said was given to links */
	RECOVERY_CLOSES,  /* its sessions are closed */
	RECOVERY_CONFIRM, /* all is to be confirmed */
};

struct recovery {
	enum recovery_stage stage;
	uint32_t next;               /* slot */
	uint32_t blocks;             /* of its queues, still to be looked at */
	uint32_t turn_blocks;        /* the same when this turn began */
	uint32_t items_of;           /* the slot whose queue goes back */
	uint32_t items;              /* of it that have gone */
	uint64_t resumed_at;         /* lane_place(), of a predecessor */
	uint64_t cursor;             /* in the down ring */
	uint64_t heads[LANE_COUNT];  /* of the lanes; what is waited for */
	uint64_t leaves[LANE_COUNT]; /* the same, behind the leaves */
	uint32_t leavers;            /* sessions that may get something yet */
	double leaves_at;
	double left_at; /* the leaves are confirmed; 0: not yet */
};

/* A session of an earlier run of the manager, which the server may still
 * have. */
struct ghost {
	uint32_t row; /* of the ledger */
	uint32_t generation;
};

struct partition {
	enum partition_phase phase;
	uint32_t incarnation;
	struct up_ring rings[LANE_COUNT];
	struct ring_writer down;
	uint64_t published_seen;
	uint16_t waiting; /* lanes with frames to collect */
	bool ring_doorbell;
	bool damaged; /* its worker is being ended for that */
	struct recovery recovery;
};

struct upstream {
	struct platform *platform;
	struct heritage *heritage;
	const struct config *config;
	struct region *region;
	struct directory *directory;
	struct tls_context *tls;
	double now_s; /* when this turn began */
	struct domains domains;
	struct multiplex_names names; /* the main domain */
	uint32_t run_id;
	uint64_t next_id; /* of IQs */

	struct link links[LINKS_MAX];
	unsigned link_count; /* that were ever wanted */
	bool renewing;       /* some are stale */
	struct link_set set;
	uint64_t link_changes; /* links that died or came, ever */
	struct attempt_log attempt_log;
	struct hints hints;
	double began_s; /* this run */

	struct lane lanes[LANE_COUNT];
	uint32_t turn_partition; /* collected from first */
	struct revalidation revalidations[LANE_COUNT];
	struct isolation isolation;

	struct partition *partitions;
	uint32_t partition_count;
	bool gives_sockets; /* the master is to hold duplicates of them */
	bool briefed;       /* all that were in use at our start are known */

	struct server_state server;
	bool configured;     /* it has said all, since the first link */
	bool main_is_named;  /* offers.c: a configuration bears its name */
	double hold_until;   /* 0: not holding */
	double settle_until; /* of a pause */
	double steady_at;    /* the server counts as back then, if it stays */
	struct forgotten forgotten;
	struct leaving leaving;
	bool no_grace; /* the server has announced that it stops */
	struct ghost *ghosts;
	uint32_t ghost_count, ghost_next;
	uint32_t ghost_row;    /* the next to be read */
	bool ghosts_unread;    /* there are such */
	char *former_name;     /* that the links carry first, or NULL */
	bool former_links_end; /* they have been told to */

	struct unknown_sessions unknown_sessions;
	struct recogniser *recogniser;
	struct links_memory *memory;
	const struct link_events *link_events;
	const struct lane_events *lane_events;
	struct ring_writer_cause cause; /* of what is done now */
	struct origin origin;           /* of what is said now */
	struct buf scratch;             /* what is being rendered */
	struct buf chain; /* an item gathered from several frames */
	bool blocked;     /* some down ring is full: links are not read */
	bool deferred;    /* the item that is handed out finds no room */

	double trim_at;         /* when empty rings are looked at next */
	double certificates_at; /* likewise */
	struct certificate_watch certificate_watch;
	bool stopping;
	bool ending;    /* end tags are out */
	double stop_at; /* no more patience */
};

/* The links carry another name than ours (recovery/ghost_sessions.h). */
static inline bool
upstream_has_former_links(const struct upstream *up)
{
	return up->former_name != NULL;
}

/* The platform's clock when this turn began. */
double upstream_now(const struct upstream *up);

/* To the master, about the worker that has this partition, or had it last. */
void upstream_send(struct upstream *up, enum channel_type type,
    uint32_t partition);

#endif
