/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_facts - what an operator queries about child processes, and has them
 * do.
 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/base/steady_state.h"

#include <stdio.h>

static void
describe(const struct child *child, struct master_process *row_out)
{
	static const char *const names[] = { [CHILD_CLIENT] = "worker",
		[CHILD_UPSTREAM] = "upstream",
		[CHILD_CONTROL] = "control" };

	*row_out = (struct master_process){
		.partition = child->partition,
		.pid = (uint32_t)child->pid,
	};
	snprintf(row_out->name, sizeof(row_out->name), "%s",
	    names[child->role]);
	snprintf(row_out->state, sizeof(row_out->state), "%s",
	    child_state_name(child->policy.state));
	if (child_policy_is_ready(&child->policy))
		row_out->serving_since = child->policy.serving_since;
}

uint32_t
children_describe(const struct children *children,
    struct master_process *rows_out)
{
	uint32_t count = 0;
	unsigned i;

	describe(&children->upstream, &rows_out[count++]);
	if (children->control.policy.state != CHILD_UNUSED)
		describe(&children->control, &rows_out[count++]);
	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state != CHILD_UNUSED)
			describe(&children->workers[i], &rows_out[count++]);
	return count;
}

bool
children_partition_is_used(const struct children *children, uint32_t partition)
{
	return partition_set_state(children->partitions, partition) !=
	       PARTITION_FREE;
}

static bool
send_to_worker(struct children *children, uint32_t partition,
    const struct channel_message *message)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->partition != partition || !child->channel)
			continue;
		child_send(child, message);
		return true;
	}
	return false;
}

bool
children_kill_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, unsigned reason)
{
	struct channel_message message = { .type = CHANNEL_KILL,
		.slot = slot,
		.generation = generation,
		.number = reason,
		.fd = -1 };

	return send_to_worker(children, partition, &message);
}

bool
children_trace_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, int fd)
{
	struct channel_message message = { .type = CHANNEL_TRACE,
		.slot = slot,
		.generation = generation,
		.fd = fd };

	return send_to_worker(children, partition, &message);
}

enum config_reader
children_reader(enum child_role role)
{
	if (role == CHILD_CONTROL)
		return CONFIG_CONTROL;
	return role == CHILD_UPSTREAM ? CONFIG_UPSTREAM : CONFIG_WORKER;
}

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
children_send_log(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG,
		.number = log_sink_form(),
		.fd = log_sink_fd(),
	};

	send_to_all(children, &message);
}

void
children_send_log_level(struct children *children)
{
	struct channel_message message = {
		.type = CHANNEL_LOG_LEVEL, .number = log_get_level(), .fd = -1
	};

	send_to_all(children, &message);
}

void
children_send_config(struct children *children)
{
	const int *snapshots = children->resources->snapshots;
	struct channel_message message = { .type = CHANNEL_SNAPSHOT };
	unsigned i;

	message.fd = snapshots[children_reader(CHILD_UPSTREAM)];
	child_send(&children->upstream, &message);
	message.fd = snapshots[children_reader(CHILD_CONTROL)];
	child_send(&children->control, &message);
	message.fd = snapshots[children_reader(CHILD_CLIENT)];
	for (i = 0; i < children->worker_count; i++)
		child_send(&children->workers[i], &message);
}
