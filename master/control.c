/* SPDX-License-Identifier: Apache-2.0 */
#include "master/control.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "master/control_access.h"
#include "master/control_socket.h"
#include "master/visitors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define VISITORS_MAX   256
#define ACCEPTS_A_TURN 16
#define PAUSE_S        0.5

struct control {
	struct control_socket socket;
	struct control_access access;
	struct visitors visitors;
	ev_io accept_io;
	ev_timer pause;
};

/* --- coming --- */

static void
on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *control = io->data;
	unsigned turn;
	int fd;

	(void)events;
	for (turn = 0; turn < ACCEPTS_A_TURN &&
		       control_socket_is_called(&control->socket);
	     turn++) {
		if (control->visitors.count == VISITORS_MAX)
			(void)visitors_dismiss_quietest(&control->visitors);
		fd = control_socket_accept(&control->socket);
		if ((fd == -EMFILE || fd == -ENFILE) &&
		    visitors_dismiss_quietest(&control->visitors))
			fd = control_socket_accept(&control->socket);
		if (fd >= 0) {
			visitors_add(&control->visitors, fd,
			    control_access_of(&control->access, fd));
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

static void
on_gone(void *context)
{
	struct control *control = context;

	control_socket_reserve(&control->socket);
}

int
control_open(const struct config *config, struct control **control_out)
{
	struct control *control = xcalloc(1, sizeof(*control));
	int error = control_access_find(config, &control->access);

	*control_out = NULL;
	if (!error)
		error = control_socket_open(&control->socket, config,
		    &control->access);
	if (error || control->socket.fd < 0) {
		free(control);
		return error;
	}
	*control_out = control;
	return 0;
}

void
control_start(struct control *control, struct ev_loop *loop,
    const struct commands_view *view)
{
	struct visitors *visitors = &control->visitors;

	visitors->loop = loop;
	visitors->view = view;
	visitors->on_gone = on_gone;
	visitors->context = control;
	visitors_start(visitors);
	ev_io_init(&control->accept_io, on_acceptable, control->socket.fd,
	    EV_READ);
	ev_timer_init(&control->pause, on_pause_over, 0., PAUSE_S);
	control->accept_io.data = control->pause.data = control;
	ev_io_start(loop, &control->accept_io);
}

void
control_close(struct control **control)
{
	struct control *old = *control;

	if (!old)
		return;
	*control = NULL;
	if (old->visitors.loop) {
		while (visitors_dismiss_quietest(&old->visitors))
			continue;
		ev_io_stop(old->visitors.loop, &old->accept_io);
		ev_timer_stop(old->visitors.loop, &old->pause);
	}
	control_socket_close(&old->socket);
	free(old);
}
