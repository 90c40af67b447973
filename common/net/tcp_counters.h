/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_counters - what a TCP connection has sent and received, as the kernel
 * counts it: true also of a process that was killed at any instruction, for
 * whoever holds a duplicate of its socket.
 *
 *   sent      = bytes acknowledged + SIOCOUTQ - base
 *   received  = bytes received - what TCP_INQ says is unread
 *
 * Whoever read and wrote there must have been reaped: a process that is killed
 * first completes its system call. The socket has SO_OOBINLINE, or else urgent
 * data is miscounted.
 */
#ifndef COMMON_NET_TCP_COUNTERS_H
#define COMMON_NET_TCP_COUNTERS_H

#include "common/base/base.h"

/* The base of a socket that has connected: its SYN was acknowledged. That of
 * one that was accepted is what `sent` is with base 0 before its first byte. */
#define TCP_COUNTERS_CONNECTED 1u

struct tcp_counters {
	uint64_t sent;     /* that the kernel took; our own FIN counts as one */
	uint64_t received; /* that it handed to processes */
	uint64_t acked;    /* of what was sent: the peer's kernel has it */
	uint64_t left; /* of what was sent: the peer may have it; it may still
			* grow while the connection is not over */
	bool over;     /* it was reset or has timed out, before the rest was
			* read: that is final */
};

/* 0; -ENOTCONN where the base is not reached; -EBUSY when too much comes and
 * goes; other -errno where the kernel does not count. Takes a pending error
 * from the socket. */
MUST_CHECK int tcp_counters_read(int fd, uint64_t base,
    struct tcp_counters *counters_out);

/* Tries all that over the loopback: false where this kernel does not count so,
 * or there is no loopback. */
bool tcp_counters_work(void);

#endif
