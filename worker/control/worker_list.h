/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_list - the workers that there are, for whoever names one.
 */
#ifndef WORKER_CONTROL_WORKER_LIST_H
#define WORKER_CONTROL_WORKER_LIST_H

#include "common/base/buf.h"
#include "common/shm/master_state.h"

/* Those that live, or are to: their number. The rows are freed by the caller.
 */
uint32_t worker_list_read(struct region *region,
    struct master_process **workers_out);
/* Whether there is a worker of this number; its state. */
bool worker_list_find(struct region *region, uint32_t partition,
    char state_out[16]);
/* "there are 0 and 1". */
void worker_list_append(struct region *region, struct buf *out);

#endif
