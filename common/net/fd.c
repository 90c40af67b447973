/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void
fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	return 0;
}

/* As many as the kernel passes at once (SCM_MAX_FD): those for which there is
 * no room it would close itself, and wait. */
#define PASSED_MAX 253

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* What is read at most of a socket that is being closed. */
#define WAITING_READS_MAX 65536u

union control_room {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(PASSED_MAX * sizeof(int))];
};

void
fd_close_foreign(int *fd)
{
	const struct linger none = { .l_onoff = 0 };

	/* Whatever is no socket does not linger either. */
	(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	fd_close(fd);
}

int64_t
fd_send(int socket, const void *bytes, size_t len, int fd)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes,
		.iov_len = len };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	union control_room room;
	struct cmsghdr *header;
	ssize_t sent;

	if (fd >= 0) {
		memset(&room, 0, CMSG_SPACE(sizeof(fd)));
		message.msg_control = &room;
		message.msg_controllen = CMSG_SPACE(sizeof(fd));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

/* The only descriptor that came, or -1; more than one are all closed. The
 * kernel marks a message of whose descriptors it could not open all. */
static int
take_fd(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t count, i;
	int fd = -1;

	if (!header || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return message->msg_flags & MSG_CTRUNC ? FD_LOST : -1;
	count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
	for (i = 0; i < count; i++) {
		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (count > 1)
			fd_close_foreign(&fd);
	}
	return fd;
}

int64_t
fd_receive(int socket, void *bytes, size_t cap, int *fd_out)
{
	struct iovec vector = { .iov_base = bytes, .iov_len = cap };
	union control_room room;
	struct msghdr message = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room) };
	ssize_t got;

	*fd_out = -1;
	do {
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	*fd_out = take_fd(&message);
	return got;
}

void
fd_close_with_waiting(int *socket)
{
	uint8_t bytes[4096];
	int64_t got = 1;
	unsigned reads;
	int fd;

	(void)shutdown(*socket, SHUT_RD);
	for (reads = 0; got > 0 && reads < WAITING_READS_MAX; reads++) {
		got = fd_receive(*socket, bytes, sizeof(bytes), &fd);
		fd_close_foreign(&fd);
	}
	fd_close(socket);
}

bool
fd_refuse_descriptors(int socket)
{
	const int passed = 0;

	return setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &passed,
		   sizeof(passed)) == 0;
}

void
fd_leave_standard(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	for (fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	fd_close(&null);
}

uint64_t
fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 &&
	    getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	return limit.rlim_cur;
}
