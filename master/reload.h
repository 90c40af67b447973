/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload - reads the configuration again and reports what becomes of it
 * (ARCHITECTURE.md). Nothing is in force yet: the caller commits or discards.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "common/base/base.h"

struct config;

struct reload_report {
	char *problems; /* lines of config_load(); "" when there are none */
	char *applied;  /* names of options with blanks between */
	char *restart;  /* likewise: keep their values until then */
};

/*
 * The file of `current`, with what needs a restart as it is now; NULL when it
 * is refused, for which `problems` has the reasons. The report's texts are
 * freed by reload_report_free().
 */
MUST_CHECK struct config *reload_read(const struct config *current,
    struct reload_report *report_out);
void reload_report_free(struct reload_report *report);

/* Logs it, a line for each problem. */
void reload_report_log(const struct reload_report *report, bool refused);

#endif
