/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - socket addresses: parse, print, compare, listen, connect.
 */
#ifndef COMMON_NET_ENDPOINT_H
#define COMMON_NET_ENDPOINT_H

#include "common/base/base.h"

#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 64

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* IP literal (IPv6 with or without brackets) and port. 0 or -EINVAL. */
MUST_CHECK int endpoint_parse(const char *address, uint16_t port,
    struct endpoint *endpoint_out);
void endpoint_set_port(struct endpoint *endpoint, uint16_t port);
uint16_t endpoint_port(const struct endpoint *endpoint);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* "192.0.2.1:5222" or "[2001:db8::1]:5222". */
const char *endpoint_print(const struct endpoint *endpoint,
    char text_out[ENDPOINT_TEXT_MAX]);
/* The same without port and brackets. */
const char *endpoint_print_address(const struct endpoint *endpoint,
    char text_out[ENDPOINT_TEXT_MAX]);
/* 127.0.0.0/8 and ::1, and the former mapped into IPv6. */
bool endpoint_is_loopback(const struct endpoint *endpoint);
/* 16 bytes, IPv4 mapped, as session info keeps it. */
void endpoint_to_bytes(const struct endpoint *endpoint, uint8_t bytes_out[16]);
void endpoint_from_bytes(const uint8_t bytes[16], uint16_t port,
    struct endpoint *endpoint_out);

struct listen_options {
	int backlog;
	int receive_buffer; /* bytes; <= 0: system's */
	int send_buffer;
	bool reuseport;
	bool dual; /* of IPv6: takes IPv4, too */
};

/* Nonblocking listening socket, or -errno. */
MUST_CHECK int endpoint_listen(const struct endpoint *endpoint,
    const struct listen_options *options);

/* Off: the listening socket answers no more new connections (their SYN, which
 * comes again), but those whose handshake has begun still arrive. 0, or -errno
 * where the kernel lets this process set no filter. */
int endpoint_take_new(int fd, bool on);

/* Starts a nonblocking connect with TCP_NODELAY and SO_OOBINLINE: fd, or
 * -errno. */
MUST_CHECK int endpoint_connect(const struct endpoint *endpoint);

/* TCP_USER_TIMEOUT: how long sent data may stay unacknowledged. 0 or -errno. */
MUST_CHECK int endpoint_set_user_timeout(int fd, unsigned milliseconds);

/* TCP_NOTSENT_LOWAT: how much the kernel takes that it cannot send yet. 0 or
 * -errno. */
MUST_CHECK int endpoint_set_unsent_limit(int fd, unsigned bytes);
/* Whom a socket is connected to. 0 or -errno. */
MUST_CHECK int endpoint_peer(int fd, struct endpoint *endpoint_out);
/* Acknowledges at once what was read so far, where the kernel would wait 40 ms
 * for an answer that might take that along. 0 or negative errno. */
int endpoint_acknowledge(int fd);

/* On: the last close of the socket, also by the death of its process, is a
 * reset, and what has not been sent is thrown away. 0 or -errno. */
MUST_CHECK int endpoint_set_reset_on_close(int fd, bool on);

/* Resets the connection, whoever else holds a duplicate of the socket. */
void endpoint_reset(int fd);

/* What tells this TCP socket from all others since the machine's start, the
 * same for each duplicate; never 0. 0 or -errno: -ESOCKTNOSUPPORT when it is no
 * such socket. */
MUST_CHECK int endpoint_cookie(int fd, uint64_t *cookie_out);

/* True when the connection has been reset, or has timed out: its kernel sends
 * nothing any more. */
bool endpoint_is_over(int fd);

#endif
