/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show_errors - the last errors and warnings of all processes, the newest last.
 */
#include "worker/control/commands.h"

#include "common/base/log_line.h"
#include "common/shm/process_page.h"
#include "common/shm/region.h"
#include "worker/control/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int
by_time(const void *a, const void *b)
{
	const struct recent_error *x = a, *y = b;

	return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static json_t *
describe(const struct recent_error *error)
{
	time_t seconds = (time_t)(error->time_ms / 1000);
	char when[48], day[32];
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		day[0] = '\0';
	snprintf(when, sizeof(when), "%s.%03uZ", day,
	    (unsigned)(error->time_ms % 1000));
	return json_pack("{s:s,s:s,s:o,s:i,s:o}", "time", when, "level",
	    log_level_name((enum log_level)error->level), "process",
	    report_string(error->process), "pid", (int)error->pid, "text",
	    report_string(error->text));
}

static const struct report_column columns[] = {
	{ "time", REPORT_TEXT, 1 },
	{ "level", REPORT_TEXT, 2 },
	{ "process", REPORT_TEXT, 2 },
	{ "pid", REPORT_NUMBER, 3 },
	{ "text", REPORT_LONG, 1 },
};

void
command_show_errors(struct request *request)
{
	struct region *region = request->view->region;
	uint32_t rows =
	    region_geometry(region)->partition_count + REGION_PROCESS_MAX;
	uint32_t row;
	struct recent_error *all = xmalloc(sizeof(*all));
	size_t count = 0, i;

	for (row = 0; row < rows; row++) {
		all = xrealloc(all, (count + RECENT_ERRORS_MAX) * sizeof(*all));
		count += recent_errors_read(region, row, &all[count]);
	}
	qsort(all, count, sizeof(*all), by_time);
	request->table = (struct report_table){ .noun = "errors and warnings",
		.columns = columns,
		.count = ARRAY_LEN(columns) };
	request->answer = json_array();
	for (i = 0; i < count; i++)
		json_array_append_new(request->answer, describe(&all[i]));
	free(all);
}
