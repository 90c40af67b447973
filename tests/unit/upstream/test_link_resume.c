/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A successor of upstream and the link that its predecessor has left. The
 * predecessor is a child that is killed; the test is the server, the master and
 * a worker.
 */
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/batch.h"
#include "worker/upstream/damage.h"
#include "worker/upstream/down.h"
#include "worker/upstream/lane.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define LINK    2u
#define OTHER   1u
#define ATTEMPT 7u
#define BODY    60 /* bytes of a packet's */

static struct channel *master;
static struct region *region;
static struct link *const link_under_test = &up.links[LINK];
static int server, kept; /* ends of one connection; ours as the master has it */
static struct heritage_link left[LINK + 1];
static char streamid[STREAMID_MAX + 1];

/* A session of partition 0. */
static void
claim_session(void)
{
	struct directory *directory =
	    directory_new(region, NULL, "cm1", digest_random);
	uint32_t slot;

	ck_assert_int_eq(directory_claim(directory, 0, &slot), 0);
	directory_streamid(directory, slot, streamid);
	directory_free(&directory);
}

static void
setup(void)
{
	int ends[2];

	region = begin_region();
	claim_session();
	loopback_pair("127.0.0.1", ends);
	kept = ends[0];
	server = ends[1];
	for (unsigned i = 0; i < LINK; i++)
		left[i].fd = -1;
	left[LINK].attempt = ATTEMPT;
	ck_assert_int_eq(endpoint_cookie(kept, &left[LINK].cookie), 0);
}

static void
teardown(void)
{
	finish_upstream();
	channel_free(&master);
	fd_close(&kept);
	fd_close(&server);
}

/* --- processes --- */

/* A worker has partition 0. */
static void
join_worker(void)
{
	damage_take_partition(&up, 0, 1);
	/* Pieces for such small rings. */
	ring_writer_init(&up.partitions[0].down, 512, FIXTURE_RING_BYTES);
	region_down_ring(region, 0, &worker_end);
}

/* All lanes are on the link, which serves; the server's header came long ago.
 */
static void
serve(void)
{
	static const char header[] =
	    "<stream:stream xmlns='jabber:connectionmanager' "
	    "xmlns:stream='http://etherx.jabber.org/streams' id='7'>";

	link_open(link_under_test, dup(kept));
	link_under_test->state = LINK_SERVING;
	link_under_test->joined = true;
	link_under_test->attempt = ATTEMPT;
	link_under_test->cookie = left[LINK].cookie;
	CHECK(link_reader_feed(&link_under_test->reader, header,
		  strlen(header)) == FRAMER_HEADER);
	CHECK(link_reader_next(&link_under_test->reader) == FRAMER_MORE);
	link_set_join(&up.set, LINK);
	link_remember(link_under_test);
	up.server.phase = SERVER_SERVING;
	up.server.version++;
	server_state_publish(region, &up.server);
	links_remember(&up);
}

typedef void work_fn(void);

/* The first of all, or a successor of it, which does this and is killed. */
static void
live_and_die(bool first, work_fn *work)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		left[LINK].fd = first ? -1 : dup(kept);
		begin_process(left, ARRAY_LEN(left));
		join_worker();
		up.briefed = true;
		if (first)
			serve();
		work();
		CHECK(raise(SIGKILL) == 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "the predecessor ended by itself with status %#x",
	    (unsigned)status);
}

static void
succeed(void)
{
	int ends[2];

	left[LINK].fd = dup(kept);
	begin_process(left, ARRAY_LEN(left));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	master = channel_new(ends[0]);
	supervised_start(&up.supervised, up.loop, ends[1]);
}

static bool
goes_on(void)
{
	return link_under_test->fd >= 0 &&
	       link_under_test->state == LINK_SERVING &&
	       link_set_carrier(&up.set, 0) == (int)LINK;
}

static uint64_t
parsed(void)
{
	uint64_t position;

	ck_assert_msg(link_position_get(&up.memory->links[LINK].parsed,
			  &position),
	    "the position should be sound");
	return position;
}

/* --- upward --- */

#define ENTRIES 3u /* of each lane, in the batch */

