/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is killed while it writes to a TCP connection and reads from
 * it: whoever holds a duplicate of the socket knows by the kernel's counters
 * how many bytes went each way, to the byte.
 */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/tcp_counters.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KILLS_MAX  400
#define LIFE_US    4000u
#define PERIOD     251u /* bytes after which they repeat */
#define CHUNK_MAX  20000u
#define BYTES_ROOM (CHUNK_MAX + PERIOD)

static uint8_t bytes_of_stream[BYTES_ROOM];

/* One end of a connection, and what has passed here. */
struct end {
	int fd;
	size_t chunk; /* bytes for a call */
	uint64_t written, read;
};

struct connection {
	struct end killed; /* whose process is */
	struct end peer;
	uint64_t base;
};

static void
make_bytes(void)
{
	for (size_t i = 0; i < BYTES_ROOM; i++)
		bytes_of_stream[i] = (uint8_t)(i % PERIOD);
}

static void
write_some(struct end *end)
{
	ssize_t sent = send(end->fd, bytes_of_stream + end->written % PERIOD,
	    end->chunk, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent > 0)
		end->written += (uint64_t)sent;
}

/* False at the end of the stream. */
static bool
read_some(struct end *end)
{
	static uint8_t bytes[CHUNK_MAX];
	ssize_t got = recv(end->fd, bytes, end->chunk, MSG_DONTWAIT);

	if (got <= 0)
		return got < 0;
	CHECK(memcmp(bytes, bytes_of_stream + end->read % PERIOD,
		  (size_t)got) == 0);
	end->read += (uint64_t)got;
	return true;
}

static bool
talk(struct end *end)
{
	struct pollfd ready = { .fd = end->fd, .events = POLLIN | POLLOUT };

	if (poll(&ready, 1, 1) < 1)
		return true;
	if (ready.revents & POLLOUT)
		write_some(end);
	return !(ready.revents & POLLIN) || read_some(end);
}

static void
talk_until_killed(void *context)
{
	struct connection *connection = context;

	fd_close(&connection->peer.fd);
	while (talk(&connection->killed))
		;
}

/* Sometimes whoever has connected is killed, sometimes who has accepted. */
static void
open_connection(struct connection *connection)
{
	struct tcp_counters counters;
	unsigned killed = crash_random(2);
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	*connection = (struct connection){
		.killed = { .fd = ends[killed],
		    .chunk = 1 + crash_random(CHUNK_MAX - 1) },
		.peer = { .fd = ends[1 - killed],
		    .chunk = 1 + crash_random(CHUNK_MAX - 1) },
		.base = TCP_COUNTERS_CONNECTED,
	};
	if (killed == 0)
		return;
	ck_assert_int_eq(tcp_counters_read(ends[1], 0, &counters), 0);
	connection->base = counters.sent;
}

/* The dead one's part goes on here, at the very byte: all that was ever
 * written is read once. */
static void
go_on(struct connection *connection)
{
	struct end *killed = &connection->killed, *peer = &connection->peer;
	struct tcp_counters counters;

	ck_assert_int_eq(tcp_counters_read(killed->fd, connection->base,
			     &counters),
	    0);
	ck_assert_int_eq(counters.over, false);
	ck_assert_uint_le(counters.acked, counters.left);
	ck_assert_uint_le(counters.left, counters.sent);
	ck_assert_uint_ge(counters.sent, peer->read);
	ck_assert_uint_le(counters.received, peer->written);
	killed->read = counters.received;
	ck_assert_int_eq(shutdown(killed->fd, SHUT_WR), 0);
	ck_assert_int_eq(shutdown(peer->fd, SHUT_WR), 0);
	do {
		wait_for(peer->fd, POLLIN);
	} while (read_some(peer));
	do {
		wait_for(killed->fd, POLLIN);
	} while (read_some(killed));
	ck_assert_uint_eq(peer->read, counters.sent);
	ck_assert_uint_eq(killed->read, peer->written);
}

static void
kill_one(void)
{
	struct connection connection;
	uint64_t end;
	pid_t pid;

	open_connection(&connection);
	pid = crash_start(talk_until_killed, &connection);
	end = crash_now_us() + crash_random(LIFE_US);
	while (crash_now_us() < end || connection.peer.read == 0)
		(void)talk(&connection.peer);
	crash_kill(pid);
	go_on(&connection);
	fd_close(&connection.killed.fd);
	fd_close(&connection.peer.fd);
}

START_TEST(test_a_killed_processs_bytes_are_known_to_the_byte)
{
	uint64_t end;
	unsigned kills;

	crash_seed();
	make_bytes();
	end = crash_now_us() + crash_budget_ms() * 1000;
	for (kills = 0; kills < KILLS_MAX && crash_now_us() < end; kills++)
		kill_one();
	printf("%u kills\n", kills);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_tcp_counters");
	TCase *tcase = tcase_create("crash_tcp_counters");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase,
	    test_a_killed_processs_bytes_are_known_to_the_byte);
	return run_suite(suite);
}
