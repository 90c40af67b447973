/* SPDX-License-Identifier: Apache-2.0 */
#include "master/daemon.h"

#include "common/base/log.h"
#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UMASK 027
#define TRIES 10

/* --- in the background --- */

static int report_fd = -1;

/* The calling process: what the daemon reports, or that it ended without. */
NORETURN static void
wait_for_report(int fd)
{
	unsigned char code;
	ssize_t got;

	do
		got = read(fd, &code, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1)
		_exit(code);
	fputs("cmanagerd: ended before it was ready\n", stderr);
	_exit(1);
}

int
daemon_enter(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int error = -errno;

		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return error;
	}
	if (pid > 0) {
		fd_close(&ends[1]);
		wait_for_report(ends[0]);
	}
	fd_close(&ends[0]);
	setsid();
	pid = fork(); /* no leader of a session gets a terminal by accident */
	if (pid != 0)
		_exit(pid < 0 ? 1 : 0);
	umask(UMASK);
	report_fd = ends[1];
	return chdir("/") == 0 ? 0 : -errno;
}

void
daemon_release(int code)
{
	unsigned char byte = (unsigned char)code;

	if (report_fd < 0)
		return;
	fd_leave_standard();
	if (write(report_fd, &byte, 1) < 0)
		byte = 0; /* it is gone, and so is the need */
	fd_close(&report_fd);
}

/* --- the only one with its pid file --- */

static int
lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_SETLK, &lock) == 0 ? 0 : -errno;
}

/* Whose end removed the file while we waited for it has another one. */
static bool
is_still_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* A locked descriptor, or -errno. */
static int
acquire(const char *path)
{
	int tries, error, fd;

	for (tries = 0; tries < TRIES; tries++) {
		fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return -errno;
		error = lock(fd);
		if (!error && is_still_at(fd, path))
			return fd;
		fd_close(&fd);
		if (error)
			return error == -EAGAIN || error == -EACCES ? -EBUSY
								    : error;
	}
	return -EBUSY;
}

static int
write_pid(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (fchmod(fd, 0644) != 0 || ftruncate(fd, 0) != 0)
		return -errno;
	if (write(fd, text, (size_t)len) != len)
		return -EIO;
	return 0;
}

int
daemon_open_pid_file(struct pid_file *file, const char *path)
{
	int error = 0;

	*file = (struct pid_file){ .fd = -1 };
	if (!path)
		return 0;
	file->path = xstrdup(path);
	file->fd = acquire(path);
	if (file->fd < 0)
		error = file->fd;
	else
		error = write_pid(file->fd);
	if (error == -EBUSY)
		log_at(LOG_ERROR, "another instance has this pid file file=%s",
		    path);
	else if (error)
		log_at(LOG_ERROR,
		    "cannot write the pid file file=%s"
		    " error=\"%s\"",
		    path, strerror(-error));
	if (error)
		daemon_close_pid_file(file);
	return error;
}

void
daemon_close_pid_file(struct pid_file *file)
{
	if (file->fd >= 0 && is_still_at(file->fd, file->path))
		(void)unlink(file->path);
	fd_close(&file->fd);
	free(file->path);
	file->path = NULL;
}

/* --- the only one of its name --- */

size_t
daemon_name(const char *manager, const char *domain,
    char name_out[DAEMON_NAME_MAX])
{
	int len;

	memset(name_out, 0, DAEMON_NAME_MAX);
	len = snprintf(name_out + 1, DAEMON_NAME_MAX - 1, "cmanagerd/%s/%s",
	    manager, domain);
	/* Of a very long domain the beginning will do. */
	return 1 + MIN((size_t)MAX(len, 0), (size_t)DAEMON_NAME_MAX - 2);
}

static int
bind_name(int fd, const char *manager, const char *domain)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len;

	_Static_assert(sizeof(address.sun_path) == DAEMON_NAME_MAX,
	    "the name is all of the address");
	len = daemon_name(manager, domain, address.sun_path);
	len += offsetof(struct sockaddr_un, sun_path);
	return bind(fd, (struct sockaddr *)&address, (socklen_t)len) == 0
		   ? 0
		   : -errno;
}

int
daemon_open_name(const char *manager, const char *domain)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = bind_name(fd, manager, domain);
	if (!error)
		return fd;
	close(fd);
	if (error == -EADDRINUSE)
		log_at(LOG_WARNING,
		    "another connection manager of this name runs on this "
		    "machine name=%s hint=\"the server takes the two for one "
		    "and sends each a part of the other's stanzas; give each "
		    "an xmpp.manager.name of its own\"",
		    manager);
	return error;
}
