/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_death - what the master logs and does when a child was reaped.
 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/shm/ledger.h"
#include "common/shm/process_page.h"
#include "common/shm/stats.h"
#include "master/exit_reason.h"

#include <sys/wait.h>

static bool
is_to_end(const struct child *child)
{
	return child->policy.state == CHILD_STOPPING ||
	       child->policy.state == CHILD_DRAINING;
}

static void
log_death(const struct child *child, pid_t pid, int status)
{
	bool expected =
	    is_to_end(child) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char reason[EXIT_REASON_MAX];

	log_at(expected ? LOG_INFO : LOG_WARNING,
	    "ended process=%s pid=%d state=%s %s", child_name(child), (int)pid,
	    child_state_name(child->policy.state),
	    exit_reason_print(status, reason));
}

/* Its row is the one it attached: worker/worker.c. */
static uint32_t
stats_row(const struct child *child)
{
	uint32_t partitions = child->all->resources->partition_count;

	switch (child->role) {
	case CHILD_UPSTREAM:
		return STATS_ROW_UPSTREAM(partitions);
	case CHILD_CONTROL:
		return STATS_ROW_CONTROL(partitions);
	case CHILD_CLIENT:
		break;
	}
	return child->partition;
}

static void
log_panic_message(const struct child *child, pid_t pid)
{
	char message[PANIC_MESSAGE_MAX];

	if (panic_message_take(child->all->resources->region, stats_row(child),
		message))
		log_at(LOG_ERROR, "panic message process=%s pid=%d text=\"%s\"",
		    child_name(child), (int)pid, message);
}

/* The same configuration would end the next one likewise. */
static void
give_up(struct child *child)
{
	struct children *children = child->all;
	unsigned i;

	child_policy_give_up(&child->policy);
	log_at(LOG_ERROR,
	    "the configuration cannot work; it is not started again"
	    " process=%s",
	    child_name(child));
	if (child->role == CHILD_CONTROL)
		return; /* clients are served all the same */
	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state != CHILD_UNUSED)
			break;
	if (child->role == CHILD_UPSTREAM || i == children->worker_count)
		children->gave_up = true;
}

static void
forget_process(struct child *child)
{
	struct resources *resources = child->all->resources;

	ledger_set_process(resources->ledger, child_process_number(child), 0,
	    0);
	stats_fold(resources->region, stats_row(child));
}

void
child_bury(struct child *child, int status, double now)
{
	struct children *children = child->all;
	pid_t pid = child->pid;
	bool recover;

	child->pid = 0; /* whose it is now, nobody knows */
	child_receive(child);
	log_death(child, pid, status);
	log_panic_message(child, pid);
	child_hang_up(child);
	forget_process(child);
	if (!is_to_end(child))
		stats_add(STAT_CHILD_DEATHS, 1);
	if (!is_to_end(child) && exit_reason_is_final(status))
		give_up(child);
	else
		child_policy_died(&child->policy, now,
		    exit_reason_is_own_making(status),
		    child->role == CHILD_CONTROL ? &children->control_rate
						 : &children->rate);
	if (child->role == CHILD_CLIENT) {
		recover =
		    partition_set_dead(children->partitions, child->partition);
		listeners_drop_holder(&children->resources->listeners,
		    (int)child->number);
		children_share_listeners(children);
		if (recover)
			children_notify_upstream(children, CHANNEL_WORKER_GONE,
			    child->partition);
		else
			children_have_partition(children);
	}
	children->setup.on_change(children->setup.context);
}
