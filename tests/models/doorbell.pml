/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doorbells between one worker and upstream (common/shm/MEMORY.md §4):
 * one up ring, one down ring, both directions of waking, on a machine whose
 * processes have store buffers. README.md says what is left out.
 *
 * Shown: when nothing moves any more, nothing is left to move. Whoever sleeps
 * has an empty ring before it, and nobody waits for room that is there; also
 * when processes are killed between any two steps and successors begin.
 *
 * Bounds, and variants that have to fail, are set with -D: see run.
 */
#ifndef UP
#define UP 2 /* stanzas of clients, at most */
#endif
#ifndef DOWN
#define DOWN 2 /* items of the server, at most */
#endif
#ifndef WORKER_KILLS
#define WORKER_KILLS 0
#endif
#ifndef UPSTREAM_KILLS
#define UPSTREAM_KILLS 0
#endif
#define ROOM   1 /* frames in a ring */
#define STORES 3 /* stores that a processor holds back */

/* --- memory: a store is seen by the other when it leaves the buffer --- */

#define WORKER   0
#define UPSTREAM 1

/* The words of the region. Each has one writer, who never reads it back but
 * keeps a copy of its own: so no load looks into its own buffer. */
#define UP_HEAD         0 /* the worker's */
#define PUBLISHED       1
#define DOWN_TAIL       2
#define WORKER_ASLEEP   3
#define WORKER_WANTS    4
#define UP_TAIL         5 /* upstream's */
#define DOWN_HEAD       6
#define UPSTREAM_ASLEEP 7
#define UPSTREAM_WANTS  8
byte memory[9];
chan stores[2] = [STORES] of { byte, byte };

#define store(me, word, value) stores[me]!word, value
#define fence(me)              empty(stores[me])

proctype buffer(byte me)
{
	byte word, value;

	do
	:: d_step { stores[me]?word, value -> memory[word] = value; value = 0;
		word = 0 }
	od
}

/* --- what the kernel keeps --- */

bool bell[2];   /* eventfds; they outlive who reads them */
bool killed[2]; /* SIGKILL is on its way */

/* What the master's channel says of the partition, the same to each successor
 * of upstream: JOINED (it is LIVE), then GONE (DEAD). */
mtype = { EMPTY, LIVE, DEAD, IDLE, SERVING, RECOVERING };
mtype partition = EMPTY;

byte clients, server; /* what they say that is in no ring yet */

/* doorbell_ring() */
inline ring_doorbell(me, asleep, other)
{
#ifndef NO_FENCE_BEFORE_RINGING
	fence(me);
#endif
	if
	:: memory[asleep] -> bell[other] = true
	:: else
	fi
}

/* on_prepare() of doorbell.c around on_work(), in two parts. */
inline set_asleep(me, asleep)
{
	store(me, asleep, 1);
#ifndef NO_FENCE_BEFORE_SLEEP
	fence(me)
#endif
}

#ifdef NO_LOOK_BEFORE_SLEEP
#define LOOK_AGAIN(on_work) skip
#else
#define LOOK_AGAIN(on_work) on_work
#endif

/* --- the worker --- */

/* push_to_ring(); -ENOSPC: the stanza waits, its client is not read. */
inline push_to_ring()
{
	if
	:: atomic { up_head - memory[UP_TAIL] < ROOM ->
		up_head++;
		clients--;
		unannounced = true;
		backlog = false }
#ifdef COUNT_BEFORE_HEAD
		atomic { published++; store(WORKER, PUBLISHED, published) }
#endif
		store(WORKER, UP_HEAD, up_head)
	:: atomic { else -> backlog = true }
	fi
}

/* deliver_all() and answer_wants_room() */
inline deliver_all()
{
	if
	:: atomic { memory[DOWN_HEAD] != down_tail ->
		down_tail++;
		busy = true }
		store(WORKER, DOWN_TAIL, down_tail);
#ifndef NO_FENCE_AFTER_ROOM
		fence(WORKER);
#endif
		if
		:: memory[UPSTREAM_WANTS] ->
			ring_doorbell(WORKER, UPSTREAM_ASLEEP, UPSTREAM)
		:: else
		fi
	:: else
	fi
}

/* turn_drain(): it asks for room behind its look; the turn before sleeping
 * looks again. */
inline turn_drain()
{
	if
	:: backlog ->
		push_to_ring();
#ifndef NOBODY_ASKS_FOR_ROOM
		store(WORKER, WORKER_WANTS, backlog);
		fence(WORKER);
#endif
		busy = busy || !backlog /* go_on() */
	:: else
	fi
}

