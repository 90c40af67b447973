/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server sent as a predecessor was killed: its successor hands out
 * what was read and not handed out, and reads on behind it.
 */
#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/resume_rig.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/receive/down.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/recovery/partition_recovery.h"
#include "worker/upstream/send/lane.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define BODY 60 /* bytes of a packet's */

static char short_stream[8192];
static char *stream = short_stream; /* what the server sends in all */
static size_t dispatched, fetched;  /* of it, by the first process */

static unsigned packets = 5;

static void
make_stream(void)
{
	size_t len = 0;

	for (unsigned i = 0; i < packets; i++)
		len +=
		    (size_t)snprintf(stream + len, sizeof(short_stream) - len,
			"<route from='example.org' streamid='%s'>"
			"<message xmlns='jabber:client' id='%u'>"
			"<body>%0*u</body></message></route>",
			resume_streamid, i, BODY, i);
}

static void
server_sends(size_t from, size_t to)
{
	while (from < to) {
		ssize_t now;

		wait_for(resume_server, POLLOUT);
		now = send(resume_server, stream + from, to - from, 0);
		CHECK(now > 0);
		from += (size_t)now;
		/* It need not fit into what the kernel keeps. */
		ev_run(ground.loop, EVRUN_NOWAIT);
	}
}

/* All up to there is read and handed out. */
static void
read_until(size_t to)
{
	while (resume_link->received < to && !resume_link->lost)
		ev_run(ground.loop, EVRUN_ONCE);
}

static void
hand_out(size_t from, size_t to)
{
	link_want_read(resume_link, true);
	server_sends(from, to);
	read_until(to);
}

/* ... is read, and the process is killed. */
static void
only_read(size_t from, size_t to)
{
	link_want_read(resume_link, false);
	server_sends(from, to);
	while (from < to) {
		size_t room, now;
		uint8_t *at = link_room(resume_link, &room);

		now = MIN(room, to - from);
		CHECK(recv(resume_link->fd, at, now, MSG_WAITALL) ==
		      (ssize_t)now);
		resume_link->received += now;
		from += now;
	}
}

static void
read_partly(void)
{
	hand_out(0, dispatched);
	only_read(dispatched, fetched);
}

static void
expect_packet(const struct frame *frame, unsigned number)
{
	char id[16];

	snprintf(id, sizeof(id), "id=\"%u\"", number);
	ck_assert_msg(memmem(frame->bytes, frame->len, id, strlen(id)),
	    "the worker should have %s next, not %.*s", id, (int)frame->len,
	    (const char *)frame->bytes);
}

/* Numbers of the packets that the worker has. */
static unsigned
packets_below(void)
{
	uint64_t cursor = 0;
	struct frame frame;
	unsigned count = 0;
	int found;

	while ((found = ring_next(&worker_end, &cursor, &frame)) == 1)
		expect_packet(&frame, count++);
	ck_assert_int_eq(found, 0);
	return count;
}

/* Where the test's last process goes on: as upstream.c does in its turns. */
static void
go_on(void)
{
	ck_assert_msg(resume_goes_on(), "the link should go on");
	region_down_ring(resume_region, 0, &worker_end);
	ck_assert_uint_eq(packets_below(),
	    dispatched * packets / strlen(stream));
	server_sends(fetched, strlen(stream));
	link_read_resumed(resume_link);
	link_read_rest(resume_link); /* as for another link's sake */
	ck_assert_uint_eq(packets_below(),
	    dispatched * packets / strlen(stream));
	resume_join_worker();
	up.briefed = true;
	link_read_resumed(resume_link);
	ck_assert_uint_ge(packets_below(), fetched * packets / strlen(stream));
	link_want_read(resume_link, true);
	read_until(strlen(stream));
	ck_assert_uint_eq(packets_below(), packets);
	ck_assert_msg(!resume_link->lost, "the link should serve");
}

START_TEST(the_worker_gets_every_packet_once_and_in_order)
{
	size_t len, part;

	make_stream();
	len = strlen(stream);
	part = len / packets;
	{
		const size_t cuts[][2] = { { 0, 0 }, { 0, 1 }, { 1, 2 },
			{ part, part }, { part - 1, part }, { part, part + 1 },
			{ part + 1, part + 1 }, { part / 2, 3 * part - 1 },
			{ 2 * part, 4 * part }, { 0, len }, { len, len } };

		ck_assert_uint_lt((unsigned)_i, ARRAY_LEN(cuts));
		dispatched = cuts[_i][0];
		fetched = cuts[_i][1];
	}
	resume_live_and_die(true, read_partly);
	resume_succeed();
	go_on();
}
END_TEST

static void
do_nothing(void)
{
}

