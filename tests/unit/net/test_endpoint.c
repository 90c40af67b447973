/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text and bytes, sockets on the loopback, passing descriptors. */
#include "common/base/log.h"
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/transport.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(test_what_is_printed_is_what_was_parsed)
{
	static const char *const rows[][2] = {
		{ "192.0.2.1", "192.0.2.1:5222" },
		{ "2001:db8::1", "[2001:db8::1]:5222" },
		{ "[2001:DB8::1]", "[2001:db8::1]:5222" },
		{ "::", "[::]:5222" },
		{ "::ffff:192.0.2.7", "192.0.2.7:5222" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:5222" },
	};
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(endpoint_parse(rows[i][0], 5222, &endpoint),
		    0);
		ck_assert_str_eq(endpoint_print(&endpoint, text), rows[i][1]);
		ck_assert_uint_eq(endpoint_port(&endpoint), 5222);
	}
}
END_TEST

START_TEST(test_what_is_no_address_is_refused)
{
	static const char too_long[] =
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char *const rows[] = {
		"",
		"[]",
		"[",
		"]",
		"localhost",
		"192.0.2",
		"192.0.2.1.",
		"192.0.2.256",
		"[192.0.2.1]",
		"[2001:db8::1",
		"2001:db8::1]",
		"1:2:3:4:5:6:7:8:9",
		" 192.0.2.1",
		"fe80::1%lo",
		too_long,
	};
	struct endpoint endpoint;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(endpoint_parse(rows[i], 1, &endpoint),
		    -EINVAL);
}
END_TEST

static void
expect_equal(const struct endpoint *a, const struct endpoint *b)
{
	char one[ENDPOINT_TEXT_MAX], other[ENDPOINT_TEXT_MAX];

	ck_assert_msg(endpoint_equal(a, b), "%s and %s should be equal",
	    endpoint_print(a, one), endpoint_print(b, other));
}

static void
expect_different(const struct endpoint *a, const struct endpoint *b)
{
	char one[ENDPOINT_TEXT_MAX], other[ENDPOINT_TEXT_MAX];

	ck_assert_msg(!endpoint_equal(a, b), "%s and %s should differ",
	    endpoint_print(a, one), endpoint_print(b, other));
}

START_TEST(test_equal_means_family_address_and_port)
{
	struct endpoint a, b;

	ck_assert_int_eq(endpoint_parse("192.0.2.1", 1, &a), 0);
	ck_assert_int_eq(endpoint_parse("192.0.2.1", 1, &b), 0);
	expect_equal(&a, &b);
	endpoint_set_port(&b, 2);
	expect_different(&a, &b); /* port */
	ck_assert_int_eq(endpoint_parse("192.0.2.2", 1, &b), 0);
	expect_different(&a, &b); /* address */
	ck_assert_int_eq(endpoint_parse("::1", 1, &a), 0);
	expect_different(&a, &b); /* family */
	ck_assert_int_eq(endpoint_parse("::1", 1, &b), 0);
	expect_equal(&a, &b);
	ck_assert_int_eq(endpoint_parse("::2", 1, &b), 0);
	expect_different(&a, &b);
}
END_TEST

START_TEST(test_bytes_of_ipv4_are_mapped)
{
	static const uint8_t mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF,
		0xFF, 192, 0, 2, 1 };
	struct endpoint endpoint;
	uint8_t bytes[16];

	ck_assert_int_eq(endpoint_parse("192.0.2.1", 1, &endpoint), 0);
	endpoint_to_bytes(&endpoint, bytes);
	ck_assert_mem_eq(bytes, mapped, 16);
	ck_assert_int_eq(endpoint_parse("::ffff:192.0.2.1", 1, &endpoint), 0);
	endpoint_to_bytes(&endpoint, bytes);
	ck_assert_mem_eq(bytes, mapped, 16);
}
END_TEST

