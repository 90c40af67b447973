/* SPDX-License-Identifier: Apache-2.0 */
/* A link goes on where a predecessor that was killed has left it. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/heritage.h"
#include "common/shm/journal.h"
#include "common/shm/link_memory.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/session.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NUMBER 3u
#define ITEM   "<iq type='result' id='none' from='example.org'/>"

static struct channel *master; /* the test plays it */
static struct link *const link_under_test = &up.links[NUMBER];
static struct heritage_link left[NUMBER + 1];
static int server, ours; /* ends of one connection */
static uint64_t received;

static void
setup(void)
{
	int ends[2];

	begin_upstream();
	loopback_pair("127.0.0.1", ends);
	ours = ends[0];
	server = ends[1];
	master = begin_supervision();
	received = 0;
}

static void
teardown(void)
{
	finish_upstream();
	channel_free(&master);
	fd_close(&server);
}

/* What the predecessor has read, on from the buffer's begin. */
static void
read_there(const char *text)
{
	size_t len = strlen(text);

	ck_assert_int_eq(send(server, text, len, 0), (ssize_t)len);
	for (size_t i = 0; i < len; i++) {
		uint64_t at = received & (link_under_test->buffer_bytes - 1);

		wait_for(ours, POLLIN);
		ck_assert_int_eq(recv(ours, link_under_test->buffer + at, 1, 0),
		    1);
		received++;
	}
}

/* So much that was dealt with, `before` the end of the buffer. */
static void
fill_buffer(uint64_t before)
{
	static char blanks[32768];
	uint64_t end = link_under_test->buffer_bytes - before;

	memset(blanks, ' ', sizeof(blanks));
	while (received < end) {
		size_t len = MIN(sizeof(blanks), end - received);

		ck_assert_int_eq(send(server, blanks, len, 0), (ssize_t)len);
		for (size_t got = 0; got < len;) {
			ssize_t now;

			wait_for(ours, POLLIN);
			now = recv(ours, link_under_test->buffer, len - got, 0);
			ck_assert_int_gt(now, 0);
			got += (size_t)now;
		}
		received += len;
	}
}

static void
leave_link(unsigned number, int fd, uint64_t parsed)
{
	struct link_memory *memory = &links_memory(up.region)->links[number];

	left[number] = (struct heritage_link){ .fd = fd, .attempt = 9 };
	ck_assert_int_eq(endpoint_cookie(fd, &left[number].cookie), 0);
	atomic_store(&memory->cookie, left[number].cookie);
	link_position_set(&memory->parsed, parsed);
}

static void
leave(uint64_t parsed)
{
	for (unsigned i = 0; i < NUMBER; i++)
		left[i].fd = -1;
	leave_link(NUMBER, ours, parsed);
	up.heritage->links = left;
	up.heritage->link_count = ARRAY_LEN(left);
	up.server.version++;
	up.server.phase = SERVER_SERVING;
	server_state_publish(up.region, &up.server);
	up.server = (struct server_state){ 0 };
}

static uint64_t
parsed(void)
{
	uint64_t position;

	ck_assert_msg(link_position_get(&up.memory->links[NUMBER].parsed,
			  &position),
	    "should be one");
	return position;
}

START_TEST(while_there_is_no_room_below_it_waits_behind_an_item)
{
	uint64_t begun;

	fill_buffer(strlen(ITEM ITEM) + 5);
	begun = received;
	/* The third lies around the buffer's end. */
	read_there(ITEM ITEM ITEM ITEM);
	leave(begun);
	ck_assert_msg(links_take_over(&up), "should go on");
	up.briefed = up.blocked = true;
	link_read_resumed(link_under_test);
	link_read_resumed(link_under_test);
	ck_assert_uint_eq(link_under_test->done, begun + strlen(ITEM));
	up.blocked = false;
	ck_assert_msg(link_go_on(link_under_test), "there is room");
	link_read_resumed(link_under_test);
	ck_assert_msg(!link_under_test->lost, "what it read should make sense");
	ck_assert_uint_eq(parsed(), received);
}
END_TEST

/* Another kill may come right then. */
START_TEST(the_beginning_of_an_item_is_not_dealt_with)
{
	uint64_t begun;

	read_there(ITEM);
	begun = received;
	read_there("<");
	leave(0);
	ck_assert_msg(links_take_over(&up), "should go on");
	up.briefed = true;
	link_read_resumed(link_under_test);
	ck_assert_uint_eq(parsed(), begun);
}
END_TEST

START_TEST(one_that_dies_hands_out_first_what_was_read)
{
	read_there(ITEM "<iq type='result' ");
	leave(0);
	ck_assert_int_eq(send(server, "id='x'/>", 8, 0), 8);
	wait_for(ours, POLLIN);
	ck_assert_msg(links_take_over(&up), "should go on");
	link_write_failed(link_under_test);
	ck_assert_msg(!link_bury(link_under_test), "nobody is known yet");
	up.briefed = true;
	link_read_rest(link_under_test);
	ck_assert_msg(!link_under_test->input_broken,
	    "its bytes should come in order");
	ck_assert_uint_eq(parsed(), received + 8);
	ck_assert_msg(link_bury(link_under_test), "now it should");
}
END_TEST

