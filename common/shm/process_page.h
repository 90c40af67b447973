/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_page - what a process leaves in its own page of the region, for the
 * master and control to read: its counters (stats.h), the message of its panic,
 * its last errors and warnings. Only the process writes there, in any state,
 * also when its standard error is gone, full or nobody's; what it wrote
 * outlives it until another takes the row.
 */
#ifndef COMMON_SHM_PROCESS_PAGE_H
#define COMMON_SHM_PROCESS_PAGE_H

#include "common/base/log.h"

#define PROCESS_COUNTERS_BYTES 2048u /* of the page, from its begin on */
#define PANIC_MESSAGE_MAX      512u  /* with the final NUL */
#define RECENT_ERRORS_MAX      5u    /* of each process */
#define RECENT_TEXT_MAX        264u  /* with the final NUL; the rest is cut */

struct region;

struct recent_error {
	int64_t time_ms; /* unix time */
	uint32_t level;  /* enum log_level */
	uint32_t pid;
	char process[24];
	char text[RECENT_TEXT_MAX];
};

/* A process: the messages of its own panics go there from now on, and when it
 * ends itself for a reason, that; row as in stats_attach(). */
void panic_message_attach(struct region *region, uint32_t row);

/* Master: the message of the dead process of this row, and clears it. Printable
 * ASCII whatever it wrote, without quotes; false and an empty text when there
 * is nothing. */
bool panic_message_take(struct region *region, uint32_t row,
    char text_out[PANIC_MESSAGE_MAX]);

/* What this process logs from now on as error or warning is kept there too; row
 * as in stats_attach(). */
void recent_errors_attach(struct region *region, uint32_t row);

/* Those of a row, oldest first; how many. Printable ASCII whatever is there.
 * One that is being written meanwhile may be torn. */
unsigned recent_errors_read(struct region *region, uint32_t row,
    struct recent_error errors_out[RECENT_ERRORS_MAX]);

#endif
