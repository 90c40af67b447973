/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload - a new configuration: read in a process of its own (config_apart.h),
 * prepared, then committed or discarded as a whole (ARCHITECTURE.md).
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "common/base/base.h"

struct reload_report {
	char *problems; /* lines of config_load(); "" when there are none */
	char *applied;  /* names of options with blanks between */
	char *restart;  /* likewise: keep their values until then */
};

/* Of config_load(), a line of the log for each; warnings, or what had the
 * configuration refused. */
void reload_log_problems(const char *problems, bool refused);
void reload_report_free(struct reload_report *report);

/* Takes the configuration's file as it is now, or, with -errno, nothing. The
 * report is the caller's to free; what it reports is in the log. */
int reload_take(void *context, struct reload_report *report_out);

#endif