/* uplink_ring() */
inline uplink_ring()
{
	if
	:: unannounced ->
#ifdef COUNT_BEFORE_HEAD
		unannounced = false;
#else
		atomic {
			unannounced = false;
			published++;
			store(WORKER, PUBLISHED, published)
		}
#endif
		ring_doorbell(WORKER, UPSTREAM_ASLEEP, UPSTREAM)
	:: else
	fi
}

/* on_work() of client_worker.c */
inline worker_on_work()
{
	busy = false;
	deliver_all();
	turn_drain();
	uplink_ring()
}

inline worker_prepare()
{
	worker_on_work();
	if
	:: !busy ->
		set_asleep(WORKER, WORKER_ASLEEP);
		LOOK_AGAIN(worker_on_work())
	:: else
	fi
}

/* ev_run() where it blocks: what wakes it, on_check(), then the callback. */
inline worker_poll()
{
	if
	:: bell[WORKER] ->
		store(WORKER, WORKER_ASLEEP, 0);
		bell[WORKER] = false /* on_ring() */
	:: clients > 0 && !backlog ->
		store(WORKER, WORKER_ASLEEP, 0);
		push_to_ring() /* backlog_push() */
	:: busy -> /* on_again(): nothing is waited for */
		store(WORKER, WORKER_ASLEEP, 0)
	fi
}

/* shared_begin(), on a partition that upstream has recovered; READY. */
inline worker_begin()
{
	d_step {
		up_head = memory[UP_TAIL];
		down_tail = memory[DOWN_HEAD];
		published = memory[PUBLISHED];
		unannounced = false;
		backlog = false;
		busy = false
	}
	store(WORKER, UP_HEAD, up_head);
	store(WORKER, DOWN_TAIL, down_tail);
	store(WORKER, WORKER_ASLEEP, 0);
	fence(WORKER);
	store(WORKER, WORKER_WANTS, 0);
	fence(WORKER);
	partition = LIVE
}

proctype worker()
{
	/* Its own memory. */
	byte up_head, down_tail, published;
	bool unannounced; /* worker->published */
	bool backlog;     /* a client is blocked: its stanza waits for room */
	bool busy;

	do
	:: partition == EMPTY ->
		killed[WORKER] = false;
		worker_begin();
		{
			do
			:: worker_prepare();
				worker_poll()
			od
		} unless { killed[WORKER] };
		/* The master reaps it: its stores are out. What waited in its
		 * own memory is lost. */
		fence(WORKER);
		partition = DEAD
	od
}

/* --- upstream --- */

/* pump_look_at_all(): whatever has been counted */
inline pump_look_at_all()
{
	waiting = waiting || memory[UP_HEAD] != up_sent
}

/* pump_look() */
inline pump_look()
{
	if
	:: memory[PUBLISHED] != published_seen ->
		published_seen = memory[PUBLISHED];
		if
		:: !waiting && memory[UP_HEAD] != up_sent ->
			waiting = true;
			busy = true
		:: else
		fi
	:: else
	fi
}

/* to_ring() of ring_writer.c, and what session.c does after it */
inline push_down()
{
	if
	:: down_head - memory[DOWN_TAIL] < ROOM ->
		atomic {
			down_head++;
			server--;
			store(UPSTREAM, DOWN_HEAD, down_head)
		}
		down_waits = false;
		must_ring = true
	:: else -> down_waits = true
	fi
}

/* down_flush(): it does not count as work done. */
inline down_flush()
{
	if
	:: down_waits ->
#ifndef NOBODY_ASKS_FOR_ROOM
		store(UPSTREAM, UPSTREAM_WANTS, 1);
		fence(UPSTREAM);
#endif
		push_down();
		if
		:: !down_waits ->
			store(UPSTREAM, UPSTREAM_WANTS, 0);
			fence(UPSTREAM)
		:: else
		fi
	:: else
	fi
}

/* partition_recovery_step(): all was sent and is confirmed; FREE. The message
 * goes through a lock of the kernel, which is a fence. */
inline partition_recovery_step()
{
	if
	:: phase == RECOVERING && up_sent == up_tail &&
	    memory[UP_HEAD] == up_tail ->
		fence(UPSTREAM);
		phase = IDLE;
		partition = EMPTY;
		busy = true
	:: else
	fi
}

/* pump_link(): batch_fill() takes a frame, or finds that there is none. */
inline pump_link()
{
	if
	:: waiting ->
		if
		:: memory[UP_HEAD] != up_sent -> up_sent++; busy = true
		:: else -> waiting = false
		fi
	:: else
	fi
}

/* ring_doorbells() */
inline ring_doorbells()
{
	if
	:: must_ring ->
		must_ring = false;
		ring_doorbell(UPSTREAM, WORKER_ASLEEP, WORKER)
	:: else
	fi
}

