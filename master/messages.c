/* SPDX-License-Identifier: Apache-2.0 */
#include "master/messages.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "master/child.h"
#include "master/worker_pool.h"

#include <errno.h>
#include <string.h>

/* One that talks without end must not keep the master from the others. */
#define MESSAGES_A_TURN 64u
#define MESSAGES_LAST   4096u

/* --- what they send --- */

static void
on_ready(struct child *child)
{
	struct children *children = child->all;
	double now = steady_clock_s();

	if (!child_policy_ready(&child->policy, now))
		return;
	child_watch_begin(child, now);
	log_at(LOG_INFO, "ready process=%s pid=%d", child_name(child),
	    (int)child->pid);
	if (child->role == CHILD_CLIENT) {
		partition_set_ready(children->partitions, child->partition);
		worker_pool_notify_upstream(children, CHANNEL_WORKER_JOINED,
		    child->partition);
		worker_pool_share_listeners(children);
	}
	children->changed = true;
}

/* Upstream reports that this worker does not take what is for it. */
static void
on_hung(struct children *children, uint32_t partition, uint32_t incarnation)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->pid && child->partition == partition &&
		    child->incarnation == incarnation)
			child_kill(child, "does not take what is for it");
	}
}

/* An operator's, by way of control, which is trusted with nothing. One at a
 * time: so there is no more than one descriptor of somebody else. */
static bool
take_act(struct child *child, struct channel_message *message)
{
	struct children *children = child->all;

	if (child->role != CHILD_CONTROL ||
	    !act_of_message(message, &children->act))
		return false;
	children->is_asked = true;
	message->fd = -1;
	return true;
}

/* It learns that its link may be used. */
static void
hold_link(struct child *upstream, struct channel_message *message)
{
	struct channel_message answer = *message;
	int error = link_sockets_hold(&upstream->all->links, message);

	if (error) {
		log_limited(LOG_WARNING, 1,
		    "cannot hold the socket of a link link=%u error=\"%s\"",
		    message->link, strerror(-error));
		return;
	}
	answer.type = CHANNEL_LINK_HELD;
	answer.fd = -1;
	child_send(upstream, &answer);
}

static void
take_message(struct child *child, struct channel_message *message)
{
	struct children *children = child->all;
	bool upstream = child == &children->upstream;

	if (take_act(child, message))
		return;
	if (upstream && message->type == CHANNEL_LINK_SOCKET) {
		hold_link(child, message);
		return;
	}
	fd_close_foreign(&message->fd); /* none that the master keeps */
	if (message->type == CHANNEL_READY)
		on_ready(child);
	else if (message->type == CHANNEL_STOPPED)
		log_at(LOG_DEBUG, "all clients closed process=%s",
		    child_name(child));
	else if (message->type == CHANNEL_LOG_LOST)
		children->log_lost = true;
	else if (upstream && message->type == CHANNEL_PARTITION_FREE)
		worker_pool_on_partition_free(children, message->partition);
	else if (upstream && message->type == CHANNEL_LINK_OVER)
		link_sockets_drop(&children->links, message);
	else if (upstream && message->type == CHANNEL_WORKER_HUNG)
		on_hung(children, message->partition, message->incarnation);
	else
		log_limited(LOG_WARNING, 1,
		    "unexpected message process=%s type=%d", child_name(child),
		    (int)message->type);
}

/* Takes what is there, within bounds; 1: there may be more. */
static int
receive(struct child *child, unsigned message_count)
{
	const struct children *children = child->all;
	struct channel_message message;
	int got = 1;

	while (message_count-- > 0 && got == 1 &&
	       !(child->role == CHILD_CONTROL && children->is_asked)) {
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
	if (got != -EPIPE) {
		child_kill(child, "its channel is broken");
		return;
	}
	/* What a death looks like first; one that lives on is killed soon. */
	child_policy_cut_off(&child->policy, steady_clock_s());
	child->all->changed = true;
}

/* What it has sent so far, though the loop has not seen it yet. */
void
messages_receive_last(struct child *child)
{
	if (child->channel)
		(void)receive(child, MESSAGES_LAST);
}

void
messages_listen(struct child *child)
{
	ev_io_init(&child->read_io, on_readable, channel_fd(child->channel),
	    EV_READ);
	child->read_io.data = child;
	ev_io_start(child->all->setup.loop, &child->read_io);
}

/* --- acts --- */

struct act *
messages_asked(struct children *children)
{
	return children->is_asked ? &children->act : NULL;
}

void
messages_forget_act(struct children *children)
{
	if (!children->is_asked)
		return;
	children->is_asked = false;
	fd_close(&children->act.fd);
	fd_close_foreign(&children->act.asker);
}

void
messages_answer(struct children *children)
{
	const struct act *act = &children->act;
	struct channel_message answer = {
		.type = CHANNEL_ACT_DONE,
		.ticket = act->ticket,
		.number = (uint32_t)-act->error,
		.fd = act->fd,
	};

	if (!children->is_asked)
		return;
	/* Whoever asked has the answer when nothing of him is left here. */
	fd_close_foreign(&children->act.asker);
	child_send(&children->control, &answer);
	messages_forget_act(children);
}

/* --- to all --- */

static void
send_to_all(struct children *children, const struct channel_message *message)
{
	unsigned i;

	child_send(&children->upstream, message);
	child_send(&children->standby, message);
	child_send(&children->control, message);
	for (i = 0; i < children->worker_count; i++)
		child_send(&children->workers[i], message);
}

void
messages_send_log(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG,
		.number = log_sink_form(),
		.fd = log_sink_fd(),
	};

	send_to_all(children, &message);
}

void
messages_send_log_level(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG_LEVEL, .number = log_get_level(), .fd = -1
	};

	send_to_all(children, &message);
}

void
messages_send_config(struct children *children)
{
	const int *snapshots = children->resources->snapshots;
	struct channel_message message = { .type = CHANNEL_SNAPSHOT };
	unsigned i;

	message.fd = snapshots[child_reader(CHILD_UPSTREAM)];
	child_send(&children->upstream, &message);
	message.fd = snapshots[child_reader(CHILD_CONTROL)];
	child_send(&children->control, &message);
	message.fd = snapshots[child_reader(CHILD_CLIENT)];
	for (i = 0; i < children->worker_count; i++)
		child_send(&children->workers[i], &message);
}

/* --- to one --- */

int
messages_order_upstream(struct children *children, enum channel_type type,
    uint32_t number)
{
	const struct channel_message message = {
		.type = type, .number = number, .fd = -1
	};

	return child_try_send(&children->upstream, &message);
}

static int
send_to_worker(struct children *children, uint32_t partition,
    const struct channel_message *message)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->partition == partition && child->channel)
			return child_try_send(child, message);
	}
	return -ESRCH;
}

int
messages_kill_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, unsigned reason)
{
	struct channel_message message = { .type = CHANNEL_KILL,
		.slot = slot,
		.generation = generation,
		.number = reason,
		.fd = -1 };

	return send_to_worker(children, partition, &message);
}

int
messages_trace_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, int fd)
{
	struct channel_message message = { .type = CHANNEL_TRACE,
		.slot = slot,
		.generation = generation,
		.fd = fd };

	return send_to_worker(children, partition, &message);
}
