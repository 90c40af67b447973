/* SPDX-License-Identifier: Apache-2.0 */
#include "master/visitors.h"

#include "common/base/buf.h"
#include "common/net/fd.h"
#include "master/report.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUIET_S 60.  /* without a request, or an answer not taken */
#define LOOK_S  0.05 /* between looks of one who waits */

struct visitor {
	struct visitors *visitors;
	struct list all;
	int fd;
	enum right right;
	ev_io read_io, write_io;
	ev_timer quiet;
	struct buf in, out;
	struct request request;
	struct report report;
	bool busy;      /* with the request */
	bool answering; /* it is complete, and being written */
	bool leaves;    /* only its end is waited for */
};

/* --- leaving --- */

/* Who waits for nothing is worked for whenever there is time. */
static void
count_requests(struct visitor *visitor, unsigned by)
{
	struct visitors *visitors = visitor->visitors;

	if (visitor->request.waits)
		visitors->waiting_count += by;
	else
		visitors->busy_count += by;
	if (visitors->busy_count > 0)
		ev_idle_start(visitors->loop, &visitors->work);
	else
		ev_idle_stop(visitors->loop, &visitors->work);
	if (visitors->waiting_count == 0)
		ev_timer_stop(visitors->loop, &visitors->look);
	else if (!ev_is_active(&visitors->look))
		ev_timer_again(visitors->loop, &visitors->look);
}

static void
set_busy(struct visitor *visitor, bool busy)
{
	struct ev_loop *loop = visitor->visitors->loop;

	if (visitor->busy == busy)
		return;
	visitor->busy = busy;
	count_requests(visitor, busy ? 1 : -1u);
	if (busy)
		ev_io_stop(loop, &visitor->read_io);
	if (busy && visitor->request.waits)
		ev_timer_stop(loop, &visitor->quiet);
	if (!busy)
		commands_end(&visitor->request);
}

static void
dismiss(struct visitor *visitor)
{
	struct visitors *visitors = visitor->visitors;

	set_busy(visitor, false);
	ev_io_stop(visitors->loop, &visitor->read_io);
	ev_io_stop(visitors->loop, &visitor->write_io);
	ev_timer_stop(visitors->loop, &visitor->quiet);
	list_remove(&visitor->all);
	visitors->count--;
	fd_close(&visitor->fd);
	buf_destroy(&visitor->in);
	buf_destroy(&visitor->out);
	free(visitor);
	visitors->on_gone(visitors->context);
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
	struct visitors *visitors = visitor->visitors;

	list_remove(&visitor->all);
	list_append(&visitors->all, &visitor->all);
	if (!visitor->busy || !visitor->request.waits)
		ev_timer_again(visitors->loop, &visitor->quiet);
}

/* A piece of it; true when that was the last. */
static bool
put_answer(struct visitor *visitor)
{
	struct request *request = &visitor->request;
	struct buf *out = &visitor->out;

	if (request->answer && !request->error[0]) {
		if (!visitor->answering)
			report_begin(&visitor->report, request->answer,
			    request->line.json);
		visitor->answering = true;
		if (!report_step(&visitor->report, out))
			return false;
	}
	visitor->answering = false;
	if (request->error[0])
		buf_printf(out, "error: %s\n", request->error);
	else
		buf_append_str(out, "ok\n");
	return true;
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
			ev_io_start(visitor->visitors->loop,
			    &visitor->write_io);
			return true;
		}
		if (sent < 0) {
			dismiss(visitor);
			return false;
		}
		buf_consume(out, (size_t)sent);
		note_progress(visitor);
	}
	ev_io_stop(visitor->visitors->loop, &visitor->write_io);
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
	ev_io_start(visitor->visitors->loop, &visitor->read_io);
}

static void
begin_request(struct visitor *visitor, size_t len)
{
	struct request *request = &visitor->request;
	int error;

	*request = (struct request){
		.view = visitor->visitors->view,
		.out = &visitor->out,
		.fd = -1,
	};
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
	ev_io_start(visitor->visitors->loop, &visitor->read_io);
	return true;
}

/* Who only says no more still listens. */
static bool
has_left(const struct visitor *visitor)
{
	struct pollfd end = { .fd = visitor->fd };

	return poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLERR));
}

static void
work(struct visitor *visitor)
{
	if (!visitor->answering && !commands_step(&visitor->request)) {
		(void)flush(visitor); /* what is said meanwhile */
		return;
	}
	if (!put_answer(visitor))
		return;
	set_busy(visitor, false);
	note_progress(visitor);
	(void)proceed(visitor);
}

/* One piece for each. Who makes progress goes to the end: each has its turn
 * once. */
static void
work_for(struct visitors *visitors, bool waiting)
{
	struct list *at = visitors->all.next, *next;
	unsigned left = visitors->count;

	for (; left > 0 && at != &visitors->all; left--, at = next) {
		struct visitor *visitor = container_of(at, struct visitor, all);

		next = at->next;
		if (!visitor->busy || visitor->request.waits != waiting)
			continue;
		if (waiting && has_left(visitor))
			dismiss(visitor);
		else
			work(visitor);
	}
}

static void
on_work(struct ev_loop *loop, ev_idle *idle, int events)
{
	(void)loop;
	(void)events;
	work_for(idle->data, false);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	work_for(timer->data, true);
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
	if (visitor->leaves || visitor->busy)
		(void)flush(visitor);
	else
		(void)proceed(visitor);
}

/* --- coming --- */

void
visitors_add(struct visitors *visitors, int fd, enum right right)
{
	struct visitor *visitor = xcalloc(1, sizeof(*visitor));

	visitor->visitors = visitors;
	visitor->fd = fd;
	visitor->right = right;
	buf_init(&visitor->in, 0);
	buf_init(&visitor->out, 0);
	ev_io_init(&visitor->read_io, on_readable, fd, EV_READ);
	ev_io_init(&visitor->write_io, on_writable, fd, EV_WRITE);
	ev_timer_init(&visitor->quiet, on_quiet, QUIET_S, QUIET_S);
	visitor->read_io.data = visitor->write_io.data = visitor;
	visitor->quiet.data = visitor;
	list_append(&visitors->all, &visitor->all);
	visitors->count++;
	ev_timer_again(visitors->loop, &visitor->quiet);
	ev_io_start(visitors->loop, &visitor->read_io);
}

bool
visitors_dismiss_quietest(struct visitors *visitors)
{
	if (list_is_empty(&visitors->all))
		return false;
	dismiss(container_of(visitors->all.next, struct visitor, all));
	return true;
}

void
visitors_start(struct visitors *visitors)
{
	list_init(&visitors->all);
	ev_idle_init(&visitors->work, on_work);
	ev_timer_init(&visitors->look, on_look, LOOK_S, LOOK_S);
	visitors->work.data = visitors->look.data = visitors;
}
