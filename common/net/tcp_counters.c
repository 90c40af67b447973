/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tcp_counters.h"

#include "common/net/endpoint.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* knows more of it than the C library's */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A packet must come between two calls each time. */
#define TRIES_MAX 10000

static int
read_info(int fd, struct tcp_info *info_out)
{
	socklen_t len = sizeof(*info_out);

	memset(info_out, 0, sizeof(*info_out));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info_out, &len) != 0)
		return -errno;
	return len >= offsetof(struct tcp_info, tcpi_bytes_received) +
			   sizeof(info_out->tcpi_bytes_received)
		   ? 0
		   : -ENOTSUP;
}

static int
bytes_acked(int fd, uint64_t *count_out)
{
	struct tcp_info info;
	int error = read_info(fd, &info);

	*count_out = info.tcpi_bytes_acked;
	return error;
}

static int
bytes_received(int fd, uint64_t *count_out)
{
	struct tcp_info info;
	int error = read_info(fd, &info);

	*count_out = info.tcpi_bytes_received;
	return error;
}

static int
queue_length(int fd, unsigned long request, uint64_t *count_out)
{
	int len = 0;

	*count_out = 0;
	if (ioctl(fd, request, &len) != 0)
		return -errno;
	*count_out = (uint64_t)len;
	return len < 0 ? -ENOTSUP : 0;
}

static int
bytes_queued(int fd, uint64_t *count_out)
{
	return queue_length(fd, SIOCOUTQ, count_out);
}

static int
hint_in(struct msghdr *message, uint64_t *count_out)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int hint;

	if (!header || header->cmsg_level != IPPROTO_TCP ||
	    header->cmsg_type != TCP_CM_INQ)
		return -ENOTSUP;
	memcpy(&hint, CMSG_DATA(header), sizeof(hint));
	*count_out = (uint64_t)hint;
	return hint < 0 ? -ENOTSUP : 0;
}

/* Like bytes_received() this counts the peer's FIN, which SIOCINQ does not. */
static int
bytes_unread(int fd, uint64_t *count_out)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} room;
	uint8_t byte;
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room) };

	*count_out = 0;
	if (recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) < 0)
		return 0; /* nothing is there, of a dead connection, too */
	return hint_in(&message, count_out);
}

typedef int count_fn(int fd, uint64_t *count_out);

/* Two calls are not one moment: both counts, with the first one the same before
 * and after the second. */
static int
read_both(int fd, count_fn *first, count_fn *second, uint64_t *first_out,
    uint64_t *second_out)
{
	uint64_t again;
	int error;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		error = first(fd, first_out);
		if (!error)
			error = second(fd, second_out);
		if (!error)
			error = first(fd, &again);
		if (error || again == *first_out)
			return error;
	}
	return -EBUSY;
}

int
tcp_counters_read(int fd, uint64_t base, struct tcp_counters *counters_out)
{
	const int on = 1;
	uint64_t acked, queued, unsent = 0, arrived, unread;
	bool over = endpoint_is_over(fd); /* the peek takes its error */
	int error;

	if (setsockopt(fd, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)) != 0)
		return -errno;
	error = read_both(fd, bytes_acked, bytes_queued, &acked, &queued);
	if (!error)
		error = read_both(fd, bytes_received, bytes_unread, &arrived,
		    &unread);
	if (!error)
		error = queue_length(fd, SIOCOUTQNSD, &unsent);
	if (error)
		return error;
	if (acked < base)
		return -ENOTCONN;
	if (unread > arrived || unsent > acked + queued - base)
		return -ENOTSUP;
	*counters_out = (struct tcp_counters){
		.sent = acked + queued - base,
		.received = arrived - unread,
		.acked = acked - base,
		.left = acked + queued - base - unsent,
		.over = over,
	};
	return 0;
}
