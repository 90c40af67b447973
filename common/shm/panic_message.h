/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panic_message - the message of a process that panics or ends itself for a
 * reason, in the region for the master to log: its standard error may be gone,
 * full or nobody's.
 *
 * Kept behind the counters in the process's own page of the region (stats.h),
 * so a process that crashes in any state can still write it.
 */
#ifndef COMMON_SHM_PANIC_MESSAGE_H
#define COMMON_SHM_PANIC_MESSAGE_H

#include "common/base/base.h"

#define PANIC_MESSAGE_OFFSET 2048u /* in the process's page */
#define PANIC_MESSAGE_MAX    512u  /* with the final NUL */

struct region;

/* A process: the messages of its own panics go there from now on; row as in
 * stats_attach(). */
void panic_message_attach(struct region *region, uint32_t row);

/* Master: the message of the dead process of this row, and clears it. Printable
 * ASCII whatever it wrote, without quotes; false and an empty text when there
 * is nothing. */
bool panic_message_take(struct region *region, uint32_t row,
    char text_out[PANIC_MESSAGE_MAX]);

#endif
