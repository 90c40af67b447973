/* SPDX-License-Identifier: Apache-2.0 */
/* A link goes on where a predecessor that was killed has left it. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/heritage.h"
#include "common/shm/link_memory.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link.h"

#include <check.h>
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
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	master = channel_new(ends[0]);
	supervised_start(&up.supervised, up.loop, ends[1]);
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
leave(uint64_t parsed)
{
	struct link_memory *memory = &links_memory(up.region)->links[NUMBER];

	for (unsigned i = 0; i < NUMBER; i++)
		left[i].fd = -1;
	left[NUMBER] = (struct heritage_link){ .fd = ours, .attempt = 9 };
	ck_assert_int_eq(endpoint_cookie(ours, &left[NUMBER].cookie), 0);
	up.heritage->links = left;
	up.heritage->link_count = ARRAY_LEN(left);
	atomic_store(&memory->cookie, left[NUMBER].cookie);
	atomic_store(&memory->parsed, parsed);
	up.server.version++;
	up.server.phase = SERVER_SERVING;
	server_state_publish(up.region, &up.server);
	up.server = (struct server_state){ 0 };
}

static uint64_t
parsed(void)
{
	return atomic_load(&links_memory(up.region)->links[NUMBER].parsed);
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
	return run_suite(suite);
}
