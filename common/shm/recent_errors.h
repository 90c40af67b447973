/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recent_errors - the last errors and warnings of each process, for control to
 * show. Kept in the process's own page of the region behind its panic message
 * (panic_message.h); they outlive it until another takes the row.
 */
#ifndef COMMON_SHM_RECENT_ERRORS_H
#define COMMON_SHM_RECENT_ERRORS_H

#include "common/base/log.h"

#define RECENT_ERRORS_OFFSET 2560u /* in the process's page */
#define RECENT_ERRORS_MAX    5u    /* of each process */
#define RECENT_TEXT_MAX      264u  /* with the final NUL; the rest is cut */

struct region;

struct recent_error {
	int64_t time_ms; /* unix time */
	uint32_t level;  /* enum log_level */
	uint32_t pid;
	char process[24];
	char text[RECENT_TEXT_MAX];
};

/* What this process logs from now on as error or warning is kept there too; row
 * as in stats_attach(). */
void recent_errors_attach(struct region *region, uint32_t row);

/* Those of a row, oldest first; how many. Printable ASCII whatever is there.
 * One that is being written meanwhile may be torn. */
unsigned recent_errors_read(struct region *region, uint32_t row,
    struct recent_error errors_out[RECENT_ERRORS_MAX]);

#endif
