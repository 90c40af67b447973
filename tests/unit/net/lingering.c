/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/lingering.h"

#include "common/base/base.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
fill(int fd)
{
	static const char bytes[65536];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
}

int
lingering_new(void)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = LINGERING_S };
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len),
	    0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_ge(accept(listener, NULL, NULL), 0);
	close(listener);
	fill(fd);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			     sizeof(linger)),
	    0);
	return fd;
}

void
lingering_send(int socket, unsigned count)
{
	size_t room = CMSG_SPACE(count * sizeof(int));
	struct cmsghdr *header = calloc(1, room);
	char byte = 'x';
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = header,
		.msg_controllen = room };
	int first = lingering_new(), i;

	ck_assert_ptr_nonnull(header);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (i = 0; i < (int)count; i++)
		memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &first,
		    sizeof(first));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
	free(header);
	close(first); /* not the last: this does not wait */
}
