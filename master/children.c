/* SPDX-License-Identifier: Apache-2.0 */
#include "master/children.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/master_state.h"
#include "master/child.h"
#include "master/messages.h"
#include "master/standby.h"
#include "master/worker_pool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* How often a child that lives moves its word (worker/worker.c). */
#define HEARTBEAT_S  1.0
#define LINKS_KEPT_S 5.0 /* without anybody who reads them */

/* --- all of them --- */

static unsigned
child_count(const struct children *children)
{
	return children->worker_count + 3;
}

/* Upstream first: it is to be there before its workers, and control, which can
 * say how they come. */
static struct child *
child_at(struct children *children, unsigned at)
{
	if (at == 0)
		return &children->upstream;
	if (at == 1)
		return &children->control;
	return at == 2 ? &children->standby : &children->workers[at - 3];
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
	children->closes_at = HUGE_VAL;
	children->worker_count = setup->resources->partition_count;
	children->workers =
	    xcalloc(children->worker_count, sizeof(*children->workers));
	child_init(&children->upstream, children, CHILD_UPSTREAM, 0);
	child_init(&children->standby, children, CHILD_UPSTREAM, 0);
	children->standby.standby = true;
	child_init(&children->control, children, CHILD_CONTROL, 0);
	for (i = 0; i < children->worker_count; i++)
		child_init(&children->workers[i], children, CHILD_CLIENT, i);
	child_policy_init(&children->upstream.policy, steady_clock_s());
	if (setup->resources->control.fd >= 0 || setup->resources->http_fd >= 0)
		child_policy_init(&children->control.policy, steady_clock_s());
	link_sockets_init(&children->links);
	worker_pool_start(children, steady_clock_s());
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
	messages_forget_act(*children);
	partition_set_free(&(*children)->partitions);
	free((*children)->workers);
	free(*children);
	*children = NULL;
}

/* --- starting --- */

static void
spawn(struct child *child, double now)
{
	struct children *children = child->all;
	int error;

	if (standby_takes_place(child, now))
		return;
	if (!worker_pool_claim(child)) {
		child_policy_hold(&child->policy);
		return;
	}
	error = child_spawn(child);
	if (error) {
		log_at(LOG_ERROR, "cannot fork error=\"%s\"", strerror(-error));
		worker_pool_give_back(child);
		child_policy_failed(&child->policy, now);
		if (child == &children->upstream)
			link_sockets_reset(&children->links);
		return;
	}
	child_policy_spawned(&child->policy, now,
	    children->resources->config->ready_timeout_s);
	log_at(LOG_INFO, "started process=%s pid=%d", child_name(child),
	    (int)child->pid);
	messages_listen(child);
	if (child == &children->upstream)
		worker_pool_brief_upstream(children);
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

	if (child_policy_is_ready(&child->policy) && !child->standby &&
	    child_watch_is_lost(child, now))
		child_kill(child, "stands still");
	/* After a pause of the master itself, a READY that has come counts. */
	if (child->policy.state == CHILD_STARTING &&
	    now >= child_policy_due(&child->policy))
		messages_receive_last(child);
	switch (child_policy_next(&child->policy, now)) {
	case CHILD_ORDER_NOTHING:
		break;
	case CHILD_ORDER_SPAWN:
		spawn(child, now);
		break;
	case CHILD_ORDER_KILL:
		child->all->were_killed |= stopping;
		child_kill(child, reasons[child->policy.state]);
		break;
	}
}

double
children_tend(struct children *children, double now)
{
	double due;
	unsigned i;

	worker_pool_close_listeners(children, now);
	standby_tend(children, now);
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

/* --- dying --- */

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

/* A successor that is born soon goes on with what upstream has left. A server
 * is not to believe for long that somebody hears it while nobody does. */
static void
pass_links_on(const struct child *upstream, int status, double now)
{
	struct link_sockets *links = &upstream->all->links;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		link_sockets_end(links); /* in order, as far as it came */
	else if (upstream->policy.state != CHILD_WAITING ||
		 child_policy_due(&upstream->policy) > now + LINKS_KEPT_S)
		link_sockets_reset(links);
}

static struct child_policy_rate *
rate_of(const struct child *child)
{
	if (child->role == CHILD_CONTROL)
		return &child->all->control_rate;
	return child->standby ? &child->all->standby_rate : &child->all->rate;
}

static void
bury(struct child *child, int status, double now)
{
	struct children *children = child->all;

	messages_receive_last(child);
	if (child->role == CHILD_CONTROL)
		messages_forget_act(children);
	child_end(child, status);
	/* It could begin: that it was killed since is no reason to wait. */
	if (child->stood_by)
		(void)child_policy_ready(&child->policy, now);
	if (!child_is_to_end(child) && !child->standby &&
	    child_death_is_final(status))
		give_up(child);
	else
		child_policy_died(&child->policy, now,
		    child_death_is_own_making(status), rate_of(child));
	if (child == &children->upstream)
		pass_links_on(child, status, now);
	if (child->role == CHILD_CLIENT)
		worker_pool_inherit(child);
	children->changed = true;
}

static struct child *
find_by_pid(struct children *children, pid_t pid)
{
	unsigned i;

	for (i = 0; i < child_count(children); i++)
		if (child_at(children, i)->pid == pid)
			return child_at(children, i);
	return NULL;
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
			bury(child, status, now);
		else
			log_at(LOG_DEBUG, "an orphan has ended pid=%d",
			    (int)pid);
	}
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
		return (children->upstream.pid != 0) +
		       (children->standby.pid != 0);
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

/* --- what is asked about them --- */

bool
children_take_change(struct children *children)
{
	bool changed = children->changed;

	children->changed = false;
	return changed;
}

bool
children_lost_log(struct children *children)
{
	bool lost = children->log_lost;

	children->log_lost = false;
	return lost;
}

bool
children_have(const struct children *children, pid_t pid)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].pid == pid)
			return true;
	return children->upstream.pid == pid || children->standby.pid == pid ||
	       children->control.pid == pid;
}

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
