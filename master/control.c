/* SPDX-License-Identifier: Apache-2.0 */
#include "master/control.h"

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/net/fd.h"
#include "master/control_access.h"
#include "master/control_socket.h"
#include "master/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define VISITORS_MAX   256
#define ACCEPTS_A_TURN 16
#define QUIET_S        60. /* without a request, or an answer not taken */
#define PAUSE_S        0.5

struct visitor {
	struct control *control;
	struct list all; /* longest quiet first */
	int fd;
	enum right right;
	ev_io read_io, write_io;
	ev_timer quiet;
	struct buf in, out;
	struct request request;
	bool busy;   /* with the request */
	bool leaves; /* only its end is waited for */
};

struct control {
	struct control_socket socket;
	struct control_access access;
	const struct commands_view *view;
	struct ev_loop *loop;
	ev_io accept_io;
	ev_timer pause;
	ev_idle work;
	struct list visitors;
	unsigned visitor_count, busy_count;
};

/* --- leaving --- */

static void
set_busy(struct visitor *visitor, bool busy)
{
	struct control *control = visitor->control;

	if (visitor->busy == busy)
		return;
	visitor->busy = busy;
	control->busy_count += busy ? 1 : -1u;
	if (busy)
		ev_io_stop(control->loop, &visitor->read_io);
	else
		commands_end(&visitor->request);
	if (control->busy_count > 0)
		ev_idle_start(control->loop, &control->work);
	else
		ev_idle_stop(control->loop, &control->work);
}

static void
dismiss(struct visitor *visitor)
{
	struct control *control = visitor->control;

	set_busy(visitor, false);
	ev_io_stop(control->loop, &visitor->read_io);
	ev_io_stop(control->loop, &visitor->write_io);
	ev_timer_stop(control->loop, &visitor->quiet);
	list_remove(&visitor->all);
	control->visitor_count--;
	fd_close(&visitor->fd);
	buf_destroy(&visitor->in);
	buf_destroy(&visitor->out);
	free(visitor);
	control_socket_reserve(&control->socket);
}

static void
on_quiet(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	dismiss(timer->data);
}

/* --- answering --- */

static void
note_progress(struct visitor *visitor)
{
	struct control *control = visitor->control;

	list_remove(&visitor->all);
	list_append(&control->visitors, &visitor->all);
	ev_timer_again(control->loop, &visitor->quiet);
}

static void
put_answer(struct visitor *visitor)
{
	struct request *request = &visitor->request;
	struct buf *out = &visitor->out;

	if (request->answer && !request->error[0]) {
		if (request->line.json)
			report_as_json(request->answer, out);
		else
			report_as_text(request->answer, out);
	}
	if (request->error[0])
		buf_printf(out, "error: %s\n", request->error);
	else
		buf_append_str(out, "ok\n");
}

/* False when the visitor is gone. */
static bool
flush(struct visitor *visitor)
{
	struct buf *out = &visitor->out;
	ssize_t sent;

	while (buf_len(out) > 0) {
		sent = send(visitor->fd, buf_bytes(out), buf_len(out),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN) {
			ev_io_start(visitor->control->loop, &visitor->write_io);
			return true;
		}
		if (sent < 0) {
			dismiss(visitor);
			return false;
		}
		buf_consume(out, (size_t)sent);
		note_progress(visitor);
	}
	ev_io_stop(visitor->control->loop, &visitor->write_io);
	buf_destroy(out);
	if (visitor->leaves)
		shutdown(visitor->fd, SHUT_WR);
	return true;
}

/* --- asking --- */

/* The rest of what it says is read, lest the close takes the answer along. */
static void
refuse(struct visitor *visitor)
{
	buf_append_str(&visitor->out, "error: the line is too long\n");
	visitor->leaves = true;
	ev_io_start(visitor->control->loop, &visitor->read_io);
}

static void
begin_request(struct visitor *visitor, size_t len)
{
	struct request *request = &visitor->request;
	int error;

	*request = (struct request){ .view = visitor->control->view };
	error =
	    control_line_parse(buf_bytes(&visitor->in), len, &request->line);
	if (error)
		request_fail(request, "the line cannot be read");
	else
		commands_begin(request, visitor->right);
	buf_consume(&visitor->in, len + 1);
	set_busy(visitor, true);
}