/* A successor that reads on, up to there. */
static void
read_on(void)
{
	up.briefed = true;
	link_read_resumed(resume_link);
	hand_out(fetched, dispatched);
}

START_TEST(a_successor_may_be_killed_as_well)
{
	size_t part;

	make_stream();
	part = strlen(stream) / packets;
	dispatched = fetched = part;
	resume_live_and_die(true, read_partly);
	resume_live_and_die(false, do_nothing);
	/* Which alone may be the beginning of a header. */
	dispatched = 2 * part + 1;
	resume_live_and_die(false, read_on);
	fetched = dispatched;
	resume_succeed();
	go_on();
}
END_TEST

/* --- whatever was being done --- */

static void
sessions_are_revalidated(void)
{
	up.revalidations[1].active = true;
}

static void
the_server_holds(void)
{
	up.server.phase = SERVER_HOLDING;
}

static void
a_restart_is_planned(void)
{
	up.server.pause = PAUSE_HOLDING;
	up.server.pause_until_s = (uint32_t)up.now_s + 60;
}

static void
its_secret_is_old(void)
{
	struct config next = *up.config;

	next.server.password = (char *)(uintptr_t) "another";
	links_configure(&up, &next);
}

static void
it_is_not_wanted(void)
{
	up.set.leaving = UINT16_MAX;
}

static void
the_server_has_closed(void)
{
	CHECK(shutdown(resume_server, SHUT_WR) == 0);
}

static void
the_server_has_reset(void)
{
	endpoint_reset(resume_server);
}

static resume_work_fn *const doings[] = { sessions_are_revalidated,
	the_server_holds, a_restart_is_planned, its_secret_is_old,
	it_is_not_wanted, the_server_has_closed, the_server_has_reset };
static resume_work_fn *doing;

/* Some is read and not handed out, some lies in the kernel. */
static void
read_partly_while_doing(void)
{
	read_partly();
	link_want_read(resume_link, false);
	server_sends(fetched, strlen(stream));
	doing();
	up.server.version++;
	server_state_publish(resume_region, &up.server);
	links_remember(&up);
}

START_TEST(all_that_was_written_is_handed_out_whatever_was_being_done)
{
	size_t part;

	doing = doings[_i];
	make_stream();
	part = strlen(stream) / packets;
	dispatched = part;
	fetched = 2 * part + 1;
	resume_live_and_die(true, read_partly_while_doing);
	if (doing == it_is_not_wanted)
		want_links(RESUME_LINK);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	ck_assert_int_eq(resume_link->stale, doing == its_secret_is_old);
	resume_join_worker();
	up.briefed = true;
	while (!resume_link->lost && packets_below() < packets) {
		link_read_resumed(resume_link);
		link_read_rest(resume_link);
	}
	ck_assert_uint_eq(packets_below(), packets);
}
END_TEST

/* --- more than fits --- */

#define MANY   40u
#define PAD    60000u
#define FIRST  20u /* bytes of the first packet, in the first process */
#define TO_END 30u /* packets, about, up to the buffer's end */

static char long_stream[512 << 10];
static size_t packets_at; /* in it */

/* Items of nobody's up to shortly before the buffer's end, then packets. */
static void
make_long_stream(void)
{
	size_t end = region_geometry(resume_region)->receive_bytes;
	size_t len = 0, pad;

	packets = MANY;
	make_stream();
	packets_at = end - strlen(stream) * TO_END / MANY;
	while (len < packets_at) {
		pad = MIN(packets_at - len, (size_t)PAD);
		if (packets_at - len - pad < 100) /* no room for another */
			pad = packets_at - len;
		len += (size_t)snprintf(long_stream + len,
		    sizeof(long_stream) - len, "<x>%*s</x>", (int)pad - 7, "");
	}
	ck_assert_uint_eq(len, packets_at);
	len += (size_t)snprintf(long_stream + len, sizeof(long_stream) - len,
	    "%s", stream);
	ck_assert_uint_gt(len, end);
}

static void
read_around_the_end(void)
{
	stream = long_stream;
	hand_out(0, packets_at + FIRST);
	only_read(packets_at + FIRST, strlen(long_stream));
}

/* As a worker does, now and then. */
static unsigned
take_packets(unsigned count)
{
	uint64_t cursor = ring_tail(&worker_end);
	struct frame frame;

	while (ring_next(&worker_end, &cursor, &frame) == 1) {
		expect_packet(&frame, count++);
		ring_release(&worker_end, cursor);
	}
	return count;
}

