/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between master and child: whole, in pieces, with descriptors. */
#include "common/net/fd.h"
#include "common/process/channel.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/lingering.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct channel *one, *two;

static void
setup(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	one = channel_new(ends[0]);
	two = channel_new(ends[1]);
}

static void
teardown(void)
{
	channel_free(&one);
	channel_free(&two);
}

START_TEST(test_messages_arrive_with_their_descriptors)
{
	struct channel_message out = { .type = CHANNEL_LISTENER, .fd = -1 }, in;
	int pipe_ends[2];
	uint32_t i;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	for (i = 0; i < 100; i++) {
		out.number = i;
		out.partition = i * 3;
		out.fd = i % 2 ? pipe_ends[1] : -1;
		ck_assert_int_eq(channel_send(one, &out), 0);
	}
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(channel_receive(two, &in), 1);
		ck_assert_uint_eq(in.number, i);
		ck_assert_uint_eq(in.partition, i * 3);
		ck_assert_int_eq(in.fd >= 0, i % 2);
		if (in.fd >= 0)
			ck_assert_int_eq(write(in.fd, "x", 1), 1);
		fd_close(&in.fd);
	}
	ck_assert_int_eq(channel_receive(two, &in), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

START_TEST(test_a_message_in_pieces_is_one_message)
{
	struct channel_message out = { .type = CHANNEL_READY,
		.partition = 7,
		.incarnation = 9,
		.ticket = 4,
		.fd = -1 };
	struct channel_message in;
	uint8_t bytes[64];
	size_t len = channel_encode(&out, bytes, sizeof(bytes)), i;

	ck_assert_uint_gt(len, 8);
	for (i = 0; i < len; i++) {
		ck_assert_int_eq(channel_receive(two, &in), 0);
		ck_assert_int_eq(write(channel_fd(one), bytes + i, 1), 1);
	}
	ck_assert_int_eq(channel_receive(two, &in), 1);
	ck_assert_int_eq(in.type, CHANNEL_READY);
	ck_assert_uint_eq(in.partition, 7);
	ck_assert_uint_eq(in.incarnation, 9);
	ck_assert_uint_eq(in.ticket, 4);
}
END_TEST

START_TEST(test_malformed_messages_are_refused)
{
	struct channel_message in;
	uint8_t bytes[64];
	struct channel_message out = { .type = CHANNEL_READY, .fd = -1 };
	size_t len = channel_encode(&out, bytes, sizeof(bytes));
	uint8_t length = bytes[0], type = bytes[4];

	bytes[0] = 0xFF;
	ck_assert_int_eq(channel_decode(bytes, len, &in), -EPROTO);
	bytes[0] = length;
	bytes[4] = 0xEE;
	ck_assert_int_eq(channel_decode(bytes, len, &in), -EPROTO);
	bytes[4] = type;
	ck_assert_int_eq(channel_decode(bytes, len, &in), (int64_t)len);
	ck_assert_int_eq(channel_decode(bytes, len - 1, &in), 0);
}
END_TEST

START_TEST(test_a_claimed_descriptor_that_did_not_come_is_refused)
{
	struct channel_message out = { .type = CHANNEL_LISTENER, .fd = 0 }, in;
	uint8_t bytes[64];
	size_t len = channel_encode(&out, bytes, sizeof(bytes));

	ck_assert_int_eq(write(channel_fd(one), bytes, len), (ssize_t)len);
	ck_assert_int_eq(channel_receive(two, &in), -EPROTO);
}
END_TEST

/* The message arrives where no descriptor is free, and says so; the ones after
 * it have theirs. */
START_TEST(test_a_descriptor_that_finds_none_free_is_lost_alone)
{
	struct channel_message out = { .type = CHANNEL_ACT_RELOAD,
		.fd = channel_fd(one) };
	struct channel_message in;
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(channel_send(one, &out), 0);
	ck_assert_int_eq(channel_send(one, &out), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(channel_receive(two, &in), 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(in.fd, -1);
	ck_assert_msg(in.is_fd_lost, "the message should say what it lost");
	ck_assert_int_eq(channel_receive(two, &in), 1);
	ck_assert_int_ge(in.fd, 0);
	ck_assert_msg(!in.is_fd_lost, "the second should have lost nothing");
	fd_close(&in.fd);
}
END_TEST

START_TEST(test_the_peers_end_is_told_after_its_last_message)
{
	struct channel_message out = { .type = CHANNEL_STOPPED, .fd = -1 }, in;

	ck_assert_int_eq(channel_send(one, &out), 0);
	channel_free(&one);
	ck_assert_int_eq(channel_receive(two, &in), 1);
	ck_assert_int_eq(channel_receive(two, &in), -EPIPE);
}
END_TEST

START_TEST(test_a_peer_that_never_reads_costs_bounded_memory)
{
	struct channel_message out = { .type = CHANNEL_READY, .fd = -1 };
	int i, error = 0;

	for (i = 0; i < 1000000 && error == 0; i++)
		error = channel_send(one, &out);
	ck_assert_int_eq(error, -ENOBUFS);
	ck_assert_msg(channel_wants_write(one),
	    "a channel whose peer reads nothing should wait to write");
}
END_TEST

/* As one may send that is in the hands of somebody else; a test that waits for
 * a close fails by its time limit. */
START_TEST(test_descriptors_that_linger_keep_nobody_from_closing_it)
{
	struct channel_message in;
	unsigned i;

	for (i = 0; i < 4; i++)
		lingering_send(channel_fd(one), 1 + i % 2);
	ck_assert_int_lt(channel_receive(two, &in), 1);
	for (i = 0; i < 4; i++)
		lingering_send(channel_fd(one), 1 + i % 2);
	channel_free(&two);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("channel");
	TCase *tcase = tcase_create("channel");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_messages_arrive_with_their_descriptors);
	tcase_add_test(tcase, test_a_message_in_pieces_is_one_message);
	tcase_add_test(tcase, test_malformed_messages_are_refused);
	tcase_add_test(tcase,
	    test_a_claimed_descriptor_that_did_not_come_is_refused);
	tcase_add_test(tcase,
	    test_a_descriptor_that_finds_none_free_is_lost_alone);
	tcase_add_test(tcase,
	    test_the_peers_end_is_told_after_its_last_message);
	tcase_add_test(tcase,
	    test_a_peer_that_never_reads_costs_bounded_memory);
	tcase_add_test(tcase,
	    test_descriptors_that_linger_keep_nobody_from_closing_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
