/* SPDX-License-Identifier: Apache-2.0 */
#include "master/children.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "master/child.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* How often a child that lives moves its word (worker/worker.c). */
#define HEARTBEAT_S 1.0

/* --- all of them --- */

static unsigned
child_count(const struct children *children)
{
	return children->worker_count + 2;
}

/* Upstream first: it is to be there before its workers, and control, which can
 * say how they come. */
static struct child *
child_at(struct children *children, unsigned at)
{
	if (at == 0)
		return &children->upstream;
	return at == 1 ? &children->control : &children->workers[at - 2];
}

static void
child_init(struct child *child, struct children *all, enum child_role role,
    unsigned number)
{
	*child = (struct child){ .all = all, .role = role, .number = number };
	child_policy_init_unused(&child->policy);
}

struct children *
children_new(const struct children_setup *setup)
{
	struct children *children = xcalloc(1, sizeof(*children));
	unsigned i;

	children->setup = *setup;
	children->resources = setup->resources;
	children->partitions =
	    partition_set_new(setup->resources->partition_count);
	children->wanted = setup->resources->config->worker_count;
	children->worker_count = setup->resources->partition_count;
	children->workers =
	    xcalloc(children->worker_count, sizeof(*children->workers));
	child_init(&children->upstream, children, CHILD_UPSTREAM, 0);
	child_init(&children->control, children, CHILD_CONTROL, 0);
	for (i = 0; i < children->worker_count; i++)
		child_init(&children->workers[i], children, CHILD_CLIENT, i);
	child_policy_init(&children->upstream.policy, steady_clock_s());
	if (setup->resources->control.fd >= 0 || setup->resources->http_fd >= 0)
		child_policy_init(&children->control.policy, steady_clock_s());
	children_begin(children, steady_clock_s());
	return children;
}

void
children_free(struct children **children)
{
	unsigned i;

	for (i = 0; i < child_count(*children); i++) {
		CHECK(child_at(*children, i)->pid == 0);
		child_hang_up(child_at(*children, i));
	}
	partition_set_free(&(*children)->partitions);
	free((*children)->workers);
	free(*children);
	*children = NULL;
}

/* --- what upstream must know --- */

void
children_notify_upstream(struct children *children, enum channel_type type,
    uint32_t partition)
{
	struct channel_message message = {
		.type = type,
		.partition = partition,
		.incarnation =
		    partition_set_incarnation(children->partitions, partition),
		.fd = -1,
	};

	child_send(&children->upstream, &message);
}

/* A new one is sent what its predecessor knew. */
static void
brief_upstream(struct children *children)
{
	const struct channel_message briefed = { .type = CHANNEL_BRIEFED,
		.fd = -1 };
	uint32_t i;

	for (i = 0; i < partition_set_count(children->partitions); i++) {
		enum partition_state state =
		    partition_set_state(children->partitions, i);

		if (state == PARTITION_SERVING || state == PARTITION_RECOVERING)
			children_notify_upstream(children,
			    CHANNEL_WORKER_JOINED, i);
		if (state == PARTITION_RECOVERING)
			children_notify_upstream(children, CHANNEL_WORKER_GONE,
			    i);
	}
	child_send(&children->upstream, &briefed);
}

/* --- starting --- */

static bool
claim_partition(struct child *child)
{
	struct children *children = child->all;
	int64_t partition;

	if (child->role != CHILD_CLIENT) {
		child->incarnation++;
		return true;
	}
	partition =
	    partition_set_claim(children->partitions, &child->incarnation);
	if (partition < 0) {
		if (!children->no_partition_logged)
			log_at(LOG_WARNING,
			    "a worker waits: no partition is free");
		children->no_partition_logged = true;
		return false;
	}
	children->no_partition_logged = false;
	child->partition = (uint32_t)partition;
	return true;
}

static void
give_partition_back(struct child *child)
{
	if (child->role != CHILD_CLIENT)
		return;
	(void)partition_set_dead(child->all->partitions, child->partition);
}

static void
spawn(struct child *child, double now)
{
	struct children *children = child->all;
	int error;

	if (!claim_partition(child)) {
		child_policy_hold(&child->policy);
		return;
	}
	error = child_spawn(child);
	if (error) {
		log_at(LOG_ERROR, "cannot fork error=\"%s\"", strerror(-error));
		give_partition_back(child);
		child_policy_failed(&child->policy, now);
		return;
	}
	child_policy_spawned(&child->policy, now,
	    children->resources->config->ready_timeout_s);
	log_at(LOG_INFO, "started process=%s pid=%d", child_name(child),
	    (int)child->pid);
	if (child->role == CHILD_UPSTREAM)
		brief_upstream(children);
}

static void
kill_child(struct child *child, const char *why)
{
	if (!child->pid)
		return; /* dead, its channel is still being read */
	log_at(LOG_WARNING, "killing process=%s pid=%d reason=\"%s\"",
	    child_name(child), (int)child->pid, why);
	kill(child->pid, SIGKILL);
}

