/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_set - which partition of the region serves which incarnation.
 *
 *   free --claim--> starting --ready--> serving --dead--> recovering --> free
 *                   starting --dead--> free
 *
 * A partition serves one process; what a dead one left is recovered by upstream
 * before another may take it (DELIVERY.md §4). The longest free goes first, so
 * that late frames for the last process find nobody. Pure.
 */
#ifndef MASTER_PARTITION_SET_H
#define MASTER_PARTITION_SET_H

#include "common/base/base.h"

enum partition_state {
	PARTITION_FREE,
	PARTITION_STARTING,
	PARTITION_SERVING,
	PARTITION_RECOVERING,
};

struct partition_set;

struct partition_set *partition_set_new(uint32_t count);
void partition_set_free(struct partition_set **set);
uint32_t partition_set_count(const struct partition_set *set);

/* Claims a partition and gives its new incarnation (from 1); -1: none free. */
MUST_CHECK int64_t partition_set_claim(struct partition_set *set,
    uint32_t *incarnation_out);
/* Its process is ready: what it shares is as it wrote it. */
void partition_set_ready(struct partition_set *set, uint32_t partition);
/* Its process is dead. False: it was never ready, so nothing is to recover. */
bool partition_set_dead(struct partition_set *set, uint32_t partition);
/* Upstream reports that it is recovered; false when that cannot be. */
MUST_CHECK bool partition_set_recovered(struct partition_set *set,
    uint32_t partition);

/* partition must be below the count. */
enum partition_state partition_set_state(const struct partition_set *set,
    uint32_t partition);
uint32_t partition_set_incarnation(const struct partition_set *set,
    uint32_t partition);

#endif
