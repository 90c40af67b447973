/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_set - which place of the region serves which incarnation.
 *
 *   free --claim--> starting --ready--> serving --dead--> recovering --> free
 *                   starting --dead--> free
 *
 * An index serves one process; what a dead one left is recovered by upstream
 * before another may take it (DELIVERY.md §4). The longest free goes first, so
 * that late frames for the last process find nobody. Pure.
 */
#ifndef MASTER_INDEX_SET_H
#define MASTER_INDEX_SET_H

#include "common/base/base.h"

enum index_state {
	INDEX_FREE,
	INDEX_STARTING,
	INDEX_SERVING,
	INDEX_RECOVERING,
};

struct index_set;

struct index_set *index_set_new(uint32_t count);
void index_set_free(struct index_set **set);
uint32_t index_set_count(const struct index_set *set);

/* Claims an index and gives its new incarnation (from 1); -1: none is free. */
MUST_CHECK int64_t index_set_claim(struct index_set *set,
    uint32_t *incarnation_out);
/* Its process is ready: what it shares is as it wrote it. */
void index_set_ready(struct index_set *set, uint32_t index);
/* Its process is dead. False: it was never ready, so nothing is to recover. */
bool index_set_dead(struct index_set *set, uint32_t index);
/* Upstream reports that it is recovered; false when that cannot be. */
MUST_CHECK bool index_set_recovered(struct index_set *set, uint32_t index);

/* index must be below the count. */
enum index_state index_set_state(const struct index_set *set, uint32_t index);
uint32_t index_set_incarnation(const struct index_set *set, uint32_t index);

#endif