static void
say(unsigned lane, const char *text)
{
	buf_reset(&up.scratch);
	buf_append(&up.scratch, text, strlen(text));
	CHECK(lane_say(&up, lane, FRAME_PRESENCE,
	    (struct session){ .slot = SESSION_NO_SLOT }));
}

static const char *
entry(unsigned lane, unsigned number)
{
	static char text[32];

	snprintf(text, sizeof(text), "<lane%u.%u/>", lane, number);
	return text;
}

static void
expect_text(const char *text)
{
	char got[4096];
	size_t len = 0, want = strlen(text);

	while (len < want) {
		ssize_t now;

		wait_for(server, POLLIN);
		now = recv(server, got + len, sizeof(got) - 1 - len, 0);
		ck_assert_int_gt(now, 0);
		len += (size_t)now;
		got[len] = '\0';
		ck_assert_msg(len <= want && memcmp(got, text, len) == 0,
		    "the server should get %s, not %s", text, got);
	}
}

/* The batch's bytes, and what is said behind it. */
static size_t
all_text(char *out, size_t size, bool with_rest)
{
	size_t len = 0;

	len += (size_t)snprintf(out, size, "<ctl/>");
	for (unsigned lane = 0; lane < 2; lane++)
		for (unsigned i = 0; i < ENTRIES; i++)
			len += (size_t)snprintf(out + len, size - len, "%s",
			    entry(lane, i));
	if (with_rest)
		len += (size_t)snprintf(out + len, size - len, "%s",
		    entry(1, ENTRIES));
	return len;
}

static size_t written;

/* Killed as the kernel has taken so many bytes of a batch. */
static void
write_partly(void)
{
	char text[1024];

	buf_reset(&up.scratch);
	buf_append(&up.scratch, "<ctl/>", 6);
	CHECK(link_send(link_under_test, FRAME_OTHER));
	for (unsigned lane = 0; lane < 2; lane++)
		for (unsigned i = 0; i < ENTRIES; i++)
			say(lane, entry(lane, i));
	batch_fill(link_under_test);
	(void)all_text(text, sizeof(text), false);
	CHECK(send(link_under_test->fd, text, written, 0) == (ssize_t)written);
	say(1, entry(1, ENTRIES));
}

START_TEST(the_server_gets_every_byte_once_and_in_order)
{
	size_t step = strlen(entry(0, 0)), len;
	const size_t cuts[] = { 0, 1, 5, 6, 7, 6 + step, 6 + 3 * step - 1,
		6 + 3 * step, 6 + 3 * step + 1, 6 + 5 * step, 6 + 6 * step };
	char text[1024];

	ck_assert_uint_lt((unsigned)_i, ARRAY_LEN(cuts));
	written = cuts[_i];
	live_and_die(true, write_partly);
	succeed();
	ck_assert_msg(goes_on(), "the link should go on");
	ck_assert_uint_eq(up.lanes[0].in_flight, 1);
	up.briefed = true;
	while (pump_link(link_under_test))
		;
	len = all_text(text, sizeof(text), true);
	expect_text(text);
	ck_assert_uint_eq(transport_produced(&link_under_test->transport), len);
	pump_confirm(link_under_test, journal_head(link_under_test->journal));
	ck_assert_msg(lanes_are_drained(&up), "all should be confirmed");
	ck_assert_uint_eq(up.lanes[0].in_flight, 0);
	ck_assert_uint_eq(up.lanes[1].in_flight, 0);
}
END_TEST

/* Killed in the midst of a confirmation: the lane's part of it is done. */
static void
confirm_partly(void)
{
	write_partly();
	link_under_test->batch = (struct batch){ 0 };
	say(0, "<more/>");
	batch_fill(link_under_test);
	CHECK(send(link_under_test->fd, "<more/>", 7, 0) == 7);
	lane_log_release(&up.lanes[0].log, ENTRIES + 1);
}

