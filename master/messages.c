/* SPDX-License-Identifier: Apache-2.0 */
#include "master/orders.h"

#include "common/base/log.h"
#include "master/child.h"

#include <errno.h>

/* --- to all --- */

static void
send_to_all(struct children *children, const struct channel_message *message)
{
	unsigned i;

	child_send(&children->upstream, message);
	child_send(&children->control, message);
	for (i = 0; i < children->worker_count; i++)
		child_send(&children->workers[i], message);
}

void
orders_send_log(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG,
		.number = log_sink_form(),
		.fd = log_sink_fd(),
	};

	send_to_all(children, &message);
}

void
orders_send_log_level(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG_LEVEL, .number = log_get_level(), .fd = -1
	};

	send_to_all(children, &message);
}

void
orders_send_config(struct children *children)
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

/* --- to one worker --- */

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
orders_kill_client(struct children *children, uint32_t partition, uint32_t slot,
    uint32_t generation, unsigned reason)
{
	struct channel_message message = { .type = CHANNEL_KILL,
		.slot = slot,
		.generation = generation,
		.number = reason,
		.fd = -1 };

	return send_to_worker(children, partition, &message);
}

int
orders_trace_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, int fd)
{
	struct channel_message message = { .type = CHANNEL_TRACE,
		.slot = slot,
		.generation = generation,
		.fd = fd };

	return send_to_worker(children, partition, &message);
}
