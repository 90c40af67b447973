/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/control.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/access.h"
#include "worker/control/control_connections.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 256
#define ACCEPTS_A_TURN  16
#define PAUSE_S         0.5

struct control {
	int listen_fd;
	int reserve; /* a descriptor that is kept back; -1: in use */
	struct access access;
	struct control_connections connections;
	ev_io accept_io;
	ev_timer pause;
	ev_prepare turn;
};

/* --- coming --- */

/* Keeps a descriptor back again, when there is one. */
static void
keep_reserve(struct control *control)
{
	if (control->reserve < 0)
		control->reserve =
		    fcntl(control->listen_fd, F_DUPFD_CLOEXEC, 0);
}

/* accept() itself looks for a descriptor first, so that without one it cannot
 * tell. */
static bool
is_called(const struct control *control)
{
	struct pollfd waiting = { .fd = control->listen_fd, .events = POLLIN };

	return poll(&waiting, 1, 0) == 1;
}

/* A connection or -errno; spends the reserve when nothing else is left. */
static int
take_one(struct control *control)
{
	int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = accept4(control->listen_fd, NULL, NULL, flags);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE) &&
	    control->reserve >= 0) {
		fd_close(&control->reserve);
		fd = accept4(control->listen_fd, NULL, NULL, flags);
	}
	return fd < 0 ? -errno : fd;
}

static void
on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *control = io->data;
	unsigned turn;
	int fd;

	(void)events;
	for (turn = 0; turn < ACCEPTS_A_TURN && is_called(control); turn++) {
		if (control->connections.count == CONNECTIONS_MAX)
			(void)control_connections_evict_idlest(
			    &control->connections);
		fd = take_one(control);
		if ((fd == -EMFILE || fd == -ENFILE) &&
		    control_connections_evict_idlest(&control->connections))
			fd = take_one(control);
		if (fd >= 0) {
			control_connections_add(&control->connections, fd,
			    access_of(&control->access, fd));
			continue;
		}
		if (fd != -EAGAIN && fd != -ECONNABORTED) {
			log_limited(LOG_WARNING, 1,
			    "cannot take a control connection error=\"%s\"",
			    strerror(-fd));
			ev_io_stop(loop, io);
			ev_timer_again(loop, &control->pause);
		}
		return;
	}
}

static void
on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control *control = timer->data;

	(void)events;
	ev_timer_stop(loop, timer);
	ev_io_start(loop, &control->accept_io);
}

/* --- life --- */

/* Somebody may have gone. */
static void
on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
	(void)loop;
	(void)events;
	keep_reserve(turn->data);
}

struct control *
control_new(int listen_fd, const struct access *access, struct ev_loop *loop,
    const struct commands_view *view)
{
	struct control *control = xcalloc(1, sizeof(*control));
	struct control_connections *connections = &control->connections;

	control->listen_fd = listen_fd;
	control->reserve = -1;
	control->access = *access;
	connections->loop = loop;
	connections->view = view;
	control_connections_start(connections);
	keep_reserve(control);
	ev_io_init(&control->accept_io, on_acceptable, listen_fd, EV_READ);
	ev_timer_init(&control->pause, on_pause_over, 0., PAUSE_S);
	ev_prepare_init(&control->turn, on_turn);
	control->accept_io.data = control->pause.data = control;
	control->turn.data = control;
	ev_io_start(loop, &control->accept_io);
	ev_prepare_start(loop, &control->turn);
	return control;
}

void
control_wake(struct control *control)
{
	control_connections_wake(&control->connections);
}

void
control_free(struct control **control)
{
	struct control *old = *control;

	if (!old)
		return;
	*control = NULL;
	while (control_connections_evict_idlest(&old->connections))
		continue;
	ev_io_stop(old->connections.loop, &old->accept_io);
	ev_timer_stop(old->connections.loop, &old->pause);
	ev_prepare_stop(old->connections.loop, &old->turn);
	fd_close(&old->reserve);
	free(old);
}
