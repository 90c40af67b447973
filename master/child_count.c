/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_count - how many workers serve: one more, one fewer, out of service and
 * back (ARCHITECTURE.md). A worker that is drained accepts no more, keeps its
 * clients and ends when the last has gone.
 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/stats.h"

#include <errno.h>

/* --- one worker --- */

static void
order(struct child *child, enum channel_type type, unsigned window_s)
{
	struct channel_message message = {
		.type = type, .number = window_s, .fd = -1
	};

	child_send(child, &message);
}

static void
drain(struct child *child, unsigned window_s)
{
	log_at(LOG_NOTICE, "draining process=%s pid=%d window_s=%u",
	    child_name(child), (int)child->pid, window_s);
	child_policy_drain(&child->policy);
	order(child, CHANNEL_DRAIN, window_s);
}

static void
take_back(struct child *child)
{
	log_at(LOG_NOTICE, "serving again process=%s pid=%d", child_name(child),
	    (int)child->pid);
	child_policy_undrain(&child->policy);
	order(child, CHANNEL_UNDRAIN, 0);
}

/* --- as many as are wanted --- */

static unsigned
target(const struct children *children)
{
	return children->closed ? 0 : children->wanted;
}

/* Those that serve, or are on their way to it. */
static unsigned
count_active(const struct children *children)
{
	unsigned count = 0, i;

	for (i = 0; i < children->worker_count; i++)
		count += child_policy_is_active(&children->workers[i].policy);
	return count;
}

/* The first in this state, or NULL. */
static struct child *
find(struct children *children, enum child_state state)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state == state)
			return &children->workers[i];
	return NULL;
}

static bool
add_one(struct children *children, double now)
{
	struct child *child = find(children, CHILD_DRAINING);

	if (child) {
		take_back(child);
		return true;
	}
	child = find(children, CHILD_UNUSED);
	if (child && !child->pid)
		child_policy_init(&child->policy, now);
	return child && !child->pid;
}

/* Who is not there yet goes first, then the last. */
static void
drop_one(struct children *children, double now, unsigned window_s)
{
	struct child *child = find(children, CHILD_WAITING);
	unsigned i;

	if (!child)
		child = find(children, CHILD_STARTING);
	if (child) {
		child_policy_stop(&child->policy, now,
		    children->resources->config->server.stop_timeout_s);
		order(child, CHANNEL_STOP, 0);
		return;
	}
	for (i = children->worker_count; i-- > 0;)
		if (children->workers[i].policy.state == CHILD_SERVING)
			break;
	drain(&children->workers[i], window_s);
}

static void
adjust(struct children *children, double now, unsigned window_s)
{
	while (count_active(children) < target(children))
		if (!add_one(children, now))
			break;
	while (count_active(children) > target(children))
		drop_one(children, now, window_s);
	children_share_listeners(children);
	children->setup.on_change(children->setup.context);
}

/* The new ones share the old sockets if there are no more to be had. */
static void
open_more(struct children *children)
{
	struct resources *resources = children->resources;
	char why[LISTENERS_WHY_MAX];

	if (!children->closed &&
	    listeners_want(&resources->listeners, &resources->config->client,
		children->wanted, why) != 0)
		log_at(LOG_WARNING, "%s", why);
}

/* --- what is requested --- */

void
children_begin(struct children *children, double now)
{
	unsigned i;

	for (i = 0; i < children->wanted; i++)
		child_policy_init(&children->workers[i].policy, now);
}

unsigned
children_wanted(const struct children *children)
{
	return children->wanted;
}

bool
children_are_closed(const struct children *children)
{
	return children->closed;
}

unsigned
children_draining(const struct children *children)
{
	unsigned count = 0, i;

	for (i = 0; i < children->worker_count; i++)
		count += children->workers[i].policy.state == CHILD_DRAINING ||
			 children->workers[i].policy.state == CHILD_STOPPING;
	return count;
}

int
children_want(struct children *children, unsigned count, double now)
{
	if (count < 1 || count > children->resources->config->worker_max)
		return -ERANGE;
	children->wanted = count;
	open_more(children);
	adjust(children, now, 0);
	return 0;
}

static struct child *
find_worker(struct children *children, uint32_t partition,
    enum child_state state)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->policy.state == state &&
		    child->partition == partition)
			return child;
	}
	return NULL;
}

int
children_drain(struct children *children, uint32_t partition, unsigned window_s)
{
	struct child *child = find_worker(children, partition, CHILD_SERVING);

	if (!child)
		child = find_worker(children, partition, CHILD_DRAINING);
	if (!child)
		return -ESRCH;
	if (child->policy.state == CHILD_DRAINING) {
		order(child, CHANNEL_DRAIN, window_s);
		return 0;
	}
	if (children->wanted == 1)
		return -EBUSY;
	children->wanted--;
	drain(child, window_s);
	children_share_listeners(children);
	children->setup.on_change(children->setup.context);
	return 0;
}

int
children_undrain(struct children *children, uint32_t partition)
{
	struct child *child = find_worker(children, partition, CHILD_DRAINING);

	if (!child)
		return -ESRCH;
	if (children->closed)
		return -EBUSY;
	if (children->wanted == children->resources->config->worker_max)
		return -ERANGE;
	children->wanted++;
	take_back(child);
	children_share_listeners(children);
	children->setup.on_change(children->setup.context);
	return 0;
}

void
children_drain_all(struct children *children, double now, unsigned window_s)
{
	unsigned i;

	children->closed = true;
	listeners_settle(&children->resources->listeners, NULL, now);
	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state == CHILD_DRAINING)
			order(&children->workers[i], CHANNEL_DRAIN, window_s);
	adjust(children, now, window_s);
}

int
children_undrain_all(struct children *children, double now,
    char why_out[LISTENERS_WHY_MAX])
{
	struct resources *resources = children->resources;
	int error =
	    listeners_want(&resources->listeners, &resources->config->client,
		resources->config->worker_count, why_out);

	if (error)
		return error;
	children->closed = false;
	children->wanted =
	    MAX(children->wanted, resources->config->worker_count);
	adjust(children, now, 0);
	return 0;
}
