/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_watch - which children still turn their loops: a SIGSTOP, a busy loop
 * or a call that never returns leaves the heartbeat word where it is.
 */
#include "master/child.h"

#include "common/process/config.h"
#include "common/shm/region.h"

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
	liveness_start(&child->liveness, heartbeat(child), now);
}

bool
child_watch_is_lost(struct child *child, double now)
{
	return liveness_is_lost(&child->liveness, heartbeat(child), now,
	    child->all->resources->config->hang_timeout_s);
}
