/* SPDX-License-Identifier: Apache-2.0 */
#include "master/control_socket.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 512

/* Nobody listens on what a killed master left there. */
static int
remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = 0;
	struct stat status;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &status) != 0)
		error = errno == ENOENT ? 0 : -errno;
	else if (!S_ISSOCK(status.st_mode))
		error = -ENOTSOCK;
	else if (connect(fd, (const struct sockaddr *)address,
		     sizeof(*address)) == 0)
		error = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(address->sun_path) != 0)
		error = -errno;
	close(fd);
	return error;
}

/* Whoever may connect is looked at again; the file only keeps others off. */
static int
hand_over(const struct control_socket *control,
    const struct control_access *access)
{
	const char *path = control->address.sun_path;
	mode_t mode = access->look == NO_GROUP ? 0660 : 0666;

	if (geteuid() == 0 && access->act != NO_GROUP &&
	    chown(path, 0, access->act) != 0)
		return -errno;
	return chmod(path, mode) == 0 ? 0 : -errno;
}

static int
listen_on(struct control_socket *control, const struct control_access *access)
{
	int error = remove_stale(&control->address);
	mode_t mask;

	if (error)
		return error;
	control->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	mask = umask(0177);
	if (bind(control->fd, (const struct sockaddr *)&control->address,
		sizeof(control->address)) != 0)
		error = -errno;
	umask(mask);
	if (error)
		return error;
	error = hand_over(control, access);
	if (!error && listen(control->fd, BACKLOG) != 0)
		error = -errno;
	if (error)
		unlink(control->address.sun_path);
	return error;
}

/* Where it is to lie; false: nowhere. */
static bool
find_path(const struct config *config, const char **path_out)
{
	const char *path = config->control_socket;

	*path_out = path ? path : CONTROL_FOLDER "/control";
	if (path)
		return strcmp(path, "none") != 0;
	return access(CONTROL_FOLDER, W_OK) == 0;
}

int
control_socket_open(struct control_socket *socket_out,
    const struct config *config, const struct control_access *access)
{
	struct sockaddr_un *address = &socket_out->address;
	const char *path;
	int error = -ENAMETOOLONG;

	*socket_out = (struct control_socket){ .fd = -1, .reserve = -1 };
	if (!find_path(config, &path))
		return 0;
	address->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(address->sun_path)) {
		memcpy(address->sun_path, path, strlen(path) + 1);
		error = listen_on(socket_out, access);
	}
	if (!error) {
		control_socket_reserve(socket_out);
		return 0;
	}
	fd_close(&socket_out->fd);
	/* Nobody asked for the usual one: a second manager does without. */
	log_at(config->control_socket ? LOG_ERROR : LOG_WARNING,
	    "cannot make the control socket path=%s error=\"%s\"", path,
	    strerror(-error));
	return config->control_socket ? error : 0;
}

void
control_socket_close(struct control_socket *socket)
{
	if (socket->fd >= 0)
		unlink(socket->address.sun_path);
	fd_close(&socket->fd);
	fd_close(&socket->reserve);
}

void
control_socket_reserve(struct control_socket *socket)
{
	if (socket->reserve < 0)
		socket->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool
control_socket_is_called(const struct control_socket *socket)
{
	struct pollfd waiting = { .fd = socket->fd, .events = POLLIN };

	return poll(&waiting, 1, 0) == 1;
}

int
control_socket_accept(struct control_socket *socket)
{
	int fd = accept4(socket->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE) &&
	    socket->reserve >= 0) {
		fd_close(&socket->reserve);
		fd = accept4(socket->fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	return fd < 0 ? -errno : fd;
}
