/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/state_facts.h"

#include "common/process/config.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"
#include "worker/control/certificates_shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
state_server_phase(const struct commands_view *view)
{
	static const char *const names[] = { [SERVER_UNKNOWN] = "unknown",
		[SERVER_SERVING] = "serving",
		[SERVER_HOLDING] = "holding",
		[SERVER_GONE] = "gone" };
	struct server_state *state = xcalloc(1, sizeof(*state));
	const char *name = "unknown";

	if (server_state_read(view->region, state) &&
	    state->phase < ARRAY_LEN(names))
		name = state->pause != PAUSE_NONE ? STATE_PAUSED
						  : names[state->phase];
	free(state);
	return name;
}

enum server_pause
state_pause(const struct commands_view *view, uint32_t *until_s_out)
{
	struct server_state *state = xcalloc(1, sizeof(*state));
	enum server_pause pause;

	(void)server_state_read(view->region, state);
	pause = (enum server_pause)MIN(state->pause, PAUSE_AWAITING);
	*until_s_out = state->pause_until_s;
	free(state);
	return pause;
}

void
state_server_limits(const struct commands_view *view, uint32_t *rate_out,
    uint32_t *burst_s_out)
{
	struct server_state *state = xcalloc(1, sizeof(*state));

	(void)server_state_read(view->region, state);
	*rate_out = state->offers[0].limit_rate;
	*burst_s_out = state->offers[0].limit_burst_s;
	free(state);
}

const char *
state_trouble(const struct commands_view *view)
{
	struct master_summary master;
	const char *phase;

	(void)master_state_read(view->region, &master);
	if (master.closed)
		return "drained";
	if (master.workers == 0)
		return "starting";
	phase = state_server_phase(view);
	if (strcmp(phase, "serving") == 0)
		return NULL;
	return strcmp(phase, "holding") == 0 || strcmp(phase, STATE_PAUSED) == 0
		   ? phase
		   : "unreachable";
}

static bool
is_first_of_family(enum statistic stat)
{
	char before[64];

	if (stat == 0 || *stats_labels(stat - 1) == '\0')
		return true;
	(void)snprintf(before, sizeof(before), "%s", stats_family(stat - 1));
	return strcmp(before, stats_family(stat)) != 0;
}

static void
put_metric(struct buf *out, enum statistic stat, uint64_t value)
{
	bool gauge = stats_is_gauge(stat), first = is_first_of_family(stat);
	const char *suffix = gauge ? "" : "_total";
	const char *name = stats_family(stat), *labels = stats_labels(stat);

	if (first)
		buf_printf(out,
		    "# HELP cmanager_%s%s %s\n# TYPE cmanager_%s%s %s\n", name,
		    suffix, stats_help(stat), name, suffix,
		    gauge ? "gauge" : "counter");
	buf_printf(out, "cmanager_%s%s%s%s%s %llu\n", name, suffix,
	    *labels ? "{" : "", labels, *labels ? "}" : "",
	    (unsigned long long)value);
}

static void
put_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
	buf_printf(out,
	    "# HELP cmanager_%s %s\n# TYPE cmanager_%s gauge\n"
	    "cmanager_%s %llu\n",
	    name, help, name, name, (unsigned long long)value);
}

/* What alerts compare the counters with. */
static void
put_state(const struct commands_view *view, struct buf *out)
{
	const struct config *config = view->config;
	struct master_summary master;
	uint32_t workers;

	(void)master_state_read(view->region, &master);
	workers = master.workers;
	put_gauge(out, "server_serving", "1 while the server is reached",
	    strcmp(state_server_phase(view), "serving") == 0);
	put_gauge(out, "server_paused",
	    "1 while clients are held over a restart of the server",
	    strcmp(state_server_phase(view), STATE_PAUSED) == 0);
	put_gauge(out, "links_wanted", "links that are to be up",
	    config->server.link_count);
	put_gauge(out, "workers", "processes that serve clients", workers);
	put_gauge(out, "workers_wanted", "so many are to do so",
	    master.workers_wanted);
	put_gauge(out, "clients_max", "clients for whom these have room",
	    (uint64_t)workers * config->sessions_per_worker);
	put_gauge(out, "start_time_seconds", "when the master began",
	    (uint64_t)master.started_s);
}

void
state_metrics(const struct commands_view *view, struct buf *out)
{
	int stat;

	for (stat = 0; stat < STAT_COUNT; stat++)
		put_metric(out, (enum statistic)stat,
		    stats_sum(view->region, (enum statistic)stat));
	put_state(view, out);
	certificates_metrics(view, certificates_shown_now_s(), out);
}
