/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes up in one lane, over two links: a worker's ring, the lane's log,
 * the links' journals, the kernel's counters, and a server that handles what it
 * has read. Upstream is killed between any two stores, and its successor goes
 * on at the very byte; a link dies, or is given up, and the other one carries
 * on. It is the journal as designed, not yet as built: README.md says where
 * they differ, and what is left out.
 *
 * Shown: of a kind that is sent once the server handles nothing twice; nothing
 * leaves the log that was neither handled nor answered, and nothing stays there
 * for ever; a sender gets one answer at most; a link's stream is never broken.
 *
 * Bounds, and variants that have to fail, are set with -D: see run.
 */
#ifndef ENTRIES
#define ENTRIES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef DEATHS
#define DEATHS 1 /* of link 0, by itself or given up */
#endif
#define LEN   2  /* bytes of an entry on the wire: it may be cut */
#define SPANS 4  /* places in a journal; the last one is for a barrier */
#define LOG   (ENTRIES + 1) /* one more, should something come twice */
#define WIRE  (3 * ENTRIES + 2)
#define ALL   255

/* --- the region: what a successor finds --- */

bool once[ENTRIES]; /* unconfirmed_is_sent_once(); else sent again */

byte ring_tail; /* frames of the worker's ring that are appended */

/* The lane's log. An entry names its cause: the frame. */
byte cause[LOG];
bool resolved[LOG]; /* its sender was answered: it is not sent any more */
byte lane_head, lane_tail;

/* The link that carries the lane (link_set.h). */
byte holder;

/* journal.h: which entries lie where on the wire. A barrier has none. */
typedef span {
	byte from, to;
	byte start, end
};
typedef link_journal {
	span spans[SPANS];
	byte head, tail
};
link_journal journal[2];

/* Errors to senders, and the intent record of one. */
byte down[LOG], down_head;
byte intent_entry, intent_head;
bool intent_valid;

/* The receive buffers: answered barriers, by their places in the journal. */
chan answers[2] = [2] of { byte };

/* --- the kernel and the network: the master's duplicates keep them --- */

typedef socket {
	byte accepted;     /* W */
	byte transmitted;  /* W - SIOCOUTQNSD */
	byte acknowledged; /* tcpi_bytes_acked */
	byte handled;      /* nobody here knows it */
	bool dead;
	bool given_up; /* reset by us: its counters are gone */
	byte wire[WIRE]
};
socket sockets[2];
byte deaths;
bool killed;

/* What a byte on the wire is: its entry and its place there, or a barrier. */
#define BYTE_OF(entry, place) ((entry) * LEN + (place))
#define BARRIER               100

/* Acknowledgements are told apart on link 0 alone: fewer states. */
proctype network(byte l)
{
	do
	:: d_step { sockets[l].transmitted < sockets[l].accepted &&
		!sockets[l].dead -> sockets[l].transmitted++ }
	:: d_step { l == 0 &&
		sockets[l].acknowledged < sockets[l].transmitted &&
		!sockets[l].dead ->
		sockets[l].acknowledged = sockets[l].transmitted }
	:: d_step { l == 0 && deaths < DEATHS && !sockets[l].dead ->
		sockets[l].dead = true; deaths++ }
	od
}

/* --- the server --- */

byte handled[ENTRIES]; /* how often */

inline handle(entry)
{
	handled[cause[entry]]++;
	assert(handled[cause[entry]] <=
		(once[cause[entry]] -> 1 : 1 + deaths))
}

inline handle_byte(l)
{
	next = sockets[l].wire[sockets[l].handled];
	sockets[l].wire[sockets[l].handled] = 0;
	sockets[l].handled++;
	if
	:: next >= BARRIER ->
		assert(expected == ALL);
		if
		:: sockets[l].dead
		:: else -> answers[l]!next - BARRIER
		fi
	:: else ->
		assert(expected == ALL -> next % LEN == 0 : next == expected);
		expected = (next % LEN == LEN - 1 -> ALL : next + 1);
		if
		:: expected == ALL -> handle(next / LEN)
		:: else
		fi
	fi;
	next = 0
}