/* Goes on to the next request, one at a time; false when it is gone. */
static bool
proceed(struct visitor *visitor)
{
	const uint8_t *end;

	if (visitor->busy)
		return true;
	if (!flush(visitor))
		return false;
	if (buf_len(&visitor->out) > 0)
		return true;
	end = buf_len(&visitor->in) > 0
		  ? memchr(buf_bytes(&visitor->in), '\n', buf_len(&visitor->in))
		  : NULL;
	if (end) {
		begin_request(visitor, (size_t)(end - buf_bytes(&visitor->in)));
		return true;
	}
	if (buf_len(&visitor->in) > CONTROL_LINE_MAX) {
		refuse(visitor);
		return flush(visitor);
	}
	ev_io_start(visitor->control->loop, &visitor->read_io);
	return true;
}

/* One piece of each request that is under way. */
static void
on_work(struct ev_loop *loop, ev_idle *idle, int events)
{
	struct control *control = idle->data;
	struct list *at = control->visitors.next, *next;
	unsigned left = control->visitor_count;

	(void)loop;
	(void)events;
	/* Who makes progress goes to the end: each has its turn once. */
	for (; left > 0 && at != &control->visitors; left--, at = next) {
		struct visitor *visitor = container_of(at, struct visitor, all);

		next = at->next;
		if (!visitor->busy || !commands_step(&visitor->request))
			continue;
		put_answer(visitor);
		set_busy(visitor, false);
		(void)proceed(visitor);
	}
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct visitor *visitor = io->data;
	uint8_t *room = buf_reserve(&visitor->in, CONTROL_LINE_MAX);
	ssize_t got;

	(void)loop;
	(void)events;
	CHECK(room); /* it is emptied, or ends, at less than its limit */
	got = recv(visitor->fd, room, CONTROL_LINE_MAX, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		dismiss(visitor);
		return;
	}
	if (visitor->leaves)
		return;
	buf_wrote(&visitor->in, (size_t)got);
	if (proceed(visitor))
		note_progress(visitor);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct visitor *visitor = io->data;

	(void)loop;
	(void)events;
	if (visitor->leaves)
		(void)flush(visitor);
	else
		(void)proceed(visitor);
}

/* --- coming --- */

static void
welcome(struct control *control, int fd)
{
	struct visitor *visitor = xcalloc(1, sizeof(*visitor));

	visitor->control = control;
	visitor->fd = fd;
	visitor->right = control_access_of(&control->access, fd);
	buf_init(&visitor->in, 0);
	buf_init(&visitor->out, 0);
	ev_io_init(&visitor->read_io, on_readable, fd, EV_READ);
	ev_io_init(&visitor->write_io, on_writable, fd, EV_WRITE);
	ev_timer_init(&visitor->quiet, on_quiet, QUIET_S, QUIET_S);
	visitor->read_io.data = visitor->write_io.data = visitor;
	visitor->quiet.data = visitor;
	list_append(&control->visitors, &visitor->all);
	control->visitor_count++;
	ev_timer_again(control->loop, &visitor->quiet);
	ev_io_start(control->loop, &visitor->read_io);
}

static bool
dismiss_quietest(struct control *control)
{
	if (list_is_empty(&control->visitors))
		return false;
	dismiss(container_of(control->visitors.next, struct visitor, all));
	return true;
}

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
		if (control->visitor_count == VISITORS_MAX)
			(void)dismiss_quietest(control);
		fd = control_socket_accept(&control->socket);
		if ((fd == -EMFILE || fd == -ENFILE) &&
		    dismiss_quietest(control))
			fd = control_socket_accept(&control->socket);
		if (fd >= 0) {
			welcome(control, fd);
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
	list_init(&control->visitors);
	*control_out = control;
	return 0;
}

void
control_start(struct control *control, struct ev_loop *loop,
    const struct commands_view *view)
{
	control->loop = loop;
	control->view = view;
	ev_io_init(&control->accept_io, on_acceptable, control->socket.fd,
	    EV_READ);
	ev_timer_init(&control->pause, on_pause_over, 0., PAUSE_S);
	ev_idle_init(&control->work, on_work);
	control->accept_io.data = control->pause.data = control->work.data =
	    control;
	ev_io_start(loop, &control->accept_io);
}

void
control_close(struct control **control)
{
	struct control *old = *control;

	if (!old)
		return;
	*control = NULL;
	while (dismiss_quietest(old))
		continue;
	if (old->loop) {
		ev_io_stop(old->loop, &old->accept_io);
		ev_timer_stop(old->loop, &old->pause);
	}
	control_socket_close(&old->socket);
	free(old);
}
