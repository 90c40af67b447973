/* SPDX-License-Identifier: Apache-2.0 */
#include "master/worker_pool.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "master/child.h"
#include "master/listener_plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* --- partitions --- */

bool
worker_pool_claim(struct child *child)
{
	struct children *children = child->all;
	int64_t partition;

	if (child->role == CHILD_UPSTREAM)
		child->incarnation = ++children->upstream_count;
	if (child->role == CHILD_CONTROL)
		child->incarnation++;
	if (child->role != CHILD_CLIENT)
		return true;
	partition =
	    partition_set_claim(children->partitions, &child->incarnation);
	if (partition < 0) {
		if (!children->no_partition_logged)
			log_at(LOG_WARNING,
			    "a worker cannot start yet: all partitions"
			    " are in use or in recovery");
		children->no_partition_logged = true;
		return false;
	}
	children->no_partition_logged = false;
	child->partition = (uint32_t)partition;
	return true;
}

void
worker_pool_give_back(struct child *child)
{
	if (child->role != CHILD_CLIENT)
		return;
	(void)partition_set_dead(child->all->partitions, child->partition);
}

void
worker_pool_notify_upstream(struct children *children, enum channel_type type,
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

void
worker_pool_brief_upstream(struct children *children)
{
	const struct channel_message briefed = { .type = CHANNEL_BRIEFED,
		.fd = -1 };
	uint32_t i;

	for (i = 0; i < partition_set_count(children->partitions); i++) {
		enum partition_state state =
		    partition_set_state(children->partitions, i);

		if (state == PARTITION_SERVING || state == PARTITION_RECOVERING)
			worker_pool_notify_upstream(children,
			    CHANNEL_WORKER_JOINED, i);
		if (state == PARTITION_RECOVERING)
			worker_pool_notify_upstream(children,
			    CHANNEL_WORKER_GONE, i);
	}
	child_send(&children->upstream, &briefed);
}

void
worker_pool_on_partition_free(struct children *children, uint32_t partition)
{
	if (!partition_set_recovered(children->partitions, partition)) {
		log_limited(LOG_WARNING, 1,
		    "upstream frees a partition that is not being recovered"
		    " partition=%u",
		    partition);
		return;
	}
	worker_pool_have_partition(children);
}

void
worker_pool_have_partition(struct children *children)
{
	bool awaited = false;
	unsigned i;

	for (i = 0; i < children->worker_count; i++)
		awaited |= child_policy_release(&children->workers[i].policy,
		    steady_clock_s());
	if (awaited)
		children->changed = true;
}

bool
worker_pool_partition_is_used(const struct children *children,
    uint32_t partition)
{
	return partition_set_state(children->partitions, partition) !=
	       PARTITION_FREE;
}

/* --- who accepts --- */

static void
on_move(void *context, const struct listener *listener, int from)
{
	struct children *children = context;

	if (from != LISTENER_NOBODY)
		child_drop_listener(&children->workers[from], listener);
	child_send_listener(&children->workers[listener->holder], listener);
}

/* Who has it already is not notified again. */
static void
share_with_all(struct children *children, const struct listener *listener)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->policy.state == CHILD_SERVING)
			child_send_listener(child, listener);
		else if (child->policy.state == CHILD_DRAINING)
			child_drop_listener(child, listener);
	}
}

void
worker_pool_share_listeners(struct children *children)
{
	int *serving = xcalloc(children->worker_count, sizeof(*serving));
	unsigned count = 0, i;

	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state == CHILD_SERVING)
			serving[count++] = (int)i;
	listener_plan_share(&children->resources->listeners, serving, count,
	    on_move, children);
	free(serving);
	for (i = 0; i < children->resources->listeners.count; i++)
		if (children->resources->listeners.all[i].shared)
			share_with_all(children,
			    &children->resources->listeners.all[i]);
}

void
worker_pool_inherit(struct child *child)
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

