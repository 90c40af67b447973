/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/control_connections.h"

#include "common/base/buf.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "worker/control/report.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define IDLE_S    60.    /* without a request, or an answer not taken */
#define LOOK_S    0.05   /* between looks of one who waits */
#define TURN_S    0.005  /* of work; a piece more at most */
#define OUT_MAX   262144 /* bytes not taken; no more is written before */
#define SCANS_MAX 4u     /* at once */

struct control_connection {
	struct control_connections *connections;
	struct list all;
	struct list paced; /* with others of its pace */
	int fd;
	enum right right;
	ev_io read_io, write_io;
	ev_timer idle;
	struct buf in, out;
	struct request request;
	struct report report;
	bool busy;              /* with the request */
	bool begun;             /* its handler was called */
	bool has_place;         /* among those that scan */
	enum control_pace pace; /* the list it is in */
	bool answering;         /* it is complete, and being written */
	bool leaves;            /* only its end is waited for */
};

/* --- what it waits for --- */

static enum control_pace
pace_of(const struct control_connection *connection)
{
	const struct request *request = &connection->request;

	if (!connection->busy)
		return PACE_NONE;
	if (connection->answering)
		return buf_len(&connection->out) > OUT_MAX ? PACE_ROOM
							   : PACE_WORK;
	if (request->awaits_act)
		return PACE_ACT;
	if (request->scans && !connection->has_place)
		return PACE_PLACE;
	return request->waits ? PACE_LOOK : PACE_WORK;
}

/* Its client is waited for, rather than the daemon. */
static bool
is_timed(enum control_pace pace)
{
	return pace == PACE_NONE || pace == PACE_WORK || pace == PACE_ROOM;
}

static void
set_pace(struct control_connection *connection, enum control_pace pace)
{
	struct control_connections *connections = connection->connections;

	if (connection->pace == pace)
		return;
	connection->pace = pace;
	list_remove(&connection->paced);
	list_append(&connections->paced[pace], &connection->paced);
	if (!is_timed(pace))
		ev_timer_stop(connections->loop, &connection->idle);
	else if (!ev_is_active(&connection->idle))
		ev_timer_again(connections->loop, &connection->idle);
}

static void
arm(struct control_connections *connections)
{
	if (list_is_empty(&connections->paced[PACE_WORK]))
		ev_idle_stop(connections->loop, &connections->work);
	else
		ev_idle_start(connections->loop, &connections->work);
	if (list_is_empty(&connections->paced[PACE_LOOK]))
		ev_timer_stop(connections->loop, &connections->look);
	else if (!ev_is_active(&connections->look))
		ev_timer_again(connections->loop, &connections->look);
}

/* A place is given back when the scan is over, before the answer is written:
 * whose client takes none keeps nobody from scanning. */
static void
assign_places(struct control_connection *connection)
{
	struct control_connections *connections = connection->connections;
	struct list *waiting = &connections->paced[PACE_PLACE];

	if (connection->has_place &&
	    !(connection->busy && connection->request.scans)) {
		connection->has_place = false;
		connections->scan_count--;
	}
	set_pace(connection, pace_of(connection));
	while (connections->scan_count < SCANS_MAX && !list_is_empty(waiting)) {
		struct control_connection *first = container_of(waiting->next,
		    struct control_connection, paced);

		first->has_place = true;
		connections->scan_count++;
		set_pace(first, pace_of(first));
	}
}

/* Whatever has changed about it. */
static void
settle(struct control_connection *connection)
{
	assign_places(connection);
	arm(connection->connections);
}

/* --- leaving --- */

static void
set_busy(struct control_connection *connection, bool busy)
{
	struct ev_loop *loop = connection->connections->loop;

	if (connection->busy == busy)
		return;
	connection->busy = busy;
	connection->begun = connection->answering = false;
	settle(connection);
	if (busy)
		ev_io_stop(loop, &connection->read_io);
	if (!busy)
		request_end(&connection->request);
}

static void
drop(struct control_connection *connection)
{
	struct control_connections *connections = connection->connections;

	set_busy(connection, false);
	ev_io_stop(connections->loop, &connection->read_io);
	ev_io_stop(connections->loop, &connection->write_io);
	ev_timer_stop(connections->loop, &connection->idle);
	list_remove(&connection->all);
	list_remove(&connection->paced);
	connections->count--;
	fd_close_with_waiting(&connection->fd);
	buf_destroy(&connection->in);
	buf_destroy(&connection->out);
	free(connection);
}