/* It handles a link's elements in order. What it reads of a dead link has left
 * before, and at any byte it may stop. Only counts are asked of it, so it may
 * do that in one step, and before upstream notices. What nobody looks at any
 * more is forgotten, here and in journal_restart(). */
proctype peer(byte l)
{
	byte next, expected = ALL; /* of an element it has a part of */

	do
	:: atomic { sockets[l].handled < sockets[l].transmitted ->
		handle_byte(l) }
	:: atomic { sockets[l].dead ->
		do
		:: sockets[l].handled < sockets[l].transmitted ->
			handle_byte(l)
		:: break
		od;
		do
		:: next < WIRE -> sockets[l].wire[next] = 0; next++
		:: else -> break
		od;
		next = 0;
		expected = ALL;
		sockets[l].handled = ALL;
		break }
	od
}

/* --- upstream --- */

#define NEWEST(l) journal[l].spans[(journal[l].head - 1) % SPANS]
#define PRODUCED(l) (journal[l].head > 0 -> NEWEST(l).end : 0)
#define ROOM(l)     (SPANS - (journal[l].head - journal[l].tail))

/* A frame is copied from a ring: the entry and its cause, the log's head, and
 * only then the cause's cursor. */
inline append()
{
#ifdef CAUSE_FIRST
	ring_tail++;
	cause[lane_head] = ring_tail - 1;
	lane_head++
#else
	cause[lane_head] = ring_tail;
	lane_head++;
	ring_tail = cause[lane_head - 1] + 1
#endif
}

/* The sent cursor is derived: the end of the newest span, or the tail. What is
 * resolved is passed over. To be used in one step with something else. */
inline find_sent(l)
{
	sent = lane_tail;
	n = journal[l].tail;
	do
	:: n < journal[l].head ->
		sent = (journal[l].spans[n % SPANS].to > sent ->
			journal[l].spans[n % SPANS].to : sent);
		n++
	:: else -> break
	od;
	do
	:: sent < lane_head && resolved[sent] -> sent++
	:: else -> break
	od;
	n = 0
}

/* journal_append(), journal_commit(): a span of `to - from` entries, or a
 * barrier of one byte. The head makes it visible. */
inline stage(l, from_entry, to_entry, bytes)
{
	d_step {
		n = journal[l].head % SPANS;
		at = PRODUCED(l);
		journal[l].spans[n].from = from_entry;
		journal[l].spans[n].to = to_entry;
		journal[l].spans[n].start = at;
		journal[l].spans[n].end = at + bytes;
		n = 0;
		at = 0
	}
#ifdef HEAD_AFTER_WRITE
	write_byte(l, journal[l].head);
	do
	:: written[l] < journal[l].spans[journal[l].head % SPANS].end &&
	    !sockets[l].dead -> write_byte(l, journal[l].head)
	:: else -> break
	od;
#endif
	atomic { journal[l].head++; find_sent(l) }
}

/* transport_write() of one byte, whose span is number `number` or older. The
 * call is made or not: who is killed in it finishes it first. */
inline write_byte(l, number)
{
	atomic {
		n = number;
		do
		:: n > 0 && journal[l].spans[n % SPANS].start > written[l] ->
			n--
		:: else -> break
		od;
		at = written[l] - journal[l].spans[n % SPANS].start;
		if
		:: sockets[l].dead
		:: else ->
			sockets[l].wire[sockets[l].accepted] =
				(journal[l].spans[n % SPANS].from ==
				    journal[l].spans[n % SPANS].to ->
				    BARRIER + n :
				    BYTE_OF(journal[l].spans[n % SPANS].from,
					at));
			sockets[l].accepted++;
			written[l]++
		fi;
		n = 0;
		at = 0
	}
}

/* ring_release() in pump_confirm(): nothing is freed that somebody still waits
 * for. What is resolved goes with what was before it. */
inline release_lane(to_entry)
{
	atomic {
		at = lane_tail;
		do
		:: at < to_entry || (at < lane_head && resolved[at]) ->
			assert(resolved[at] || handled[cause[at]] > 0);
			at++
		:: else -> break
		od;
		lane_tail = at;
		at = 0
	}
}