START_TEST(what_was_confirmed_already_stays_so)
{
	uint64_t tail;

	written = 6 + 6 * strlen(entry(0, 0));
	live_and_die(true, confirm_partly);
	succeed();
	ck_assert_msg(goes_on(), "the link should go on");
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
	tail = journal_tail(link_under_test->journal);
	pump_confirm(link_under_test, tail + 2); /* and of lane 0 one of two */
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
	pump_confirm(link_under_test, journal_head(link_under_test->journal));
	ck_assert_uint_eq(up.lanes[0].in_flight, 0);
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
}
END_TEST

/* --- lanes --- */

static int other_server, other_kept;

/* Lane 0 has moved to this link in the turn in which all ends: that it was on
 * another one is still remembered. */
static void
move_a_lane(void)
{
	struct link *other = &up.links[OTHER];

	write_partly();
	link_open(other, dup(other_kept));
	other->state = LINK_SERVING;
	other->joined = true;
	other->cookie = left[OTHER].cookie;
	link_set_join(&up.set, OTHER);
	link_remember(other);
	up.memory->holders[0] = up.memory->holders[9] = OTHER;
}

START_TEST(a_lane_is_where_its_bytes_are)
{
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	other_kept = ends[0];
	other_server = ends[1];
	ck_assert_int_eq(endpoint_cookie(other_kept, &left[OTHER].cookie), 0);
	live_and_die(true, move_a_lane);
	left[OTHER].fd = dup(other_kept);
	succeed();
	ck_assert_uint_eq(up.set.joined, 1u << LINK | 1u << OTHER);
	ck_assert_int_eq(link_set_holder(&up.set, 0), LINK);
	ck_assert_int_eq(link_set_holder(&up.set, 8), LINK);
	ck_assert_int_eq(link_set_holder(&up.set, 9), OTHER);
	fd_close(&other_kept);
	fd_close(&other_server);
}
END_TEST

/* --- downward --- */

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
			streamid, i, BODY, i);
}

static void
server_sends(size_t from, size_t to)
{
	while (from < to) {
		ssize_t now;

		wait_for(server, POLLOUT);
		now = send(server, stream + from, to - from, 0);
		CHECK(now > 0);
		from += (size_t)now;
		/* It need not fit into what the kernel keeps. */
		ev_run(up.loop, EVRUN_NOWAIT);
	}
}

/* All up to there is read and handed out. */
static void
read_until(size_t to)
{
	while (link_under_test->received < to && !link_under_test->lost)
		ev_run(up.loop, EVRUN_ONCE);
}

static void
hand_out(size_t from, size_t to)
{
	link_want_read(link_under_test, true);
	server_sends(from, to);
	read_until(to);
}

