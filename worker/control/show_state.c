/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show_state - what the control socket shows of the daemon as a whole.
 */
#include "worker/control/commands.h"

#include "common/base/buf.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/process/confine.h"
#include "common/shm/link_report.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "worker/control/report.h"
#include "worker/control/state_facts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void
set_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, report_string(value ? value : ""));
}

void
command_show_info(struct request *request)
{
	const struct commands_view *view = request->view;
	const struct config *config = view->config;
	struct region *region = view->region;
	struct master_summary master;
	uint32_t rate, burst_s, until_s;
	json_t *info = request->answer = json_object();

	(void)master_state_read(region, &master);
	set_text(info, "version", CM_VERSION);
	set(info, "pid", master.pid);
	set(info, "control_pid", (uint64_t)getpid());
	set(info, "uptime_s",
	    steady_clock_age_s(master.begun_s, steady_clock_coarse_s()));
	set_text(info, "config", config->path);
	set_text(info, "name", config->server.manager_name);
	set_text(info, "domain", config->server.domains);
	set_text(info, "server", state_server_phase(view));
	(void)state_pause(view, &until_s);
	set(info, "pause_left_s",
	    steady_clock_age_s(steady_clock_coarse_s(), until_s));
	state_server_limits(view, &rate, &burst_s);
	set(info, "server_client_rate", rate);
	set(info, "server_client_burst_s", burst_s);
	set(info, "links", stats_sum(region, STAT_LINKS_UP));
	set(info, "links_wanted", config->server.link_count);
	set(info, "clients", stats_sum(region, STAT_CLIENTS_OPEN));
	set(info, "sessions_created", stats_sum(region, STAT_SESSIONS_CREATED));
	set(info, "sessions_ended", stats_sum(region, STAT_SESSIONS_ENDED));
	set(info, "workers", master.workers);
	set(info, "workers_wanted", master.workers_wanted);
	set(info, "workers_draining", master.workers_draining);
	json_object_set_new(info, "closed", json_boolean(master.closed));
	set(info, "listeners", master.listeners);
	set(info, "region_bytes", master.region_bytes);
	set_text(info, "user", config->user ? config->user : "root");
	set_text(info, "group", config->group);
	set_text(info, "chroot", config->root_directory);
	json_object_set_new(info, "seccomp",
	    json_boolean(config->seccomp && confine_is_available()));
	json_object_set_new(info, "core_dumps",
	    json_boolean(config->core_dumps));
}

/* In whole seconds; 0 for a moment that is none, or lies ahead. */
static uint64_t
age_of(double since)
{
	double age_s = steady_clock_s() - since;

	return since > 0 && age_s > 0 ? (uint64_t)age_s : 0;
}

/* --- processes --- */

static json_t *
describe(struct region *region, const struct master_process *child)
{
	uint32_t partitions = region_geometry(region)->partition_count;
	bool upstream = strcmp(child->name, "upstream") == 0;
	uint32_t row = upstream ? STATS_ROW_UPSTREAM(partitions)
				: MIN(child->partition, partitions - 1);
	json_t *process = json_object();

	set_text(process, "process", child->name);
	set(process, "worker", child->partition);
	set(process, "pid", child->pid);
	set_text(process, "state", child->state);
	set(process, "serving_s", age_of(child->serving_since));
	set(process, "clients", stats_read(region, row, STAT_CLIENTS_OPEN));
	set(process, "stanzas_up", stats_read(region, row, STAT_STANZAS_UP));
	set(process, "stanzas_down",
	    stats_read(region, row, STAT_STANZAS_DOWN));
	return process;
}

static const struct report_column process_columns[] = {
	{ "process", REPORT_TEXT, 1 },
	{ "worker", REPORT_NUMBER, 1 },
	{ "pid", REPORT_NUMBER, 3 },
	{ "state", REPORT_TEXT, 1 },
	{ "serving_s", REPORT_NUMBER, 4 },
	{ "clients", REPORT_NUMBER, 1 },
	{ "stanzas_up", REPORT_NUMBER, 2 },
	{ "stanzas_down", REPORT_NUMBER, 2 },
};

void
command_show_workers(struct request *request)
{
	struct region *region = request->view->region;
	struct master_process *children =
	    xcalloc(master_state_room(region), sizeof(*children));
	uint32_t count = master_state_processes(region, children), i;

	request->table = (struct report_table){ .noun = "processes",
		.columns = process_columns,
		.count = ARRAY_LEN(process_columns) };
	request->answer = json_array();
	for (i = 0; i < count; i++)
		if (strcmp(children[i].name, "control") != 0)
			json_array_append_new(request->answer,
			    describe(region, &children[i]));
	free(children);
}

/* --- links --- */

static const struct report_column link_columns[] = {
	{ "link", REPORT_NUMBER, 1 },
	{ "state", REPORT_TEXT, 1 },
	{ "address", REPORT_TEXT, 2 },
	{ "since_s", REPORT_NUMBER, 4 },
	{ "failures", REPORT_NUMBER, 3 },
	{ "lanes", REPORT_NUMBER, 5 },
	{ "unconfirmed_entries", REPORT_NUMBER, 5 },
	{ "unconfirmed_bytes", REPORT_NUMBER, 3 },
	{ "round_trip_us", REPORT_NUMBER, 3 },
	{ "silent_s", REPORT_NUMBER, 2 },
	{ "barriers_sent", REPORT_NUMBER, 6 },
	{ "barriers_answered", REPORT_NUMBER, 6 },
	{ "open_barriers", REPORT_NUMBER, 6 },
	{ "uncovered", REPORT_NUMBER, 6 },
};

