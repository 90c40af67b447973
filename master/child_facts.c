/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_facts - what an operator queries about child processes, and has them
 * do.
 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/base/log_sink.h"
#include "common/base/steady_clock.h"

static void
report_facts(const struct child *child,
    void (*fn)(void *context, const struct child_facts *facts), void *context)
{
	struct child_facts facts = {
		.role = child->role,
		.partition = child->partition,
		.pid = child->pid,
		.state = child_state_name(child->policy.state),
	};

	if (child_policy_is_ready(&child->policy))
		facts.serving_s =
		    steady_clock_s() - child->policy.serving_since;
	fn(context, &facts);
}

void
children_each(const struct children *children,
    void (*fn)(void *context, const struct child_facts *facts), void *context)
{
	unsigned i;

	report_facts(&children->upstream, fn, context);
	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state != CHILD_UNUSED)
			report_facts(&children->workers[i], fn, context);
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
	return role == CHILD_UPSTREAM ? CONFIG_UPSTREAM : CONFIG_WORKER;
}

static void
send_to_all(struct children *children, const struct channel_message *message)
{
	unsigned i;

	child_send(&children->upstream, message);
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
	message.fd = snapshots[children_reader(CHILD_CLIENT)];
	for (i = 0; i < children->worker_count; i++)
		child_send(&children->workers[i], &message);
}