static void
on_idle_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	drop(timer->data);
}

/* --- answering --- */

static void
note_progress(struct control_connection *connection)
{
	struct control_connections *connections = connection->connections;

	list_remove(&connection->all);
	list_append(&connections->all, &connection->all);
	if (is_timed(connection->pace))
		ev_timer_again(connections->loop, &connection->idle);
}

static void
begin_report(struct control_connection *connection)
{
	const struct request *request = &connection->request;
	const struct report_table *table =
	    request->table.noun ? &request->table : NULL;

	connection->answering = true;
	if (request->rows.get)
		report_begin_rows(&connection->report, table, request->rows);
	else
		report_begin(&connection->report, table, request->answer);
}

/* A piece of it; true when that was the last. */
static bool
put_answer(struct control_connection *connection)
{
	struct request *request = &connection->request;
	struct buf *out = &connection->out;

	if ((request->answer || request->rows.get) && !request->error) {
		if (!connection->answering)
			begin_report(connection);
		if (!report_step(&connection->report, out))
			return false;
	}
	connection->answering = false;
	request_append_end(request, out);
	return true;
}

/* False when the connection is gone. */
static bool
flush(struct control_connection *connection)
{
	struct buf *out = &connection->out;
	ssize_t sent;

	while (buf_len(out) > 0) {
		sent = send(connection->fd, buf_bytes(out), buf_len(out),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN) {
			ev_io_start(connection->connections->loop,
			    &connection->write_io);
			return true;
		}
		if (sent < 0) {
			drop(connection);
			return false;
		}
		buf_consume(out, (size_t)sent);
		note_progress(connection);
	}
	ev_io_stop(connection->connections->loop, &connection->write_io);
	buf_destroy(out);
	if (connection->leaves)
		shutdown(connection->fd, SHUT_WR);
	return true;
}

/* --- asking --- */

/* The rest of what it says is read, lest the close takes the answer along. */
static void
refuse(struct control_connection *connection)
{
	char why[64];

	snprintf(why, sizeof(why), "the line is too long: at most %d bytes",
	    CONTROL_LINE_MAX);
	report_put_end(NULL, why, &connection->out);
	connection->leaves = true;
	ev_io_start(connection->connections->loop, &connection->read_io);
}

static void
begin_request(struct control_connection *connection, size_t len)
{
	struct request *request = &connection->request;
	int error;

	*request = (struct request){
		.view = connection->connections->view,
		.out = &connection->out,
		.asker = connection->fd,
	};
	error =
	    control_line_parse(buf_bytes(&connection->in), len, &request->line);
	if (error == -EMSGSIZE)
		request_fail(request,
		    "the line is too long: at most %d bytes and %d words",
		    CONTROL_LINE_MAX, CONTROL_WORDS_MAX);
	else if (error)
		request_fail(request,
		    "the line cannot be read: it holds a control character, or"
		    " a quote has no end");
	buf_consume(&connection->in, len + 1);
	set_busy(connection, true);
}

/* Goes on to the next request, one at a time; false when it is gone. */
static bool
proceed(struct control_connection *connection)
{
	const uint8_t *end;

	if (connection->busy)
		return true;
	if (!flush(connection))
		return false;
	if (buf_len(&connection->out) > 0)
		return true;
	end = buf_len(&connection->in) > 0 ? memchr(buf_bytes(&connection->in),
						 '\n', buf_len(&connection->in))
					   : NULL;
	if (end) {
		begin_request(connection,
		    (size_t)(end - buf_bytes(&connection->in)));
		return true;
	}
	if (buf_len(&connection->in) > CONTROL_LINE_MAX) {
		refuse(connection);
		return flush(connection);
	}
	ev_io_start(connection->connections->loop, &connection->read_io);
	return true;
}

/* Who only says no more still listens. */
static bool
has_left(const struct control_connection *connection)
{
	struct pollfd end = { .fd = connection->fd };

	return poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLERR));
}

/* False when something is waited for. */
static bool
begin_once(struct control_connection *connection)
{
	struct request *request = &connection->request;

	if (connection->begun)
		return true;
	connection->begun = true;
	if (!request->error)
		commands_begin(request, connection->right);
	settle(connection);
	return connection->pace == PACE_WORK;
}

