/* SPDX-License-Identifier: Apache-2.0 */
#include "master/reload.h"

#include "common/base/log_line.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "master/certificates.h"
#include "master/log_target.h"
#include "master/messages.h"
#include "master/standby.h"
#include "master/supervisor.h"
#include "master/supervisor_state.h"
#include "master/worker_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the report --- */

void
reload_report_free(struct reload_report *report)
{
	free(report->problems);
	free(report->applied);
	free(report->restart);
	*report = (struct reload_report){ 0 };
}

/* In quotes, of which it has none itself; with more lines where one does not
 * hold it. */
static void
log_problem(enum log_level level, const char *text, size_t len)
{
	char shown[LOG_BODY_MAX - 32];
	size_t done = log_escape_to(text, len, shown, sizeof(shown));

	log_at(level, "configuration problem=\"%s\"", shown);
	while (done < len) {
		done += log_escape_to(text + done, len - done, shown,
		    sizeof(shown));
		log_at(level, "configuration continued=\"%s\"", shown);
	}
}

void
reload_log_problems(const char *problems, bool refused)
{
	const char *at = problems;
	size_t len;

	for (; *at; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		if (len > 0)
			log_problem(refused ? LOG_ERROR : LOG_WARNING, at, len);
	}
}

static void
log_report(const struct reload_report *report, bool refused)
{
	reload_log_problems(report->problems, refused);
	if (refused)
		log_at(LOG_ERROR, "reload refused; nothing has changed");
	else
		log_at(LOG_NOTICE,
		    "reloaded applied=\"%s\" needs_restart=\"%s\"",
		    report->applied, report->restart);
}

/* Whoever requested it is sent them each time, the log gets them once a day. */
static void
add_warnings(const struct config *config, struct reload_report *report)
{
	char *before = report->problems;
	size_t len = 0;
	FILE *out = open_memstream(&report->problems, &len);

	CHECK(out);
	(void)fputs(before, out);
	certificates_print(config, certificates_now_s(), out);
	(void)fclose(out);
	free(before);
}

/* --- the new configuration --- */

static void
announce_reload(struct supervisor *supervisor)
{
	char words[SERVICE_WORDS_MAX];

	snprintf(words, sizeof(words), "RELOADING=1\nMONOTONIC_USEC=%.0f",
	    steady_clock_s() * 1e6);
	service_manager_notify(&supervisor->service_manager, words,
	    steady_clock_s());
}

/* 0, or -errno and why, to be freed. */
static int
open_listeners(struct supervisor *supervisor, const struct config *next,
    char **why_out)
{
	char why[LISTENERS_WHY_MAX];
	int error;

	if (worker_pool_is_closed(supervisor->children))
		return 0;
	error = listeners_want(&supervisor->resources.listeners, &next->client,
	    MAX(next->worker_count, worker_pool_wanted(supervisor->children)),
	    why);
	if (error)
		*why_out = xstrdup(why);
	return error;
}

/* Likewise. */
static int
open_log(struct supervisor *supervisor, const struct config *next,
    char **why_out)
{
	bool background = supervisor->setup->background;
	int error = log_target_open(next, background);

	if (error && background && next->log_target == LOG_TARGET_STDERR)
		*why_out = xstrdup("log.target is stderr, which nobody reads in"
				   " the background");
	else if (error)
		CHECK(asprintf(why_out, "cannot open the log%s%s: %s; %s",
			  next->log_file ? " " : "",
			  next->log_file ? next->log_file : "",
			  strerror(-error),
			  log_target_advice(next->log_target, error)) > 0);
	return error;
}

/* What can fail for want of resources or rights; then all stays as it is. 0, or
 * -errno and why, to be freed. */
static int
prepare(struct supervisor *supervisor, const struct config *next,
    char **why_out)
{
	int error = open_listeners(supervisor, next, why_out);

	if (error)
		return error;
	error = open_log(supervisor, next, why_out);
	if (error && !worker_pool_is_closed(supervisor->children))
		listeners_settle(&supervisor->resources.listeners,
		    &supervisor->config->client, steady_clock_s());
	return error;
}

/* Nothing of this can fail. The certificate comes before what needs it. */
static void
commit(struct supervisor *supervisor, const struct config_apart *apart)
{
	struct children *children = supervisor->children;
	const struct config *next = apart->config;
	unsigned before = supervisor->config->worker_count;
	double now = steady_clock_s();

	supervisor->config = supervisor->resources.config = next;
	memcpy(supervisor->resources.snapshots, apart->snapshots,
	    sizeof(apart->snapshots));
	config_apart_close(&supervisor->reloaded);
	supervisor->reloaded = *apart;
	log_set_level((enum log_level)next->log_level);
	messages_send_config(children);
	standby_renew(children, now);
	messages_send_log(children);
	messages_send_log_level(children);
	if (!worker_pool_is_closed(children))
		listeners_settle(&supervisor->resources.listeners,
		    &next->client, now);
	worker_pool_share_listeners(children);
	if (next->worker_count != before)
		CHECK(worker_pool_want(children, next->worker_count, now) == 0);
}

int
reload_take(void *context, struct reload_report *report_out)
{
	struct supervisor *supervisor = context;
	struct config_apart next;
	char *why = NULL;
	int error;

	announce_reload(supervisor);
	error = config_apart_reload(supervisor->resources.snapshots, &next,
	    report_out);
	if (!error) {
		error = prepare(supervisor, next.config, &why);
		if (error) {
			free(report_out->problems);
			report_out->problems = why;
			config_apart_close(&next);
		}
	}
	log_report(report_out, error != 0);
	if (!error) {
		commit(supervisor, &next);
		supervisor_take_certificates(supervisor);
		add_warnings(supervisor->config, report_out);
	}
	supervisor_announce(supervisor);
	return error;
}