static void
tend(struct child *child, double now)
{
	static const char *const reasons[] = {
		[CHILD_STARTING] = "was not ready in time",
		[CHILD_SERVING] = "closed its channel and lives on",
		[CHILD_DRAINING] = "closed its channel and lives on",
		[CHILD_STOPPING] = "did not stop in time",
	};
	bool stopping = child->policy.state == CHILD_STOPPING;

	if (child_policy_is_ready(&child->policy) &&
	    child_watch_is_lost(child, now))
		kill_child(child, "stands still");
	/* After a pause of the master itself, a READY that has come counts. */
	if (child->policy.state == CHILD_STARTING &&
	    now >= child_policy_due(&child->policy))
		child_receive(child);
	switch (child_policy_next(&child->policy, now)) {
	case CHILD_ORDER_NOTHING:
		break;
	case CHILD_ORDER_SPAWN:
		spawn(child, now);
		break;
	case CHILD_ORDER_KILL:
		child->all->were_killed |= stopping;
		kill_child(child, reasons[child->policy.state]);
		break;
	}
}

double
children_tend(struct children *children, double now)
{
	double due;
	unsigned i;

	children_close_listeners(children, now);
	due = listeners_due(&children->resources->listeners);
	for (i = 0; i < child_count(children); i++) {
		struct child *child = child_at(children, i);

		tend(child, now);
		due = MIN(due, child_policy_due(&child->policy));
		if (child_policy_is_ready(&child->policy))
			due = MIN(due, now + HEARTBEAT_S);
	}
	return due;
}

void
children_resume(struct children *children, double now, double pause_s)
{
	unsigned i;

	for (i = 0; i < child_count(children); i++) {
		struct child *child = child_at(children, i);

		child_policy_postpone(&child->policy, pause_s);
		if (child_policy_is_ready(&child->policy))
			child_watch_begin(child, now);
	}
}

/* --- what they send --- */

void
children_on_ready(struct child *child)
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
		children_notify_upstream(children, CHANNEL_WORKER_JOINED,
		    child->partition);
		children_share_listeners(children);
	}
	children->setup.on_change(children->setup.context);
}

void
children_on_partition_free(struct children *children, uint32_t partition)
{
	if (!partition_set_recovered(children->partitions, partition)) {
		log_limited(LOG_WARNING, 1,
		    "upstream frees a partition that is not being recovered"
		    " partition=%u",
		    partition);
		return;
	}
	children_have_partition(children);
}

void
children_have_partition(struct children *children)
{
	bool awaited = false;
	unsigned i;

	for (i = 0; i < children->worker_count; i++)
		awaited |= child_policy_release(&children->workers[i].policy,
		    steady_clock_s());
	if (awaited)
		children->setup.on_change(children->setup.context);
}

void
children_on_hung(struct children *children, uint32_t partition,
    uint32_t incarnation)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->pid && child->partition == partition &&
		    child->incarnation == incarnation)
			kill_child(child, "does not take what is for it");
	}
}

void
children_on_bad_channel(struct child *child)
{
	kill_child(child, "its channel is broken");
}

void
children_on_channel_end(struct child *child)
{
	child_policy_cut_off(&child->policy, steady_clock_s());
	child->all->setup.on_change(child->all->setup.context);
}

/* --- dying --- */

static struct child *
find_by_pid(struct children *children, pid_t pid)
{
	unsigned i;

	for (i = 0; i < child_count(children); i++)
		if (child_at(children, i)->pid == pid)
			return child_at(children, i);
	return NULL;
}

bool
children_have(const struct children *children, pid_t pid)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].pid == pid)
			return true;
	return children->upstream.pid == pid || children->control.pid == pid;
}

void
children_reap(struct children *children, double now)
{
	struct child *child;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		child = find_by_pid(children, pid);
		if (child)
			child_bury(child, status, now);
		else
			log_at(LOG_DEBUG, "an orphan has ended pid=%d",
			    (int)pid);
	}
}

/* --- the log --- */

bool
children_lost_log(struct children *children)
{
	bool lost = children->log_lost;

	children->log_lost = false;
	return lost;
}

/* --- stopping --- */

void
children_stop(struct children *children, enum child_role role, double now,
    double timeout_s)
{
	struct channel_message message = { .type = CHANNEL_STOP, .fd = -1 };
	unsigned i;

	for (i = 0; i < child_count(children); i++) {
		struct child *child = child_at(children, i);

		if (child->role != role)
			continue;
		child_policy_stop(&child->policy, now, timeout_s);
		child_send(child, &message);
	}
}

void
children_hurry(struct children *children, double now)
{
	unsigned i;

	for (i = 0; i < child_count(children); i++)
		child_policy_hurry(&child_at(children, i)->policy, now);
}

unsigned
children_alive(const struct children *children, enum child_role role)
{
	unsigned i, count = 0;

	if (role == CHILD_UPSTREAM)
		return children->upstream.pid != 0;
	if (role == CHILD_CONTROL)
		return children->control.pid != 0;
	for (i = 0; i < children->worker_count; i++)
		count += children->workers[i].pid != 0;
	return count;
}

bool
children_all_serve(const struct children *children)
{
	unsigned i, serving = 0;

	for (i = 0; i < children->worker_count; i++)
		serving += children->workers[i].policy.state == CHILD_SERVING;
	return serving >= children->wanted &&
	       children->upstream.policy.state == CHILD_SERVING;
}

bool
children_are_lost(const struct children *children)
{
	return children->gave_up;
}

bool
children_were_killed(const struct children *children)
{
	return children->were_killed;
}