/* A barrier was answered: lane tails, the journal's tail, the parsed cursor.
 * Each may be done again. */
inline confirm(l)
{
	atomic {
		answers[l]?<covers>;
		n = journal[l].tail;
		upto = 0;
		do
		:: n <= covers ->
			upto = (journal[l].spans[n % SPANS].to > upto ->
				journal[l].spans[n % SPANS].to : upto);
			n++
		:: else -> break
		od;
		n = 0
	}
#ifdef JOURNAL_TAIL_FIRST
	journal[l].tail = (covers + 1 > journal[l].tail ->
		covers + 1 : journal[l].tail);
	release_lane(upto);
#else
	release_lane(upto);
	journal[l].tail = (covers + 1 > journal[l].tail ->
		covers + 1 : journal[l].tail);
#endif
	atomic { answers[l]?covers; covers = 0; upto = 0 }
}

/* An error to the sender (session_bounce()) and the entry's flag are one act:
 * frame, intent, valid, head, flag, not valid. */
inline redo_intent()
{
	down_head = intent_head;
	resolved[intent_entry] = true;
	d_step { intent_valid = false; intent_head = 0; intent_entry = 0 }
}

inline answer(entry)
{
#ifdef FLAG_BEFORE_ERROR
	resolved[entry] = true;
	d_step { down[down_head] = cause[entry]; down_head++ }
#elif defined(ERROR_BEFORE_FLAG)
	d_step { down[down_head] = cause[entry]; down_head++ }
	resolved[entry] = true
#else
	down[down_head] = cause[entry];
	d_step { intent_entry = entry; intent_head = down_head + 1 }
	intent_valid = true;
	redo_intent()
#endif
}

/* journal_restart(); all of it, since a former span is of no use any more. */
inline journal_restart(l)
{
	n = 0;
	do
	:: n < SPANS ->
		journal[l].spans[n].from = 0;
		journal[l].spans[n].to = 0;
		journal[l].spans[n].start = 0;
		journal[l].spans[n].end = 0;
		n++
	:: else -> break
	od;
	journal[l].head = 0;
	journal[l].tail = 0;
	sockets[l].accepted = 0;
	sockets[l].transmitted = 0;
	sockets[l].acknowledged = 0;
	written[l] = 0;
	given_up_at = 0
}

/* How many bytes of a dead link the server may have, or get. */
inline find_reachable(l)
{
	if
	:: sockets[l].given_up -> /* known to who gave it up */
		reachable = given_up_at
#ifdef BY_ACKNOWLEDGED
	:: else -> reachable = sockets[l].acknowledged
#else
	:: else -> reachable = sockets[l].transmitted
#endif
	fi
}

/* The next entry in the journal of a dead link, `entry` or a later one, that
 * may have reached the server, and of whose sender nobody has notified yet. */
inline find_unconfirmed(l)
{
	n = journal[l].tail;
	do
	:: n < journal[l].head &&
	    journal[l].spans[n % SPANS].to <= entry -> n++
	:: n < journal[l].head && journal[l].spans[n % SPANS].to > entry ->
		entry = (journal[l].spans[n % SPANS].from > entry ->
			journal[l].spans[n % SPANS].from : entry);
		if
		:: once[cause[entry]] && !resolved[entry] &&
		    journal[l].spans[n % SPANS].start + LEN *
		    (entry - journal[l].spans[n % SPANS].from + 1) <=
		    reachable -> break
		:: else -> entry++
		fi
	:: n == journal[l].head -> entry = ALL; break
	od;
	n = 0
}

/* unconfirmed_link_died(): what left and is sent once is answered. Then the
 * lane moves, and everything else is sent from the tail on. */
inline fail_over(l, other)
{
	do
	:: atomic {
		entry = lane_tail;
		find_reachable(l);
		find_unconfirmed(l);
		reachable = 0;
		if
		:: entry == ALL -> entry = 0; break
		:: else
		fi }
		answer(entry)
	od;
	release_lane(lane_tail);
	holder = other;
	atomic { journal_restart(l); find_sent(other) }
}

