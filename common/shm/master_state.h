/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_state - what the master publishes for those who answer operators: of
 * itself, of the processes it keeps, and which partitions of the region are in
 * use.
 *
 * One writer, the master. Who reads while it writes tries again; what is read
 * is bounded and ends with a NUL whatever is there.
 */
#ifndef COMMON_SHM_MASTER_STATE_H
#define COMMON_SHM_MASTER_STATE_H

#include "common/base/base.h"

struct region;

struct master_summary {
	uint32_t pid;
	uint32_t begun_s;      /* steady_clock.h */
	int64_t started_s;     /* the same moment as unix time, for people */
	uint64_t region_bytes; /* that the region really occupies */
	uint32_t workers;      /* processes, whatever they do */
	uint32_t workers_wanted;
	uint32_t workers_draining;
	uint32_t closed;   /* 1: all are out of service */
	uint32_t complete; /* 1: all that are wanted serve, upstream too */
	uint32_t listeners;
	uint32_t process_count; /* rows behind it */
	uint32_t unused;
};

/* The place of a child; those where none is to be have no row. */
struct master_process {
	char name[16]; /* "upstream", "worker" or "control" */
	char state[16];
	uint32_t partition;   /* of a worker */
	uint32_t pid;         /* 0: none now */
	double serving_since; /* steady clock, seconds; 0: it does not serve */
};

#define MASTER_STATE_HEAD  8u /* bytes before the summary */
#define MASTER_STATE_FIXED 2u /* places beside one for each partition */

/* Bytes of the region for so many partitions. */
static inline uint64_t
master_state_bytes(uint32_t partition_count)
{
	return MASTER_STATE_HEAD + sizeof(struct master_summary) +
	       (partition_count + (uint64_t)MASTER_STATE_FIXED) *
		   sizeof(struct master_process) +
	       partition_count;
}

/* Rows that there is room for. */
uint32_t master_state_room(const struct region *region);

/* Master. The count of rows is the summary's, at most the room. */
void master_state_publish(struct region *region,
    const struct master_summary *summary,
    const struct master_process *processes);
void master_state_use_partition(struct region *region, uint32_t partition,
    bool used);

/* False when it changes at every try; the summary is all zero then. */
bool master_state_read(struct region *region,
    struct master_summary *summary_out);
/* Fills in the rows, which have room for master_state_room(), and returns their
 * number; 0 when they change at every try. */
uint32_t master_state_processes(struct region *region,
    struct master_process *processes_out);
/* True when sessions may live at this partition. */
bool master_state_partition_is_used(struct region *region, uint32_t partition);

#endif