static void
append(unsigned lane, const char *text)
{
	buf_reset(&up.scratch);
	buf_append(&up.scratch, text, strlen(text));
	ck_assert_msg(lane_say(&up, lane, FRAME_PRESENCE,
			  (struct session){ .slot = SESSION_NO_SLOT }),
	    "should have room");
}

/* An entry that the link was given; of `len` bytes none is written. */
static void
carry(unsigned link, unsigned lane, uint64_t number, uint32_t len)
{
	struct journal_span span = { .source = JOURNAL_LANE,
		.lane = (uint8_t)lane,
		.len = len,
		.from = number,
		.to = number + 1 };

	ck_assert_int_eq(journal_append(up.links[link].journal, &span), 0);
	journal_commit(up.links[link].journal);
	lane_log_set_sent(&up.lanes[lane].log, number + 1);
}

/* A process that ended at it would have a successor that did, too. */
START_TEST(a_damaged_journal_costs_the_links_and_not_the_process)
{
	struct lane_log *log = &up.lanes[1].log;
	struct lane_entry entry;
	uint8_t *page = region_section(up.region, REGION_LINK, NUMBER);

	append(1, "abc");
	carry(NUMBER, 1, lane_log_tail(log), 3);
	page[64 + 8] ^= 1; /* its length */
	leave(0);
	ck_assert_msg(!links_take_over(&up), "nothing is to be believed");
	unconfirmed_inherit_lane(&up, 1);
	ck_assert_uint_eq(up.lanes[1].in_flight, 0);
	ck_assert_uint_eq(lane_log_sent(log), lane_log_tail(log));
	ck_assert_int_eq(lane_log_read(log, lane_log_tail(log), &entry), 0);
	ck_assert_msg(entry.marks & LANE_IN_DOUBT, "it may have arrived");
}
END_TEST

/* Where a span is missing, what it held would be taken for confirmed. */
START_TEST(a_journal_that_lacks_what_was_sent_is_damaged)
{
	struct lane_log *log = &up.lanes[1].log;

	append(1, "abc");
	append(1, "def");
	carry(NUMBER, 1, lane_log_tail(log), 3);
	lane_log_set_sent(log, lane_log_head(log));
	leave(0);
	ck_assert_msg(!links_take_over(&up), "nothing is to be believed");
}
END_TEST

/* What was remembered of it is older, or damaged. */
START_TEST(a_lane_stays_with_the_link_that_has_unconfirmed_stanzas_of_it)
{
	struct lane_log *log = &up.lanes[1].log;
	int other[2];

	append(1, "abc");
	carry(NUMBER, 1, lane_log_tail(log), 3);
	leave(0);
	loopback_pair("127.0.0.1", other);
	leave_link(1, other[0], 0);
	atomic_store(&up.memory->holders[1], 1);
	ck_assert_msg(links_take_over(&up), "should go on");
	ck_assert_int_eq(up.links[1].state, LINK_SERVING);
	ck_assert_int_eq(link_set_holder(&up.set, 1), NUMBER);
	ck_assert_uint_eq(up.lanes[1].in_flight, 1);
	close(other[1]);
}
END_TEST

/* The lane's tail had moved, the journal's had not. */
START_TEST(what_was_being_confirmed_is_confirmed_once_more)
{
	struct lane_log *log = &up.lanes[1].log;
	uint64_t first = lane_log_tail(log);

	for (unsigned i = 0; i < 3; i++) {
		append(1, "abc");
		carry(NUMBER, 1, first + i, 0);
	}
	lane_log_release(log, first + 2);
	leave(0);
	ck_assert_msg(links_take_over(&up), "should go on");
	pump_confirm(link_under_test,
	    journal_tail(link_under_test->journal) + 1);
	ck_assert_uint_eq(lane_log_tail(log), first + 2);
	ck_assert_uint_eq(up.lanes[1].in_flight, 2);
}
END_TEST

/* One push down, killed in the midst of it: staged, the intent written. */
static uint64_t
intend(uint64_t parsed_then)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE, .slot = 5 };
	struct ring *down = &up.partitions[0].down.ring;

	region_down_ring(up.region, 0, &worker_end);
	ck_assert_int_eq(ring_stage_chain(down, &id, NULL, "abc", 3, 64), 0);
	link_intent_begin(up.memory, 0, down->staged, NUMBER, parsed_then);
	return down->staged;
}

