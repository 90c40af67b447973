/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/worker_list.h"

#include <stdlib.h>
#include <string.h>

uint32_t
worker_list_read(struct region *region, struct master_process **workers_out)
{
	struct master_process *all =
	    xcalloc(master_state_room(region), sizeof(*all));
	uint32_t count = master_state_processes(region, all), kept = 0, i;

	for (i = 0; i < count; i++)
		if (strcmp(all[i].name, "worker") == 0)
			all[kept++] = all[i];
	*workers_out = all;
	return kept;
}

bool
worker_list_find(struct region *region, uint32_t partition, char state_out[16])
{
	struct master_process *workers;
	uint32_t count = worker_list_read(region, &workers), i;

	for (i = 0; i < count; i++)
		if (workers[i].partition == partition)
			break;
	if (i < count)
		memcpy(state_out, workers[i].state, 16);
	free(workers);
	return i < count;
}

void
worker_list_append(struct region *region, struct buf *out)
{
	struct master_process *workers;
	uint32_t count = worker_list_read(region, &workers), i;

	buf_append_str(out, count == 0   ? "there is none"
			    : count == 1 ? "there is "
					 : "there are ");
	for (i = 0; i < count; i++)
		buf_printf(out, "%s%u",
		    i == 0           ? ""
		    : i + 1 == count ? " and "
				     : ", ",
		    workers[i].partition);
	free(workers);
}
