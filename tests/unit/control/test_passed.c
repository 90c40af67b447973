/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks on the control socket may pass descriptors along, also where the
 * kernel cannot refuse them: nothing is kept of them, and none that lingers
 * keeps control from others. A test that waits fails by its time limit.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/lingering.h"
#include "worker/control/control_connections.h"

#include <check.h>
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct commands_view view;
static struct control_connections connections;
static int peer;

static void
setup(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	connections.loop = ev_loop_new(EVFLAG_NOENV);
	connections.view = &view;
	control_connections_start(&connections);
	control_connections_add(&connections, ends[0], RIGHT_LOOK);
	peer = ends[1];
}

static void
teardown(void)
{
	close(peer);
	while (control_connections_evict_idlest(&connections))
		continue;
	ev_loop_destroy(connections.loop);
}

static unsigned
count_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

static void
expect_answer(const char *words)
{
	char text[65536] = "";
	size_t len = 0;
	ssize_t got;

	while (!strstr(text, words)) {
		ev_run(connections.loop, EVRUN_ONCE);
		got = recv(peer, text + len, sizeof(text) - 1 - len, 0);
		if (got > 0)
			len += (size_t)got;
	}
}

START_TEST(what_is_passed_with_a_request_is_closed_at_once)
{
	unsigned before;

	lingering_send(peer, 1);
	before = count_descriptors(); /* with the far end of what lingers */
	ev_run(connections.loop, EVRUN_ONCE);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_int_eq(send(peer, "\n", 1, 0), 1);
	expect_answer("{\"error\":");
}
END_TEST

START_TEST(so_is_as_much_as_can_be_passed)
{
	lingering_send(peer, 253);
	ck_assert_int_eq(send(peer, "\n", 1, 0), 1);
	expect_answer("{\"error\":");
}
END_TEST

START_TEST(who_leaves_unheard_keeps_nobody)
{
	lingering_send(peer, 1);
	lingering_send(peer, 2);
	ck_assert_msg(control_connections_evict_idlest(&connections),
	    "the connection should be evicted");
	ck_assert_uint_eq(connections.count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("passed descriptors");
	TCase *tests = tcase_create("passed descriptors");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_is_passed_with_a_request_is_closed_at_once);
	tcase_add_test(tests, so_is_as_much_as_can_be_passed);
	tcase_add_test(tests, who_leaves_unheard_keeps_nobody);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