START_TEST(test_a_connection_is_made_with_its_options)
{
	int ends[2], value = 0;
	socklen_t len = sizeof(value);

	loopback_pair("127.0.0.1", ends);
	getsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &value, &len);
	ck_assert_int_eq(value, 1);
	getsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &value, &len);
	ck_assert_int_eq(value, 1);
	ck_assert_int_eq(endpoint_set_user_timeout(ends[0], 12345), 0);
	getsockopt(ends[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len);
	ck_assert_int_eq(value, 12345);
	ck_assert_msg(fcntl(ends[0], F_GETFL) & O_NONBLOCK,
	    "an accepted connection should not block");
	ck_assert_msg(fcntl(ends[0], F_GETFD) & FD_CLOEXEC,
	    "an accepted connection should be closed when a program is "
	    "executed");
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(test_a_peer_is_whom_a_socket_is_connected_to)
{
	struct endpoint here, peer;
	int ends[2], alone;

	loopback_pair("::1", ends);
	here.len = sizeof(here.addr);
	ck_assert_int_eq(getsockname(ends[0], (struct sockaddr *)&here.addr,
			     &here.len),
	    0);
	ck_assert_int_eq(endpoint_peer(ends[1], &peer), 0);
	expect_equal(&peer, &here);
	close(ends[0]);
	close(ends[1]);
	alone = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(endpoint_peer(alone, &peer), -ENOTCONN);
	close(alone);
}
END_TEST

START_TEST(test_a_taken_address_says_so)
{
	struct listen_options options = { .backlog = 5 };
	struct endpoint endpoint;
	int fd;

	ck_assert_int_eq(endpoint_parse("127.0.0.1", 0, &endpoint), 0);
	fd = endpoint_listen(&endpoint, &options);
	ck_assert_int_ge(fd, 0);
	endpoint.len = sizeof(endpoint.addr);
	getsockname(fd, (struct sockaddr *)&endpoint.addr, &endpoint.len);
	ck_assert_int_eq(endpoint_listen(&endpoint, &options), -EADDRINUSE);
	close(fd);
	ck_assert_int_eq(endpoint_parse("192.0.2.1", 0, &endpoint), 0);
	ck_assert_int_eq(endpoint_listen(&endpoint, &options), -EADDRNOTAVAIL);
}
END_TEST

/* Fills both kernels' buffers; returns what was accepted. */
static uint64_t
fill(struct transport *transport)
{
	static uint8_t bytes[65536];
	struct iovec vector = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	size_t len;
	int i;

	for (i = 0; i < 10000; i++)
		if (transport_write(transport, &vector, 1, &len) != IO_OK)
			return transport->written;
	ck_abort_msg("the socket never got full");
	return 0;
}

START_TEST(test_acknowledged_never_counts_what_a_reset_took)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct transport transport;
	struct pollfd gone = { .events = 0 };
	uint64_t before;
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	transport_init(&transport, ends[0]);
	ck_assert_uint_eq(transport_acked(&transport), 0);
	ck_assert_uint_gt(fill(&transport), 0);
	before = transport_acked(&transport);
	ck_assert_uint_lt(before, transport.written);
	setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(ends[1]);
	gone.fd = ends[0];
	ck_assert_int_eq(poll(&gone, 1, 60000), 1);
	ck_assert_uint_ge(transport_acked(&transport), before);
	ck_assert_uint_lt(transport_acked(&transport), transport.written);
	transport_destroy(&transport);
	close(ends[0]);
}
END_TEST

/* Reads until the connection ends; by a reset, or not. */
static uint64_t
read_to_the_end(int fd, bool *reset_out)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	static uint8_t bytes[65536];
	uint64_t total = 0;
	ssize_t got;

	for (;;) {
		ck_assert_int_eq(poll(&ready, 1, 60000), 1);
		got = read(fd, bytes, sizeof(bytes));
		if (got <= 0)
			break;
		total += (uint64_t)got;
	}
	*reset_out = got < 0 && errno == ECONNRESET;
	return total;
}

