/* SPDX-License-Identifier: Apache-2.0 */
/* loopback - TCP connections of a test with itself. */
#ifndef TESTS_SUPPORT_NET_LOOPBACK_H
#define TESTS_SUPPORT_NET_LOOPBACK_H

#include "common/net/endpoint.h"

#include <check.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Until one of these events is there. */
static inline void
wait_for(int fd, short events)
{
	struct pollfd wanted = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&wanted, 1, 60000), 1);
}

/* ends_out[0] has connected, as a link does, ends_out[1] was accepted; neither
 * blocks. */
static inline void
loopback_pair(const char *address, int ends_out[2])
{
	const struct listen_options options = { .backlog = 5 };
	struct endpoint here;
	int listener;

	ck_assert_int_eq(endpoint_parse(address, 0, &here), 0);
	listener = endpoint_listen(&here, &options);
	ck_assert_int_ge(listener, 0);
	here.len = sizeof(here.addr);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&here.addr,
			     &here.len),
	    0);
	ends_out[0] = endpoint_connect(&here);
	ck_assert_int_ge(ends_out[0], 0);
	wait_for(listener, POLLIN);
	wait_for(ends_out[0], POLLOUT);
	ends_out[1] =
	    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(ends_out[1], 0);
	close(listener);
}

#endif
