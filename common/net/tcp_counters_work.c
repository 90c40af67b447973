/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_counters_work - whether this kernel counts as tcp_counters.h promises:
 * with data queued, part of it read, both ends' FIN, and a reset.
 */
#include "common/net/tcp_counters.h"

#include "common/net/endpoint.h"
#include "common/net/fd.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS     1000
#define TRIES       3
#define PIECE_BYTES 4096u
#define SMALL       16384   /* buffer of whoever does not read */
#define MUCH        262144u /* what does not fit there */

/* ends[0] has connected to ends[1]. */
struct pair {
	int ends[2];
	uint64_t bases[2];
	uint64_t written; /* to ends[0] */
	uint64_t read;    /* from ends[1] */
};

static bool
comes(int fd, short events)
{
	struct pollfd wanted = { .fd = fd, .events = events };

	return poll(&wanted, 1, WAIT_MS) == 1;
}

static bool
open_pair(struct pair *pair)
{
	const struct listen_options options = {
		.backlog = 1, .receive_buffer = SMALL, .send_buffer = SMALL
	};
	struct tcp_counters counters;
	struct endpoint here;
	int listener;

	*pair = (struct pair){ .ends = { -1, -1 } };
	if (endpoint_parse("127.0.0.1", 0, &here) != 0)
		return false;
	listener = endpoint_listen(&here, &options);
	if (listener >= 0 && getsockname(listener,
				 (struct sockaddr *)&here.addr, &here.len) == 0)
		pair->ends[0] = endpoint_connect(&here);
	if (pair->ends[0] >= 0 && comes(listener, POLLIN) &&
	    comes(pair->ends[0], POLLOUT))
		pair->ends[1] =
		    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fd_close(&listener);
	if (pair->ends[1] < 0 ||
	    tcp_counters_read(pair->ends[1], 0, &counters) != 0)
		return false;
	pair->bases[0] = TCP_COUNTERS_CONNECTED;
	pair->bases[1] = counters.sent;
	return true;
}

/* Of the end; whatever has left, and is acknowledged, is part of what was
 * sent. */
static bool
counts(const struct pair *pair, unsigned end, uint64_t sent, uint64_t received)
{
	struct tcp_counters counters;

	return tcp_counters_read(pair->ends[end], pair->bases[end],
		   &counters) == 0 &&
	       counters.sent == sent && counters.received == received &&
	       counters.acked <= counters.left &&
	       counters.left <= counters.sent;
}

static bool
has_unsent(const struct pair *pair)
{
	struct tcp_counters counters;

	return tcp_counters_read(pair->ends[0], pair->bases[0], &counters) ==
		   0 &&
	       counters.left < counters.sent && !counters.over;
}

static void
fill(struct pair *pair)
{
	static const uint8_t bytes[PIECE_BYTES];
	ssize_t sent;

	do {
		sent = send(pair->ends[0], bytes, sizeof(bytes), MSG_NOSIGNAL);
		pair->written += sent > 0 ? (uint64_t)sent : 0;
	} while (sent > 0 && pair->written < MUCH);
}

/* Reads from ends[1] until it has had so much, or no more comes. */
static bool
read_up_to(struct pair *pair, uint64_t end)
{
	uint8_t bytes[PIECE_BYTES];
	ssize_t got;

	while (pair->read < end && comes(pair->ends[1], POLLIN)) {
		got = read(pair->ends[1], bytes,
		    (size_t)MIN(end - pair->read, sizeof(bytes)));
		if (got <= 0)
			return false;
		pair->read += (uint64_t)got;
	}
	return pair->read == end;
}

static bool
counts_what_is_queued(struct pair *pair)
{
	if (!counts(pair, 0, 0, 0) || !counts(pair, 1, 0, 0))
		return false;
	fill(pair);
	return counts(pair, 0, pair->written, 0) && has_unsent(pair) &&
	       counts(pair, 1, 0, 0) && read_up_to(pair, PIECE_BYTES / 3) &&
	       counts(pair, 1, 0, pair->read);
}

static bool
counts_an_end(struct pair *pair)
{
	uint8_t byte;

	if (!counts_what_is_queued(pair) ||
	    shutdown(pair->ends[0], SHUT_WR) != 0 ||
	    !counts(pair, 0, pair->written + 1, 0) ||
	    !read_up_to(pair, pair->written) ||
	    !comes(pair->ends[1], POLLRDHUP) ||
	    !counts(pair, 1, 0, pair->written))
		return false;
	return read(pair->ends[1], &byte, 1) == 0 &&
	       counts(pair, 1, 0, pair->written);
}

static bool
counts_a_reset(struct pair *pair)
{
	uint8_t bytes[PIECE_BYTES] = { 0 };
	struct tcp_counters counters;

	if (!counts_what_is_queued(pair) ||
	    send(pair->ends[1], bytes, sizeof(bytes), MSG_NOSIGNAL) !=
		sizeof(bytes) ||
	    !comes(pair->ends[0], POLLIN) || read(pair->ends[0], bytes, 1) != 1)
		return false;
	endpoint_reset(pair->ends[1]);
	return comes(pair->ends[0], POLLRDHUP) &&
	       counts(pair, 0, pair->written, 1) &&
	       tcp_counters_read(pair->ends[0], pair->bases[0], &counters) ==
		   0 &&
	       counters.over;
}

static bool
tried(bool (*check)(struct pair *pair))
{
	struct pair pair;
	bool passed = open_pair(&pair) && check(&pair);

	fd_close(&pair.ends[0]);
	fd_close(&pair.ends[1]);
	return passed;
}

bool
tcp_counters_work(void)
{
	/* Anybody on this machine may have connected there first. */
	for (int i = 0; i < TRIES; i++)
		if (tried(counts_an_end) && tried(counts_a_reset))
			return true;
	return false;
}