START_TEST(test_a_reset_takes_back_what_has_not_left_whoever_holds_the_socket)
{
	struct transport_end end;
	struct transport transport;
	uint64_t written;
	int ends[2], duplicate;
	bool reset;

	loopback_pair("127.0.0.1", ends);
	duplicate = dup(ends[0]);
	transport_init(&transport, ends[0]);
	written = fill(&transport);
	end = transport_reset(&transport);
	transport_destroy(&transport);
	close(ends[0]);
	ck_assert_uint_eq(end.reachable, written);
	ck_assert_uint_lt(end.transmitted, written);
	/* Nobody has read, so that nothing more could leave. */
	ck_assert_uint_eq(read_to_the_end(ends[1], &reset), end.transmitted);
	ck_assert_msg(reset,
	    "its peer should see a reset and not an orderly end");
	close(duplicate);
	close(ends[1]);
}
END_TEST

START_TEST(test_what_a_lost_connection_still_held_is_not_reachable)
{
	struct transport_end end;
	struct transport transport;
	struct pollfd gone = { .events = 0 };
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	transport_init(&transport, ends[0]);
	(void)fill(&transport);
	endpoint_reset(ends[1]);
	gone.fd = ends[0];
	ck_assert_int_eq(poll(&gone, 1, 60000), 1);
	ck_assert_msg(endpoint_is_over(ends[0]),
	    "a connection that its peer has closed should be over");
	end = transport_reset(&transport);
	ck_assert_uint_eq(end.reachable, end.transmitted);
	ck_assert_uint_lt(end.reachable, transport.written);
	transport_destroy(&transport);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(test_a_close_resets_or_delivers_as_it_was_told)
{
	static const bool rows[] = { true, false };
	struct transport transport;
	uint64_t written, got;
	bool reset;
	int ends[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		loopback_pair("127.0.0.1", ends);
		transport_init(&transport, ends[0]);
		written = fill(&transport);
		ck_assert_int_eq(endpoint_set_reset_on_close(ends[0], true), 0);
		ck_assert_int_eq(endpoint_set_reset_on_close(ends[0], rows[i]),
		    0);
		transport_destroy(&transport);
		close(ends[0]);
		got = read_to_the_end(ends[1], &reset);
		ck_assert_int_eq(reset, rows[i]);
		ck_assert_int_eq(got == written, !rows[i]);
		close(ends[1]);
	}
}
END_TEST

START_TEST(test_the_kernel_takes_little_that_it_cannot_send)
{
	struct transport transport;
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	ck_assert_int_eq(endpoint_set_unsent_limit(ends[0], 65536), 0);
	transport_init(&transport, ends[0]);
	/* A piece of what one write gives may come on top. */
	ck_assert_uint_le(fill(&transport) - transport_transmitted(&transport),
	    2 * 65536);
	transport_destroy(&transport);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(test_a_descriptor_passes_and_is_closed_on_exec)
{
	int ends[2], pipe_ends[2], got = -1;
	char byte = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	ck_assert_int_eq(fd_send(ends[0], "x", 1, pipe_ends[1]), 1);
	ck_assert_int_eq(fd_receive(ends[1], &byte, 1, &got), 1);
	ck_assert_int_eq(byte, 'x');
	ck_assert_int_ge(got, 0);
	ck_assert_msg(fcntl(got, F_GETFD) & FD_CLOEXEC,
	    "a descriptor that was passed should be closed when a program is "
	    "executed");
	ck_assert_int_eq(write(got, "y", 1), 1);
	ck_assert_int_eq(read(pipe_ends[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	fd_close(&got);
	ck_assert_int_eq(got, -1);
	close(ends[0]);
	ck_assert_int_eq(fd_receive(ends[1], &byte, 1, &got), 0);
	ck_assert_int_eq(got, -1);
	close(ends[1]);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

START_TEST(test_two_descriptors_at_once_are_both_closed)
{
	uint8_t room[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8)));
	char byte = 'x';
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room) };
	int ends[2], pipe_ends[2], got;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct pollfd hung = { .events = POLLIN };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	memset(room, 0, sizeof(room));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), &pipe_ends[1], sizeof(int));
	memcpy(CMSG_DATA(header) + sizeof(int), &pipe_ends[1], sizeof(int));
	ck_assert_int_eq(sendmsg(ends[0], &message, 0), 1);
	close(pipe_ends[1]);
	ck_assert_int_eq(fd_receive(ends[1], &byte, 1, &got), 1);
	ck_assert_int_eq(got, -1);
	hung.fd = pipe_ends[0]; /* no writer is left anywhere */
	ck_assert_int_eq(poll(&hung, 1, 0), 1);
	ck_assert_msg(hung.revents & POLLHUP,
	    "no writer of the pipe should be left, revents %d", hung.revents);
	close(ends[0]);
	close(ends[1]);
	close(pipe_ends[0]);
}
END_TEST