void
command_show_links(struct request *request)
{
	const struct commands_view *view = request->view;
	uint32_t now_s = steady_clock_coarse_s();
	struct link_report report;
	unsigned i;

	request->table = (struct report_table){ .noun = "links",
		.columns = link_columns,
		.count = ARRAY_LEN(link_columns) };
	request->answer = json_array();
	for (i = 0; i < LINKS_MAX; i++) {
		bool known = link_report_read(view->region, i, &report);
		json_t *link;

		if (!known && i >= view->config->server.link_count)
			continue;
		link = json_object();
		if (!known)
			report = (struct link_report){ .state = "unknown",
				.since_s = now_s };
		set(link, "link", i);
		set_text(link, "state", report.state);
		set_text(link, "address", report.address);
		set(link, "since_s", steady_clock_age_s(report.since_s, now_s));
		set(link, "failures", report.failures);
		set(link, "lanes", (uint64_t)__builtin_popcount(report.lanes));
		set(link, "unconfirmed_entries", report.unconfirmed_entries);
		set(link, "unconfirmed_bytes", report.unconfirmed_bytes);
		set(link, "round_trip_us", report.round_trip_us);
		set(link, "silent_s", age_of(report.silent_since));
		set(link, "barriers_sent", report.barriers_sent);
		set(link, "barriers_answered", report.barriers_answered);
		set(link, "open_barriers", report.barriers);
		set(link, "uncovered", report.uncovered);
		json_array_append_new(request->answer, link);
	}
}

/* --- lanes --- */

static const struct report_column lane_columns[] = {
	{ "lane", REPORT_NUMBER, 1 },
	{ "link", REPORT_TEXT, 1 },
	{ "state", REPORT_TEXT, 1 },
	{ "unconfirmed_entries", REPORT_NUMBER, 3 },
	{ "unconfirmed_bytes", REPORT_NUMBER, 2 },
	{ "unsent_entries", REPORT_NUMBER, 3 },
	{ "unsent_bytes", REPORT_NUMBER, 2 },
	{ "oldest_s", REPORT_NUMBER, 2 },
	{ "uncollected_bytes", REPORT_NUMBER, 4 },
};

static json_t *
describe_lane(unsigned number, const struct lane_report *report)
{
	json_t *lane = json_object();
	char link[16] = "none";

	if (report->link < LINKS_MAX)
		snprintf(link, sizeof(link), "%u", report->link);
	set(lane, "lane", number);
	set_text(lane, "link", link);
	set_text(lane, "state", report->state);
	set(lane, "unconfirmed_entries", report->unconfirmed_entries);
	set(lane, "unconfirmed_bytes", report->unconfirmed_bytes);
	set(lane, "unsent_entries", report->unsent_entries);
	set(lane, "unsent_bytes", report->unsent_bytes);
	set(lane, "oldest_s", age_of(report->oldest_since));
	set(lane, "uncollected_bytes", report->uncollected_bytes);
	return lane;
}

void
command_show_lanes(struct request *request)
{
	struct lane_report report;
	unsigned i;

	request->table = (struct report_table){ .noun = "lanes",
		.columns = lane_columns,
		.count = ARRAY_LEN(lane_columns) };
	request->answer = json_array();
	for (i = 0; i < LANE_COUNT; i++) {
		if (!lane_report_read(request->view->region, i, &report))
			report = (struct lane_report){ .state = "unknown",
				.link = LINKS_MAX };
		json_array_append_new(request->answer,
		    describe_lane(i, &report));
	}
}

/* --- text of others --- */

static void
add_option(void *context, const char *path, const char *value, unsigned line)
{
	struct request *request = context;
	json_t *option = json_object();
	char source[PATH_MAX + 16] = "default";

	if (line == CONFIG_LINE_GIVEN)
		snprintf(source, sizeof(source), "command line");
	else if (line)
		snprintf(source, sizeof(source), "%s:%u",
		    request->view->config->path, line);
	set_text(option, "option", path);
	set_text(option, "value", value);
	set_text(option, "source", source);
	json_array_append_new(request->answer, option);
}

static const struct report_column option_columns[] = {
	{ "option", REPORT_TEXT, 1 },
	{ "value", REPORT_TEXT, 1 },
	{ "source", REPORT_TEXT, 2 },
};

void
command_show_config(struct request *request)
{
	request->table = (struct report_table){ .noun = "options",
		.columns = option_columns,
		.count = ARRAY_LEN(option_columns) };
	request->answer = json_array();
	config_each(request->view->config, add_option, request);
}

void
command_show_metrics(struct request *request)
{
	struct buf out;

	buf_init(&out, 0);
	state_metrics(request->view, &out);
	buf_append_char(&out, '\0');
	request->answer = report_string((const char *)buf_bytes(&out));
	buf_destroy(&out);
}