/* on_work() of upstream.c */
inline upstream_on_work()
{
	busy = false;
	pump_look();
	down_flush();
	partition_recovery_step();
	pump_link();
	ring_doorbells()
}

/* A barrier is answered: pump_confirm(), pump_wake_producer(). */
inline pump_confirm()
{
	up_tail = up_sent;
	store(UPSTREAM, UP_TAIL, up_tail);
#ifndef NO_FENCE_AFTER_ROOM
	fence(UPSTREAM);
#endif
	must_ring = must_ring || memory[WORKER_WANTS]
}

/* partitions_take(): each lane has its turn, unconfirmed_inherit_ring();
 * what was in flight goes back into the line. */
inline take_partition()
{
	up_sent = up_tail;
	phase = SERVING;
#ifndef NO_LOOK_AT_FIRST
	waiting = true
#endif
}

/* partition_recovery_begin(): the down ring and what waits for it are
 * returned. */
inline recovery_begin()
{
	phase = RECOVERING;
	down_waits = false;
#ifndef NO_LOOK_AT_THE_DEAD
	pump_look_at_all()
#endif
}

inline upstream_prepare()
{
	upstream_on_work();
	if
	:: !busy ->
		set_asleep(UPSTREAM, UPSTREAM_ASLEEP);
		LOOK_AGAIN(upstream_on_work())
	:: else
	fi
}

inline upstream_poll()
{
	if
	:: bell[UPSTREAM] ->
		store(UPSTREAM, UPSTREAM_ASLEEP, 0);
		bell[UPSTREAM] = false
	:: up_sent != up_tail -> /* the server answers */
		store(UPSTREAM, UPSTREAM_ASLEEP, 0);
		pump_confirm()
	:: phase == IDLE && partition != EMPTY -> /* JOINED */
		store(UPSTREAM, UPSTREAM_ASLEEP, 0);
		take_partition()
	:: phase == SERVING && partition == DEAD -> /* GONE */
		store(UPSTREAM, UPSTREAM_ASLEEP, 0);
		recovery_begin()
	:: server > 0 && phase == SERVING && !down_waits ->
		store(UPSTREAM, UPSTREAM_ASLEEP, 0);
		push_down() /* ring_writer_push() */
	:: busy ->
		store(UPSTREAM, UPSTREAM_ASLEEP, 0)
	fi
}

/* upstream_set_up(): own cursors are inherited, all else begins anew;
 * outage_begin() has every worker rung. */
inline upstream_begin()
{
	d_step {
		up_tail = memory[UP_TAIL];
		up_sent = up_tail;
		down_head = memory[DOWN_HEAD];
		published_seen = 0;
		waiting = false;
		down_waits = false;
		busy = false;
		phase = IDLE;
#ifdef NO_RING_AT_FIRST
		must_ring = false
#else
		must_ring = true
#endif
	}
}

proctype upstream()
{
	/* Its own memory. */
	byte up_sent, up_tail, down_head, published_seen;
	bool waiting;      /* partition->waiting: this ring has frames */
	bool must_ring;    /* partition->ring_doorbell */
	bool down_waits;   /* ring_writer_is_blocked(): an item waits for room */
	mtype phase;       /* of the partition */
	bool busy;

	do
	:: killed[UPSTREAM] = false;
		upstream_begin();
		{
			do
			:: upstream_prepare();
				upstream_poll()
			od
		} unless { killed[UPSTREAM] };
		fence(UPSTREAM)
	od
}

/* --- kills, and what has to hold --- */

proctype killer()
{
	byte workers = WORKER_KILLS, upstreams = UPSTREAM_KILLS;

	do
	:: workers > 0 && partition == LIVE ->
		workers--;
		killed[WORKER] = true
	:: upstreams > 0 -> upstreams--; killed[UPSTREAM] = true
	:: break
	od
}

#define SERVED (clients == 0 && \
	memory[UP_HEAD] == memory[UP_TAIL] && \
	server == 0 && \
	memory[DOWN_HEAD] == memory[DOWN_TAIL] && \
	partition == LIVE)

/* It has its turn when nobody else can do anything. */
proctype observer()
{
	timeout -> assert(SERVED)
}

/* Nor do they wake each other for ever: with time, all is served. */
#ifdef LIVENESS
bool tick;

proctype clock()
{
	do
	:: tick = !tick
	od
}

ltl all_is_served { <>[] SERVED }
#endif

init
{
	/* Fewer than that, too: they may fall silent at any time. */
	select(clients : 0 .. UP);
	select(server : 0 .. DOWN);
	atomic {
		run buffer(WORKER);
		run buffer(UPSTREAM);
		run worker();
		run upstream();
#ifdef LIVENESS
		run clock();
#else
		run observer();
#endif
		run killer()
	}
}
