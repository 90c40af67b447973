/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_words - what a process that panics leaves in the region for the master
 * to log: its standard error may be gone, full or nobody's.
 *
 * Kept behind the counters in the process's own page of the region (stats.h),
 * so a process that crashes in any state can still write it.
 */
#ifndef COMMON_SHM_LAST_WORDS_H
#define COMMON_SHM_LAST_WORDS_H

#include "common/base/base.h"

#define LAST_WORDS_OFFSET 2048u /* in the process's page */
#define LAST_WORDS_MAX    512u  /* with the final NUL */

struct region;

/* A process: its own panics leave their text there from now on; row as in
 * stats_attach(). */
void last_words_attach(struct region *region, uint32_t row);

/* Master: what the dead process of this row has left, and clears it. Printable
 * ASCII whatever it wrote, without quotes; false and an empty text when there
 * is nothing. */
bool last_words_take(struct region *region, uint32_t row,
    char text_out[LAST_WORDS_MAX]);

#endif
