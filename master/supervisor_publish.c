/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_publish - what operators may know of the master is put where those
 * who answer them can read it: once a turn of the loop, and after each act.
 */
#include "master/supervisor_state.h"

#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "master/worker_pool.h"

#include <stdlib.h>
#include <unistd.h>

static struct master_summary
summarize(const struct supervisor *supervisor)
{
	const struct children *children = supervisor->children;

	return (struct master_summary){
		.pid = (uint32_t)getpid(),
		.begun_s = supervisor->begun_s,
		.started_s = supervisor->started_s,
		.region_bytes =
		    region_occupied_bytes(supervisor->resources.region),
		.workers = children_alive(children, CHILD_CLIENT),
		.workers_wanted = worker_pool_wanted(children),
		.workers_draining = worker_pool_draining(children),
		.closed = worker_pool_is_closed(children),
		.complete = children_all_serve(children),
		.listeners = supervisor->resources.listeners.count,
	};
}

void
supervisor_publish(struct supervisor *supervisor)
{
	struct region *region = supervisor->resources.region;
	struct master_process *rows =
	    xcalloc(master_state_room(region), sizeof(*rows));
	struct master_summary summary = summarize(supervisor);
	uint32_t i;

	summary.process_count = children_describe(supervisor->children, rows);
	master_state_publish(region, &summary, rows);
	for (i = 0; i < supervisor->resources.partition_count; i++)
		master_state_use_partition(region, i,
		    worker_pool_partition_is_used(supervisor->children, i));
	free(rows);
}

static void
on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
	(void)loop;
	(void)events;
	supervisor_publish(turn->data);
}

void
supervisor_start_publishing(struct supervisor *supervisor)
{
	ev_prepare_init(&supervisor->publishing, on_turn);
	supervisor->publishing.data = supervisor;
	ev_prepare_start(supervisor->loop, &supervisor->publishing);
	supervisor_publish(supervisor);
}