START_TEST(what_finds_no_room_below_waits_on_both_sides_of_the_buffers_end)
{
	unsigned turns = 0, taken = 0;

	make_long_stream();
	resume_live_and_die(true, read_around_the_end);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	resume_join_worker();
	up.briefed = true;
	link_read_resumed(resume_link);
	ck_assert_msg(up.blocked, "there should be no room for all");
	ck_assert_uint_eq(up.partitions[0].down.waiting_bytes, 0);
	while (taken < MANY && turns++ < MANY) {
		taken = take_packets(taken);
		down_flush(&up);
		(void)link_go_on(resume_link);
		link_read_resumed(resume_link);
	}
	ck_assert_uint_eq(taken, MANY);
	ck_assert_uint_eq(resume_parsed(), strlen(long_stream));
	ck_assert_msg(!resume_link->lost, "the link should serve");
}
END_TEST

/* --- a worker that dies with a full ring --- */

#define STEPS 6 /* more than it takes until all has gone back */

static unsigned steps_before_death;

/* Between an entry and what says that its cause is dealt with; or much later,
 * when the entry is gone. */
static enum {
	ANYWHERE,
	AT_THE_CURSOR,
	AT_THE_POSITION,
	BEHIND_THE_ANSWER
} killed;

/* Where the last one begins that was dealt with. */
static uint64_t
last_item(void)
{
	const char *next = long_stream, *last = next;

	while (next && next < long_stream + resume_link->done) {
		last = next;
		next = strstr(next + 1, "<route");
	}
	return (uint64_t)(last - long_stream);
}

/* What it has not taken, and what comes then, goes back. */
static void
lose_the_worker(void)
{
	stream = long_stream;
	link_want_read(resume_link, true);
	server_sends(0, strlen(long_stream));
	while (!up.blocked)
		ev_run(ground.loop, EVRUN_ONCE);
	partition_recovery_begin(&up, 0);
	down_flush(&up);
	CHECK(!up.blocked);
	for (unsigned i = 0; i < steps_before_death; i++) {
		if (killed == AT_THE_POSITION)
			(void)link_go_on(resume_link);
		else
			link_read_rest(resume_link);
		(void)partition_recovery_step(&up);
	}
	if (killed == AT_THE_CURSOR)
		region_pair_control(resume_region, 0)->recovered = 0;
	else if (killed == AT_THE_POSITION)
		link_position_set(&up.memory->links[RESUME_LINK].parsed,
		    last_item());
	else if (killed == BEHIND_THE_ANSWER)
		for (unsigned lane = 0; lane < LANE_COUNT; lane++)
			lane_log_release(&up.lanes[lane].log,
			    lane_log_head(&up.lanes[lane].log));
}

/* How often each packet's message goes back. */
static void
count_returned(unsigned counts[MANY])
{
	const struct lane *lane = &up.lanes[resume_slot % LANE_COUNT];
	uint64_t number = lane_log_tail(&lane->log);
	struct lane_entry entry;
	char id[16];

	for (; lane_read(lane, number, &entry); number++)
		for (unsigned i = 0; i < MANY; i++) {
			snprintf(id, sizeof(id), "id=\"%u\"", i);
			counts[i] += entry.kind == FRAME_FAILED &&
				     memmem(lane_log_bytes(&lane->log, &entry),
					 entry.len, id, strlen(id)) != NULL;
		}
}

START_TEST(what_a_dead_worker_did_not_take_goes_back_once)
{
	unsigned counts[MANY] = { 0 };

	killed = ANYWHERE;
	packets = MANY;
	make_stream();
	memcpy(long_stream, stream, strlen(stream) + 1);
	steps_before_death = (unsigned)_i < STEPS ? (unsigned)_i : STEPS;
	if (_i > STEPS)
		killed = _i - STEPS;
	resume_live_and_die(true, lose_the_worker);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	resume_join_worker();
	partition_recovery_begin(&up, 0);
	up.briefed = true;
	link_want_read(resume_link, true);
	for (unsigned i = 0; i < 64; i++) {
		(void)partition_recovery_step(&up);
		link_read_resumed(resume_link);
		link_read_rest(resume_link);
	}
	count_returned(counts);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_msg(counts[i] == (killed != BEHIND_THE_ANSWER),
		    "the message %u should go back once, not %u times", i,
		    counts[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_resume_down");
	TCase *tcase = tcase_create("link_resume_down");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, resume_setup, resume_teardown);
	tcase_add_loop_test(tcase,
	    the_worker_gets_every_packet_once_and_in_order, 0, 11);
	tcase_add_test(tcase, a_successor_may_be_killed_as_well);
	tcase_add_loop_test(tcase,
	    all_that_was_written_is_handed_out_whatever_was_being_done, 0,
	    ARRAY_LEN(doings));
	tcase_add_test(tcase,
	    what_finds_no_room_below_waits_on_both_sides_of_the_buffers_end);
	tcase_add_loop_test(tcase,
	    what_a_dead_worker_did_not_take_goes_back_once, 0, STEPS + 4);
	return run_suite(suite);
}
