/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/core/damage.h"

#include "common/base/log.h"
#include "common/base/panic.h"
#include "common/process/heritage.h"
#include "common/shm/stats.h"

#include <inttypes.h>
#include <unistd.h>

void
damage_end(const char *what)
{
	log_at(LOG_ERROR, "%s is damaged; a successor goes on", what);
	panic_write_message("%s is damaged", what);
	stats_add(STAT_RINGS_DAMAGED, 1);
	_exit(CHILD_EXIT_DAMAGED);
}

void
damage_end_worker(struct upstream *up, uint32_t number)
{
	struct partition *partition = &up->partitions[number];

	if (partition->damaged)
		return;
	partition->damaged = true;
	log_at(LOG_ERROR,
	    "a worker's shared memory is damaged; replacing the worker"
	    " partition=%" PRIu32,
	    number);
	stats_add(STAT_RINGS_DAMAGED, 1);
	if (partition->phase == PHASE_SERVING)
		upstream_send(up, CHANNEL_WORKER_HUNG, number);
}
