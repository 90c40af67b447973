/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_talk - the master's end of a child's channel.
 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/act.h"

#include <errno.h>

/* One that talks without end must not keep the master from the others. */
#define MESSAGES_A_TURN 64u
#define MESSAGES_LAST   4096u

/* An operator's, by way of control, which is trusted with nothing. */
static bool
take_act(struct child *child, const struct channel_message *message)
{
	const struct children_setup *setup = &child->all->setup;
	struct channel_message answer = { .type = CHANNEL_ACT_DONE };
	struct act act;

	if (child->role != CHILD_CONTROL || !setup->on_act ||
	    !act_of_message(message, &act))
		return false;
	setup->on_act(setup->context, &act);
	answer.ticket = act.ticket;
	answer.number = (uint32_t)-act.error;
	answer.fd = act.fd;
	child_send(child, &answer);
	fd_close(&act.fd);
	return true;
}

static void
take_message(struct child *child, struct channel_message *message)
{
	struct children *children = child->all;
	bool acted = take_act(child, message);

	fd_close(&message->fd); /* none that the master keeps */
	if (acted)
		return;
	if (message->type == CHANNEL_READY)
		children_on_ready(child);
	else if (message->type == CHANNEL_STOPPED)
		log_at(LOG_DEBUG, "all clients closed process=%s",
		    child_name(child));
	else if (message->type == CHANNEL_LOG_LOST)
		children->log_lost = true;
	else if (child->role == CHILD_UPSTREAM &&
		 message->type == CHANNEL_PARTITION_FREE)
		children_on_partition_free(children, message->partition);
	else if (child->role == CHILD_UPSTREAM &&
		 message->type == CHANNEL_WORKER_HUNG)
		children_on_hung(children, message->partition,
		    message->incarnation);
	else if (message->type != CHANNEL_LINK_SOCKET)
		log_limited(LOG_WARNING, 1,
		    "unexpected message process=%s type=%d", child_name(child),
		    (int)message->type);
}

/* Takes what is there, within bounds; 1: there may be more. */
static int
receive(struct child *child, unsigned message_count)
{
	struct channel_message message;
	int got = 1;

	while (message_count-- > 0 && got == 1) {
		got = channel_receive(child->channel, &message);
		if (got == 1)
			take_message(child, &message);
	}
	return got;
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct child *child = io->data;
	int got = receive(child, MESSAGES_A_TURN);

	(void)events;
	if (got >= 0)
		return;
	ev_io_stop(loop, io);
	if (got == -EPIPE)
		children_on_channel_end(child);
	else
		children_on_bad_channel(child);
}

void
child_receive(struct child *child)
{
	if (child->channel)
		(void)receive(child, MESSAGES_LAST);
}

static void
watch_writing(struct child *child)
{
	if (channel_wants_write(child->channel))
		ev_io_start(child->all->setup.loop, &child->write_io);
	else
		ev_io_stop(child->all->setup.loop, &child->write_io);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct child *child = io->data;

	(void)events;
	if (channel_flush(child->channel) != 0)
		ev_io_stop(loop, io);
	else
		watch_writing(child);
}

void
child_listen(struct child *child, int fd)
{
	child->channel = channel_new(fd);
	ev_io_init(&child->read_io, on_readable, fd, EV_READ);
	ev_io_init(&child->write_io, on_writable, fd, EV_WRITE);
	child->read_io.data = child->write_io.data = child;
	ev_io_start(child->all->setup.loop, &child->read_io);
}

void
child_hang_up(struct child *child)
{
	if (!child->channel)
		return;
	ev_io_stop(child->all->setup.loop, &child->read_io);
	ev_io_stop(child->all->setup.loop, &child->write_io);
	channel_free(&child->channel);
}

void
child_send(struct child *child, const struct channel_message *message)
{
	int error;

	if (!child->channel)
		return;
	error = channel_send(child->channel, message);
	if (error == 0)
		watch_writing(child);
	else if (error != -EPIPE)
		children_on_bad_channel(child);
}

void
child_send_listener(struct child *child, const struct listener *listener)
{
	struct channel_message message = {
		.type = CHANNEL_LISTENER,
		.number = listener->id << 1 | listener->direct_tls,
		.fd = listener->fd,
	};

	child_send(child, &message);
}

void
child_drop_listener(struct child *child, const struct listener *listener)
{
	struct channel_message message = {
		.type = CHANNEL_LISTENER_DROP,
		.number = listener->id,
		.fd = -1,
	};

	child_send(child, &message);
}
