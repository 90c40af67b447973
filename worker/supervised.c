/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/supervised.h"

#include "common/base/log.h"

#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/snapshot.h"
#include "worker/spare.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define FLUSH_MS 1000

static void
end(struct supervised *supervised)
{
	ev_io_stop(supervised->loop, &supervised->read_io);
	ev_io_stop(supervised->loop, &supervised->write_io);
	supervised->on_stop(supervised->context);
}

/* The one before is let go once nobody looks at it any more. */
static void
take_snapshot(struct supervised *supervised, int fd)
{
	struct config *next;
	int error = snapshot_open(fd, &next);

	fd_close(&fd);
	if (error) {
		log_at(LOG_ERROR, "received no configuration error=\"%s\"",
		    strerror(-error));
		return;
	}
	/* What it opens now is not to cost what comes next its place. */
	(void)!spare_hold();
	supervised->on_config(supervised->context, next);
	config_free(&supervised->taken);
	supervised->taken = next;
}

/* What concerns every child alike. */
static bool
take_common(struct supervised *supervised,
    const struct channel_message *message)
{
	if (message->type == CHANNEL_STOP)
		supervised->on_stop(supervised->context);
	else if (message->type == CHANNEL_SNAPSHOT && message->fd >= 0)
		take_snapshot(supervised, message->fd);
	else if (message->type == CHANNEL_LOG_LEVEL &&
		 message->number <= LOG_DEBUG)
		log_set_level((enum log_level)message->number);
	else if (message->type == CHANNEL_LOG && message->fd >= 0 &&
		 message->number <= LOG_FORM_JOURNAL)
		log_sink_set(message->fd, (enum log_form)message->number);
	else
		return false;
	return true;
}

/* 1 and a message, or as channel_receive(). Without its descriptor only what
 * serves one operator is of any use. */
static int
receive(struct supervised *supervised, struct channel_message *message_out)
{
	int got = channel_receive(supervised->channel, message_out);

	if (got == 1 && message_out->is_fd_lost &&
	    message_out->type != CHANNEL_TRACE &&
	    message_out->type != CHANNEL_ACT_DONE)
		return -EMFILE;
	return got;
}

static void
log_end(int error)
{
	if (error == -EPIPE)
		log_at(LOG_WARNING, "the master is gone; stopping");
	else
		log_at(LOG_ERROR,
		    "cannot receive from the master; stopping error=\"%s\"",
		    strerror(-error));
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct supervised *supervised = io->data;
	struct channel_message message;
	int got;

	(void)loop;
	(void)events;
	for (;;) {
		spare_release();
		got = receive(supervised, &message);
		if (got != 1)
			break;
		if (!take_common(supervised, &message))
			supervised->on_message(supervised->context, &message);
	}
	/* If they cannot be had back now, who takes another tries again. */
	(void)!spare_hold();
	if (got == 0)
		return;
	log_end(got);
	end(supervised);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct supervised *supervised = io->data;

	(void)events;
	/* A master that is gone shows as end-of-file on the reading side. */
	if (channel_flush(supervised->channel) != 0 ||
	    !channel_wants_write(supervised->channel))
		ev_io_stop(loop, io);
}

void
supervised_start(struct supervised *supervised, struct ev_loop *loop,
    int channel_fd)
{
	supervised->loop = loop;
	supervised->channel = channel_new(channel_fd);
	ev_io_init(&supervised->read_io, on_readable, channel_fd, EV_READ);
	supervised->read_io.data = supervised;
	ev_io_start(loop, &supervised->read_io);
	ev_io_init(&supervised->write_io, on_writable, channel_fd, EV_WRITE);
	supervised->write_io.data = supervised;
	spare_init(channel_fd);
	(void)!spare_hold();
}

int
supervised_try_send(struct supervised *supervised,
    const struct channel_message *message)
{
	int error = channel_send(supervised->channel, message);

	if (!error && channel_wants_write(supervised->channel))
		ev_io_start(supervised->loop, &supervised->write_io);
	return error;
}

void
supervised_send(struct supervised *supervised,
    const struct channel_message *message)
{
	(void)!supervised_try_send(supervised, message);
}

void
supervised_flush(struct supervised *supervised)
{
	struct pollfd poll_fd = { .fd = channel_fd(supervised->channel),
		.events = POLLOUT };

	while (channel_wants_write(supervised->channel)) {
		if (poll(&poll_fd, 1, FLUSH_MS) <= 0 ||
		    channel_flush(supervised->channel) != 0)
			return;
	}
}