START_TEST(what_was_about_to_be_seen_by_a_worker_is_seen)
{
	uint64_t head;

	read_there(ITEM ITEM);
	leave(0);
	head = intend(strlen(ITEM));
	ck_assert_msg(links_take_over(&up), "should go on");
	ck_assert_uint_eq(ring_head(&worker_end), head);
	ck_assert_uint_eq(parsed(), strlen(ITEM));
	ck_assert_uint_eq(atomic_load(&up.memory->intent.seal), 0);
}
END_TEST

/* Any word of it: the links are lost, and no worker reads what is none. */
START_TEST(a_damaged_intent_is_not_followed)
{
	struct link_intent *intent = &up.memory->intent;

	read_there(ITEM ITEM);
	leave(0);
	intend(strlen(ITEM));
	if (_i == 0)
		intent->head += 4096 - 64;
	else if (_i == 1)
		intent->parsed += 1;
	else if (_i == 2)
		intent->partition = 1;
	else if (_i == 3)
		intent->link = LINKS_MAX + 1;
	else
		intent->seal ^= 2;
	ck_assert_msg(!links_take_over(&up), "nothing is to be believed");
	ck_assert_uint_eq(ring_head(&worker_end), 0);
	ck_assert_uint_eq(atomic_load(&intent->seal), 0);
}
END_TEST

START_TEST(a_damaged_position_costs_the_link)
{
	struct link_memory *memory = &up.memory->links[NUMBER];

	read_there(ITEM ITEM);
	leave(strlen(ITEM));
	if (_i < 64)
		memory->parsed ^= 1ull << _i;
	else
		memory->origin ^= 1ull << (_i - 64);
	ck_assert_msg(!links_take_over(&up), "nothing is to be believed");
}
END_TEST

/* What is found out by its loss, a second kill would take along. */
START_TEST(where_a_loss_is_judged_another_successor_believes_nothing)
{
	append(1, "abc");
	carry(1, 1, lane_log_tail(&up.lanes[1].log), 3);
	leave(0);
	ck_assert_msg(links_take_over(&up), "should go on");
	ck_assert_msg(atomic_load(&up.memory->unsettled), "should be noted");
	links_remember(&up);
	ck_assert_msg(!atomic_load(&up.memory->unsettled), "all is found out");
}
END_TEST

START_TEST(no_two_processes_use_the_same_name_of_a_link)
{
	uint32_t attempt = up.links[0].attempt;

	up.heritage->incarnation++;
	link_destroy(&up.links[0]);
	link_init(&up.links[0], &up, 0);
	ck_assert_uint_gt(up.links[0].attempt, attempt + 1000);
}
END_TEST

/* Nothing goes up behind our end tag, nor do lanes come there. */
START_TEST(a_link_that_was_ending_goes_on_to_its_end)
{
	int other[2];

	leave(0);
	loopback_pair("127.0.0.1", other);
	leave_link(1, other[0], 0);
	link_remember_end(&up.links[1]);
	ck_assert_msg(links_take_over(&up), "the other one serves");
	ck_assert_int_eq(up.links[1].state, LINK_ENDING);
	ck_assert_int_eq(link_under_test->state, LINK_SERVING);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_carrier(&up.set, lane), NUMBER);
	close(other[1]);
}
END_TEST

START_TEST(the_server_s_end_tag_is_found_by_a_successor_too)
{
	read_there(ITEM "</stream:stream>");
	leave(0);
	ck_assert_msg(links_take_over(&up), "should go on");
	up.briefed = true;
	link_read_resumed(link_under_test);
	ck_assert_msg(link_under_test->input_ended, "it has ended");
	ck_assert_uint_eq(parsed(), strlen(ITEM));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_resume_input");
	TCase *tcase = tcase_create("link_resume");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    while_there_is_no_room_below_it_waits_behind_an_item);
	tcase_add_test(tcase, the_beginning_of_an_item_is_not_dealt_with);
	tcase_add_test(tcase, one_that_dies_hands_out_first_what_was_read);
	tcase_add_test(tcase,
	    a_damaged_journal_costs_the_links_and_not_the_process);
	tcase_add_test(tcase, a_journal_that_lacks_what_was_sent_is_damaged);
	tcase_add_test(tcase,
	    a_lane_stays_with_the_link_that_has_unconfirmed_stanzas_of_it);
	tcase_add_test(tcase, what_was_being_confirmed_is_confirmed_once_more);
	tcase_add_test(tcase, what_was_about_to_be_seen_by_a_worker_is_seen);
	tcase_add_loop_test(tcase, a_damaged_intent_is_not_followed, 0, 5);
	tcase_add_loop_test(tcase, a_damaged_position_costs_the_link, 0, 128);
	tcase_add_test(tcase,
	    where_a_loss_is_judged_another_successor_believes_nothing);
	tcase_add_test(tcase, no_two_processes_use_the_same_name_of_a_link);
	tcase_add_test(tcase, a_link_that_was_ending_goes_on_to_its_end);
	tcase_add_test(tcase, the_server_s_end_tag_is_found_by_a_successor_too);
	return run_suite(suite);
}
