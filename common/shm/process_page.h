/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_page - what a process leaves in its own place of the region, for the
 * master and control to read: its counters (stats.h), the message of its panic,
 * its last errors and warnings. Only the process writes there, in any state,
 * also when its standard error is gone, full or nobody's. What it wrote
 * outlives it; another that takes the row adds its errors to those of the one
 * before.
 *
 * The counters share the page and have a module of their own: they are numbers
 * from a table of names, added up over processes and carried on when one dies,
 * where this is text that stays as it was written. Of links (link_report.h)
 * there is one page in the whole region, not one a process: upstream's, with a
 * place for each link.
 *
 * Errors and warnings are kept from recent_errors_hold() on, which is the first
 * thing a process does: until it has its row, in memory of its own.
 */
#ifndef COMMON_SHM_PROCESS_PAGE_H
#define COMMON_SHM_PROCESS_PAGE_H

#include "common/base/log_line.h"

#define PANIC_MESSAGE_MAX    512u /* with the final NUL */
#define RECENT_ERRORS_MAX    32u  /* read of a process at once */
#define RECENT_ERRORS_ALWAYS 5u   /* kept whole, however long */

struct region;

struct recent_error {
	int64_t time_ms; /* unix time */
	uint32_t level;  /* enum log_level */
	uint32_t pid;
	char process[LOG_PROCESS_MAX];
	char text[LOG_BODY_MAX];
};

/* A process: the messages of its own panics go there from now on, and when it
 * ends itself for a reason, that; row as in stats_attach(). */
void panic_message_attach(struct region *region, uint32_t row);

/* Master: the message of the dead process of this row, and clears it. Printable
 * ASCII whatever it wrote, without quotes; false and an empty text when there
 * is nothing. */
bool panic_message_take(struct region *region, uint32_t row,
    char text_out[PANIC_MESSAGE_MAX]);

/* What this process logs from now on as error or warning is kept in memory of
 * its own. Also in a child right after fork, which must not write into its
 * parent's row, and before the region is given up. */
void recent_errors_hold(void);

/* What was held, and what this process logs from now on as error or warning, is
 * kept in the row; row as in stats_attach(). */
void recent_errors_attach(struct region *region, uint32_t row);

/* Keeps one, as those that are logged. */
void recent_errors_keep(const struct log_line *line);

/* Those of a row, oldest first; how many. Texts are as the log has them; what a
 * terminal would obey, and what is no UTF-8, is '?', whatever is there. Those
 * that are overwritten meanwhile, or damaged, are left out with all before
 * them. */
unsigned recent_errors_read(struct region *region, uint32_t row,
    struct recent_error errors_out[RECENT_ERRORS_MAX]);

#endif
