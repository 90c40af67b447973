/* SPDX-License-Identifier: Apache-2.0 */
#include "master/reload.h"

#include "common/base/log.h"
#include "common/process/config.h"

#include <stdlib.h>
#include <string.h>

struct lists {
	FILE *applied, *restart;
};

static void
on_change(void *context, const char *path, bool live)
{
	const struct lists *lists = context;
	FILE *out = live ? lists->applied : lists->restart;

	fprintf(out, ftell(out) > 0 ? " %s" : "%s", path);
}

static void
compare(struct config *next, const struct config *current,
    struct reload_report *report)
{
	size_t applied_len = 0, restart_len = 0;
	struct lists lists = {
		.applied = open_memstream(&report->applied, &applied_len),
		.restart = open_memstream(&report->restart, &restart_len),
	};

	CHECK(lists.applied && lists.restart);
	config_keep(next, current, on_change, &lists);
	(void)fclose(lists.applied);
	(void)fclose(lists.restart);
}

/* What stays until a restart limits what may change. */
static bool
fits(const struct config *next, FILE *messages)
{
	if (next->worker_count <= next->worker_max)
		return true;
	(void)fprintf(messages,
	    "%s: workers.count: %u is more than workers.max, which stays %u"
	    " until a restart\n",
	    next->path, next->worker_count, next->worker_max);
	return false;
}

struct config *
reload_read(const struct config *current, struct reload_report *report_out)
{
	struct config *next = NULL;
	size_t len = 0;
	FILE *messages;

	*report_out = (struct reload_report){ 0 };
	messages = open_memstream(&report_out->problems, &len);
	CHECK(messages);
	if (config_load(current->path, messages, &next) != 0)
		next = NULL;
	if (next)
		compare(next, current, report_out);
	if (next && !fits(next, messages))
		config_free(&next);
	(void)fclose(messages);
	return next;
}

void
reload_report_free(struct reload_report *report)
{
	free(report->problems);
	free(report->applied);
	free(report->restart);
	*report = (struct reload_report){ 0 };
}

void
reload_report_log(const struct reload_report *report, bool refused)
{
	const char *at = report->problems;
	size_t len;

	for (; *at; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		log_at(refused ? LOG_ERROR : LOG_WARNING,
		    "configuration \"%s\"", log_escape(at, len));
	}
	if (refused)
		log_at(LOG_ERROR, "reload refused; nothing has changed");
	else
		log_at(LOG_NOTICE,
		    "reloaded applied=\"%s\" needs_restart=\"%s\"",
		    report->applied, report->restart);
}