/* transport_reset() of a link that lives: the counter is read before, and more
 * may leave in between. */
inline give_up(l)
{
#ifdef GIVEN_UP_BY_TRANSMITTED
	given_up_at = sockets[l].transmitted;
#else
	given_up_at = written[l];
#endif
	d_step {
		if
		:: !sockets[l].dead && deaths < DEATHS ->
			sockets[l].given_up = true;
			sockets[l].dead = true;
			deaths++
		:: else
		fi
	}
}

/* W of a living link: two calls are not one moment. */
inline read_counters(l)
{
	do
	:: at = sockets[l].acknowledged; /* TCP_INFO */
		written[l] = at + sockets[l].accepted -
			sockets[l].acknowledged; /* SIOCOUTQ */
#ifdef COUNTERS_ONCE
		break
#else
		if
		:: at == sockets[l].acknowledged -> break
		:: else
		fi
#endif
	od;
	at = 0;
#ifdef FORGET_UNWRITTEN
	written[l] = PRODUCED(l)
#endif
}

/* upstream_set_up() of a successor. The ring is taken up behind the newest
 * entry. */
inline begin()
{
	d_step {
		n = 0; at = 0; covers = 0; upto = 0; entry = 0; reachable = 0;
		given_up_at = ALL
	}
	if
	:: intent_valid -> redo_intent()
	:: else
	fi;
#ifndef CAUSE_FIRST
	if
	:: lane_head > 0 -> ring_tail = cause[lane_head - 1] + 1
	:: else
	fi;
#endif
	read_counters(holder);
	atomic { find_sent(holder) }
}

#define COVERED(l) (journal[l].head == journal[l].tail || \
	NEWEST(l).from == NEWEST(l).to)

/* on_work() and the links' callbacks, in any order. That a link is dead is
 * noticed at any time after it. */
inline turns()
{
	do
	:: ring_tail < ENTRIES -> append()
	:: sent < lane_head && ROOM(holder) > 1 ->
		stage(holder, sent, sent + 1, LEN)
	:: sent + 1 < lane_head && !resolved[sent + 1] && ROOM(holder) > 1 ->
		stage(holder, sent, sent + 2, 2 * LEN)
	:: !COVERED(holder) && ROOM(holder) > 0 -> stage(holder, 0, 0, 1)
	:: written[holder] < PRODUCED(holder) && !sockets[holder].dead ->
		write_byte(holder, journal[holder].head - 1)
	:: nempty(answers[holder]) -> confirm(holder)
#ifdef CONFIRMED_BY_ACKNOWLEDGED
	:: lane_tail < sent &&
	    sockets[holder].acknowledged >= PRODUCED(holder) ->
		release_lane(sent)
#endif
	:: holder == 0 && sockets[0].handled == ALL -> fail_over(0, 1)
	:: holder == 0 && !sockets[0].dead && deaths < DEATHS -> give_up(0)
	od
}

proctype upstream()
{
	byte written[2]; /* of each link, as upstream knows */
	byte sent, covers, upto, entry, reachable, given_up_at;
	byte n, at;

	do
	:: killed = false;
		begin();
		{ turns() } unless { killed }
	od
}

/* --- kills, and what has to hold --- */

proctype killer()
{
	byte kills;

	do
	:: kills < KILLS -> kills++; killed = true
	:: break
	od
}

/* It has its turn when nobody else can do anything. */
proctype observer()
{
	byte i, answered[ENTRIES];

	timeout -> d_step {
		assert(ring_tail == ENTRIES && lane_head == ENTRIES);
		assert(lane_tail == lane_head);
		do
		:: i < down_head ->
			answered[down[i]]++;
			assert(answered[down[i]] == 1);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < ENTRIES -> assert(handled[i] > 0 || answered[i] > 0); i++
		:: else -> break
		od
	}
}

init
{
	byte i;

	do
	:: i < ENTRIES ->
		if
		:: once[i] = true
		:: once[i] = false
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	atomic {
		run network(0);
		run network(1);
		run peer(0);
		run peer(1);
		run upstream();
		run killer();
		run observer()
	}
}
