/* SPDX-License-Identifier: Apache-2.0 */
#include "master/pidfile.h"

#include "common/base/log.h"
#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 10

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
pidfile_open(struct pidfile *file, const char *path)
{
	int error = 0;

	*file = (struct pidfile){ .fd = -1 };
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
		pidfile_close(file);
	return error;
}

void
pidfile_close(struct pidfile *file)
{
	if (file->fd >= 0 && is_still_at(file->fd, file->path))
		(void)unlink(file->path);
	fd_close(&file->fd);
	free(file->path);
	file->path = NULL;
}