START_TEST(test_the_digest_is_sha1_of_both_parts)
{
	char hex[DIGEST_SHA1_HEX + 1];

	digest_sha1_hex("ab", "c", hex);
	ck_assert_str_eq(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	digest_sha1_hex("", "", hex);
	ck_assert_str_eq(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}
END_TEST

START_TEST(test_bytes_are_the_same_or_differ_anywhere)
{
	static const uint8_t bytes[32] = { 7, [15] = 8, [31] = 9 };
	uint8_t other[32];
	size_t i;

	ck_assert_int_eq(digest_is_same(bytes, bytes, sizeof(bytes)), true);
	ck_assert_int_eq(digest_is_same(bytes, "x", 0), true);
	for (i = 0; i < sizeof(bytes); i++) {
		memcpy(other, bytes, sizeof(other));
		other[i] ^= 0x80;
		ck_assert_msg(!digest_is_same(bytes, other, sizeof(bytes)),
		    "they differ at %zu", i);
	}
}
END_TEST

static const struct {
	const char *address;
	bool loopback;
} loopbacks[] = {
	{ "127.0.0.1", true },
	{ "127.0.0.0", true },
	{ "127.255.255.255", true },
	{ "::1", true },
	{ "[::1]", true },
	{ "::ffff:127.9.9.9", true },
	{ "126.255.255.255", false },
	{ "128.0.0.0", false },
	{ "0.0.0.0", false },
	{ "::", false },
	{ "::2", false },
	{ "1::1", false },
	{ "::ffff:0.0.0.0", false },
	{ "::ffff:192.0.2.1", false },
	{ "::127.0.0.1", false }, /* compatible, not mapped */
	{ "2001:db8::7f00:1", false },
};

START_TEST(test_a_loopback_address_is_told_from_others)
{
	struct endpoint endpoint;

	ck_assert_int_eq(endpoint_parse(loopbacks[_i].address, 1, &endpoint),
	    0);
	ck_assert_msg(endpoint_is_loopback(&endpoint) == loopbacks[_i].loopback,
	    "%s", loopbacks[_i].address);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tcase = tcase_create("endpoint");

	log_init("test", LOG_ERROR);
	tcase_add_test(tcase, test_what_is_printed_is_what_was_parsed);
	tcase_add_test(tcase, test_what_is_no_address_is_refused);
	tcase_add_test(tcase, test_equal_means_family_address_and_port);
	tcase_add_test(tcase, test_bytes_of_ipv4_are_mapped);
	tcase_add_test(tcase, test_a_connection_is_made_with_its_options);
	tcase_add_test(tcase, test_a_peer_is_whom_a_socket_is_connected_to);
	tcase_add_test(tcase, test_a_taken_address_says_so);
	tcase_add_test(tcase, test_acknowledged_never_counts_what_a_reset_took);
	tcase_add_test(tcase,
	    test_a_reset_takes_back_what_has_not_left_whoever_holds_the_socket);
	tcase_add_test(tcase,
	    test_what_a_lost_connection_still_held_is_not_reachable);
	tcase_add_test(tcase, test_a_close_resets_or_delivers_as_it_was_told);
	tcase_add_test(tcase, test_the_kernel_takes_little_that_it_cannot_send);
	tcase_add_test(tcase, test_a_descriptor_passes_and_is_closed_on_exec);
	tcase_add_test(tcase, test_two_descriptors_at_once_are_both_closed);
	tcase_add_test(tcase, test_the_digest_is_sha1_of_both_parts);
	tcase_add_test(tcase, test_bytes_are_the_same_or_differ_anywhere);
	tcase_add_loop_test(tcase, test_a_loopback_address_is_told_from_others,
	    0, (int)ARRAY_LEN(loopbacks));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
