/* SPDX-License-Identifier: Apache-2.0 */
#include "master/child_death.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/ledger.h"
#include "common/shm/process_page.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "master/child.h"
#include "master/listener_plan.h"
#include "master/worker_pool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* --- standing still --- */

static uint64_t
heartbeat(const struct child *child)
{
	struct region *region = child->all->resources->region;

	if (child->role == CHILD_UPSTREAM)
		return atomic_load_explicit(&region_upstream_control(region)
						 ->heartbeat,
		    memory_order_relaxed);
	if (child->role == CHILD_CONTROL)
		return atomic_load_explicit(&region_control_page(region)
						 ->heartbeat,
		    memory_order_relaxed);
	return atomic_load_explicit(&region_worker_control(region,
					child->partition)
					 ->heartbeat,
	    memory_order_relaxed);
}

void
child_watch_begin(struct child *child, double now)
{
	child_liveness_start(&child->liveness, heartbeat(child), now);
}

bool
child_watch_is_lost(struct child *child, double now)
{
	return child_liveness_is_lost(&child->liveness, heartbeat(child), now,
	    child->all->resources->config->hang_timeout_s);
}

/* --- what waitpid() returned --- */

const char *
child_death_print(int status, char text_out[CHILD_DEATH_TEXT_MAX])
{
	const char *name;

	if (WIFEXITED(status)) {
		snprintf(text_out, CHILD_DEATH_TEXT_MAX, "exit code=%d",
		    WEXITSTATUS(status));
		return text_out;
	}
	name = sigabbrev_np(WTERMSIG(status));
	snprintf(text_out, CHILD_DEATH_TEXT_MAX, "signal=%s%s",
	    name ? name : "?", WCOREDUMP(status) ? " core=yes" : "");
	return text_out;
}

bool
child_death_is_final(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_CONFIG;
}

bool
child_death_is_own_making(int status)
{
	static const int own[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE,
		SIGSYS, SIGPIPE, SIGTRAP, SIGXCPU, SIGXFSZ };
	size_t i;

	if (WIFEXITED(status))
		return true;
	for (i = 0; i < ARRAY_LEN(own); i++)
		if (WTERMSIG(status) == own[i])
			return true;
	return false;
}

/* --- dying --- */

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
	char reason[CHILD_DEATH_TEXT_MAX];

	log_at(expected ? LOG_INFO : LOG_WARNING,
	    "ended process=%s pid=%d state=%s %s", child_name(child), (int)pid,
	    child_state_name(child->policy.state),
	    child_death_print(status, reason));
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

/* What it leaves its siblings: its listeners, and perhaps its partition. */
static void
replace_worker(struct child *child)
{
	struct children *children = child->all;
	bool recover =
	    partition_set_dead(children->partitions, child->partition);

	listener_plan_drop_holder(&children->resources->listeners,
	    (int)child->number);
	worker_pool_share_listeners(children);
	if (recover)
		worker_pool_notify_upstream(children, CHANNEL_WORKER_GONE,
		    child->partition);
	else
		worker_pool_have_partition(children);
}

void
child_bury(struct child *child, int status, double now)
{
	struct children *children = child->all;
	pid_t pid = child->pid;

	child->pid = 0; /* whose it is now, nobody knows */
	child_receive(child);
	log_death(child, pid, status);
	log_panic_message(child, pid);
	child_hang_up(child);
	forget_process(child);
	if (!is_to_end(child))
		stats_add(STAT_CHILD_DEATHS, 1);
	if (!is_to_end(child) && child_death_is_final(status))
		give_up(child);
	else
		child_policy_died(&child->policy, now,
		    child_death_is_own_making(status),
		    child->role == CHILD_CONTROL ? &children->control_rate
						 : &children->rate);
	if (child->role == CHILD_CLIENT)
		replace_worker(child);
	children->setup.on_change(children->setup.context);
}