/* Drained ones, too, still have the descriptors that they once were given. */
void
worker_pool_close_listeners(struct children *children, double now)
{
	struct listener listener;
	unsigned i;

	while (listeners_take_due(&children->resources->listeners, now,
	    &listener)) {
		struct channel_message message = {
			/* Of one that others have, too, a worker keeps the
			 * descriptor. */
			.type = listener.given ? CHANNEL_LISTENER_DROP
					       : CHANNEL_LISTENER_CLOSE,
			.number = listener.id,
			.fd = -1,
		};

		for (i = 0; i < children->worker_count; i++)
			child_send(&children->workers[i], &message);
		if (!listener.given)
			fd_close(&listener.fd);
	}
}

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
	worker_pool_share_listeners(children);
	children->changed = true;
}

/* The new ones share the old sockets if there are no more to be had. */
static void
open_more(struct children *children)
{
	struct resources *resources = children->resources;
	char why[LISTENERS_WHY_MAX]; /* is in the log */

	if (!children->closed)
		(void)!listeners_want(&resources->listeners,
		    &resources->config->client, children->wanted, why);
}

/* --- what is requested --- */

void
worker_pool_start(struct children *children, double now)
{
	unsigned i;

	for (i = 0; i < children->wanted; i++)
		child_policy_init(&children->workers[i].policy, now);
}

unsigned
worker_pool_wanted(const struct children *children)
{
	return children->wanted;
}

bool
worker_pool_is_closed(const struct children *children)
{
	return children->closed;
}

bool
worker_pool_is_leaving(const struct children *children)
{
	return children->closed || children->closes_at != HUGE_VAL;
}

unsigned
worker_pool_draining(const struct children *children)
{
	unsigned count = 0, i;

	for (i = 0; i < children->worker_count; i++)
		count += children->workers[i].policy.state == CHILD_DRAINING ||
			 children->workers[i].policy.state == CHILD_STOPPING;
	return count;
}

int
worker_pool_want(struct children *children, unsigned count, double now)
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
worker_pool_drain(struct children *children, uint32_t partition,
    unsigned window_s)
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
	worker_pool_share_listeners(children);
	children->changed = true;
	return 0;
}

int
worker_pool_undrain(struct children *children, uint32_t partition)
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
	worker_pool_share_listeners(children);
	children->changed = true;
	return 0;
}

static void
close_all(struct children *children, double now, unsigned window_s)
{
	unsigned i;

	children->closes_at = HUGE_VAL;
	children->closed = true;
	listeners_settle(&children->resources->listeners, NULL, now);
	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state == CHILD_DRAINING)
			order(&children->workers[i], CHANNEL_DRAIN, window_s);
	adjust(children, now, window_s);
}

void
worker_pool_drain_all(struct children *children, double now, double delay_s,
    unsigned window_s)
{
	if (children->closed || delay_s <= 0) {
		close_all(children, now, window_s);
		return;
	}
	children->closes_at = MIN(children->closes_at, now + delay_s);
	children->closing_window_s = window_s;
	children->changed = true;
	log_at(LOG_NOTICE,
	    "load balancers are told that this manager leaves; draining"
	    " follows delay_s=%.1f window_s=%u",
	    children->closes_at - now, window_s);
}

double
worker_pool_closes_at(const struct children *children)
{
	return children->closes_at;
}

void
worker_pool_close_due(struct children *children, double now)
{
	if (now >= children->closes_at)
		close_all(children, now, children->closing_window_s);
}

int
worker_pool_undrain_all(struct children *children, double now,
    char why_out[LISTENERS_WHY_MAX])
{
	struct resources *resources = children->resources;
	int error =
	    listeners_want(&resources->listeners, &resources->config->client,
		resources->config->worker_count, why_out);

	if (error)
		return error;
	children->closed = false;
	children->closes_at = HUGE_VAL;
	children->wanted =
	    MAX(children->wanted, resources->config->worker_count);
	adjust(children, now, 0);
	return 0;
}
