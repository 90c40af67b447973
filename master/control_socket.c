/* SPDX-License-Identifier: Apache-2.0 */
#include "master/control_socket.h"

#include "common/base/log.h"
#include "common/base/unix_address.h"
#include "common/net/fd.h"
#include "common/process/config.h"

#include <errno.h>
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
hand_over(const struct control_socket *control, const struct access *access)
{
	const char *path = control->address.sun_path;
	mode_t mode = access->look == NO_GROUP ? 0660 : 0666;

	if (geteuid() == 0 && access->act != NO_GROUP &&
	    chown(path, 0, access->act) != 0)
		return -errno;
	return chmod(path, mode) == 0 ? 0 : -errno;
}

static int
listen_on(struct control_socket *control, const struct access *access)
{
	int error = remove_stale(&control->address);
	mode_t mask;

	if (error)
		return error;
	control->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	(void)fd_refuse_descriptors(control->fd); /* control closes them, too */
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
    const struct config *config, const struct access *access)
{
	const char *path;
	int error;

	*socket_out = (struct control_socket){ .fd = -1 };
	if (!find_path(config, &path))
		return 0;
	error = unix_address(path, &socket_out->address);
	if (!error)
		error = listen_on(socket_out, access);
	if (!error)
		return 0;
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
}

/* Of the listening socket itself the kernel says that its peer is whoever made
 * it: root. */
static bool
is_listening(int fd)
{
	int listens = 1;
	socklen_t len = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
	       listens;
}

bool
control_socket_has_accepted(const struct control_socket *control, int fd)
{
	struct sockaddr_un name = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(name);

	return !is_listening(fd) &&
	       getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
	       name.sun_family == AF_UNIX &&
	       strncmp(name.sun_path, control->address.sun_path,
		   sizeof(name.sun_path)) == 0 &&
	       name.sun_path[0] != '\0';
}