/* ... is read, and the process is killed. */
static void
only_read(size_t from, size_t to)
{
	link_want_read(link_under_test, false);
	server_sends(from, to);
	while (from < to) {
		size_t room, now;
		uint8_t *at = link_room(link_under_test, &room);

		now = MIN(room, to - from);
		CHECK(recv(link_under_test->fd, at, now, MSG_WAITALL) ==
		      (ssize_t)now);
		link_under_test->received += now;
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
	ck_assert_msg(goes_on(), "the link should go on");
	region_down_ring(region, 0, &worker_end);
	ck_assert_uint_eq(packets_below(),
	    dispatched * packets / strlen(stream));
	server_sends(fetched, strlen(stream));
	link_read_resumed(link_under_test);
	link_read_rest(link_under_test); /* as for another link's sake */
	ck_assert_uint_eq(packets_below(),
	    dispatched * packets / strlen(stream));
	join_worker();
	up.briefed = true;
	link_read_resumed(link_under_test);
	ck_assert_uint_ge(packets_below(), fetched * packets / strlen(stream));
	link_want_read(link_under_test, true);
	read_until(strlen(stream));
	ck_assert_uint_eq(packets_below(), packets);
	ck_assert_msg(!link_under_test->lost, "the link should serve");
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
	live_and_die(true, read_partly);
	succeed();
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
	link_read_resumed(link_under_test);
	hand_out(fetched, dispatched);
}

START_TEST(a_successor_may_be_killed_as_well)
{
	size_t part;

	make_stream();
	part = strlen(stream) / packets;
	dispatched = fetched = part;
	live_and_die(true, read_partly);
	live_and_die(false, do_nothing);
	/* Which alone may be the beginning of a header. */
	dispatched = 2 * part + 1;
	live_and_die(false, read_on);
	fetched = dispatched;
	succeed();
	go_on();
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
	size_t end = region_geometry(region)->receive_bytes;
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
	live_and_die(true, read_around_the_end);
	succeed();
	ck_assert_msg(goes_on(), "the link should go on");
	join_worker();
	up.briefed = true;
	link_read_resumed(link_under_test);
	ck_assert_msg(up.blocked, "there should be no room for all");
	ck_assert_uint_lt(up.partitions[0].down.waiting_bytes,
	    2 * BODY); /* one waits */
	while (taken < MANY && turns++ < MANY) {
		taken = take_packets(taken);
		down_flush(&up);
		(void)link_go_on(link_under_test);
		link_read_resumed(link_under_test);
	}
	ck_assert_uint_eq(taken, MANY);
	ck_assert_uint_eq(parsed(), strlen(long_stream));
	ck_assert_msg(!link_under_test->lost, "the link should serve");
}
END_TEST

/* --- links that do not go on --- */

static void
with_tls(void)
{
	link_forget_received(link_under_test);
	write_partly();
}

static void
on_another_socket(void)
{
	write_partly();
	up.memory->links[LINK].cookie++;
}

static void
reset_by_the_server(void)
{
	write_partly();
	endpoint_reset(server);
}

static void
parsed_too_far(void)
{
	write_partly();
	link_position_set(&up.memory->links[LINK].parsed, 1);
}

static void
while_the_server_holds(void)
{
	write_partly();
	up.server.phase = SERVER_HOLDING;
	links_remember(&up);
}

static void
with_a_damaged_origin(void)
{
	write_partly();
	link_position_set(&up.memory->links[LINK].origin, 1);
}

static work_fn *const losses[] = { with_tls, on_another_socket,
	reset_by_the_server, parsed_too_far, while_the_server_holds,
	with_a_damaged_origin };

START_TEST(what_a_lost_link_carried_is_in_doubt_as_far_as_it_left)
{
	struct lane_entry found;

	/* All of lane 0, one of lane 1 and a byte of the next. */
	written = 6 + 4 * strlen(entry(0, 0)) + 1;
	live_and_die(true, losses[_i]);
	succeed();
	ck_assert_msg(!goes_on(), "the link should not go on");
	ck_assert_int_eq(link_under_test->fd, -1);
	ck_assert_int_eq(link_set_holder(&up.set, 0), LINK_NONE);
	for (unsigned lane = 0; lane < 2; lane++) {
		struct lane_log *log = &up.lanes[lane].log;

		ck_assert_uint_eq(up.lanes[lane].in_flight, 0);
		ck_assert_uint_eq(lane_log_sent(log), lane_log_tail(log));
		for (unsigned i = 0; i < ENTRIES; i++) {
			ck_assert_int_eq(lane_log_read(log, i, &found), 0);
			ck_assert_msg((found.marks == LANE_IN_DOUBT) ==
					  (lane == 0 || i == 0),
			    "entry %u of lane %u has marks %u", i, lane,
			    found.marks);
		}
	}
	ck_assert_uint_eq(up.memory->links[LINK].cookie, 0);
	ck_assert_uint_eq(parsed(), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_resume");
	TCase *tcase = tcase_create("link_resume");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, the_server_gets_every_byte_once_and_in_order,
	    0, 11);
	tcase_add_test(tcase, what_was_confirmed_already_stays_so);
	tcase_add_test(tcase, a_lane_is_where_its_bytes_are);
	tcase_add_loop_test(tcase,
	    the_worker_gets_every_packet_once_and_in_order, 0, 11);
	tcase_add_test(tcase, a_successor_may_be_killed_as_well);
	tcase_add_test(tcase,
	    what_finds_no_room_below_waits_on_both_sides_of_the_buffers_end);
	tcase_add_loop_test(tcase,
	    what_a_lost_link_carried_is_in_doubt_as_far_as_it_left, 0,
	    ARRAY_LEN(losses));
	return run_suite(suite);
}