static void
work(struct control_connection *connection)
{
	if (!begin_once(connection))
		return;
	if ((!connection->answering && !request_step(&connection->request)) ||
	    !put_answer(connection)) {
		if (flush(connection))
			settle(connection);
		return;
	}
	set_busy(connection, false);
	note_progress(connection);
	(void)proceed(connection);
}

/* One piece for each, as long as the turn lasts; who had one goes to the end.
 * A piece changes nothing about where others are, but that they come. */
static void
work_for(struct control_connections *connections, enum control_pace pace)
{
	struct list *paced = &connections->paced[pace];
	const struct list *last = paced->prev;
	double end_s = steady_clock_s() + TURN_S;
	bool over = list_is_empty(paced);

	while (!over) {
		struct control_connection *connection =
		    container_of(paced->next, struct control_connection, paced);

		over = &connection->paced == last;
		list_remove(&connection->paced);
		list_append(paced, &connection->paced);
		if (pace == PACE_LOOK && has_left(connection))
			drop(connection);
		else
			work(connection);
		over = over || steady_clock_s() >= end_s;
	}
}

static void
on_work(struct ev_loop *loop, ev_idle *idle, int events)
{
	(void)loop;
	(void)events;
	work_for(idle->data, PACE_WORK);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	work_for(timer->data, PACE_LOOK);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct control_connection *connection = io->data;
	uint8_t *room = buf_reserve(&connection->in, CONTROL_LINE_MAX);
	int64_t got;
	int passed;

	(void)loop;
	(void)events;
	CHECK(room); /* it is emptied, or ends, at less than its limit */
	got = fd_receive(connection->fd, room, CONTROL_LINE_MAX, &passed);
	fd_close_foreign(&passed); /* nothing is asked for in this way */
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		drop(connection);
		return;
	}
	if (connection->leaves)
		return;
	buf_wrote(&connection->in, (size_t)got);
	if (proceed(connection))
		note_progress(connection);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct control_connection *connection = io->data;

	(void)loop;
	(void)events;
	if (!connection->leaves && !connection->busy)
		(void)proceed(connection);
	else if (flush(connection))
		settle(connection);
}

void
control_connections_wake(struct control_connections *connections)
{
	list_each(at, &connections->paced[PACE_ACT])
	{
		set_pace(container_of(at, struct control_connection, paced),
		    PACE_WORK);
	}
	arm(connections);
}

/* --- coming --- */

void
control_connections_add(struct control_connections *connections, int fd,
    enum right right)
{
	struct control_connection *connection = xcalloc(1, sizeof(*connection));

	connection->connections = connections;
	connection->fd = fd;
	connection->right = right;
	buf_init(&connection->in, 0);
	buf_init(&connection->out, 0);
	ev_io_init(&connection->read_io, on_readable, fd, EV_READ);
	ev_io_init(&connection->write_io, on_writable, fd, EV_WRITE);
	ev_timer_init(&connection->idle, on_idle_timeout, IDLE_S, IDLE_S);
	connection->read_io.data = connection->write_io.data = connection;
	connection->idle.data = connection;
	list_append(&connections->all, &connection->all);
	list_append(&connections->paced[PACE_NONE], &connection->paced);
	connections->count++;
	ev_timer_again(connections->loop, &connection->idle);
	ev_io_start(connections->loop, &connection->read_io);
}

bool
control_connections_evict_idlest(struct control_connections *connections)
{
	if (list_is_empty(&connections->all))
		return false;
	drop(container_of(connections->all.next, struct control_connection,
	    all));
	return true;
}

void
control_connections_start(struct control_connections *connections)
{
	int pace;

	list_init(&connections->all);
	for (pace = PACE_NONE; pace < PACE_COUNT; pace++)
		list_init(&connections->paced[pace]);
	ev_idle_init(&connections->work, on_work);
	/* An idle watcher is passed over while any of its priority or above is
	 * pending: this one has its turn whatever else comes. */
	ev_set_priority(&connections->work, EV_MAXPRI);
	ev_timer_init(&connections->look, on_look, LOOK_S, LOOK_S);
	connections->work.data = connections->look.data = connections;
}
