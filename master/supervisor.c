/* SPDX-License-Identifier: Apache-2.0 */
#include "master/supervisor.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/process/privilege.h"
#include "common/process/title.h"
#include "common/shm/ledger.h"
#include "common/shm/process_page.h"
#include "common/shm/stats.h"
#include "master/acts.h"
#include "master/log_target.h"
#include "master/messages.h"
#include "master/orphans.h"
#include "master/reload.h"
#include "master/supervisor_state.h"
#include "master/worker_pool.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Who signals a process and its group, as timeout(1) does, is not impatient. */
#define SAME_SIGNAL_S 0.5

/* Beyond the window: for the last to take the end of their streams. */
#define DRAIN_MARGIN_S 2.0

/* --- what each signal has it do --- */

static void
on_stop(struct supervisor *supervisor, const char *name)
{
	double now = steady_clock_s();
	bool again = now - supervisor->signalled < SAME_SIGNAL_S;

	supervisor->signalled = now;
	if (supervisor->stage >= STAGE_STOPPING_WORKERS && again)
		return;
	if (supervisor->stage >= STAGE_STOPPING_WORKERS) {
		log_at(LOG_NOTICE, "stopping at once signal=%s", name);
		children_hurry(supervisor->children, now);
		supervisor_go_on(supervisor);
		return;
	}
	log_at(LOG_NOTICE, "stopping signal=%s", name);
	supervisor->failed |= supervisor->setup->background &&
			      supervisor->stage == STAGE_STARTING;
	supervisor_stop_workers(supervisor);
	supervisor_go_on(supervisor);
}

/* Told again it stops, as with any other signal to stop. */
static void
on_drain(struct supervisor *supervisor, const char *name)
{
	const struct config *config = supervisor->config;
	double now = steady_clock_s(), window = config->drain_window_s;
	double delay = config->drain_delay_s;
	bool again = now - supervisor->signalled < SAME_SIGNAL_S;

	if (supervisor->stage >= STAGE_STOPPING_WORKERS ||
	    (supervisor_is_draining(supervisor) && !again)) {
		on_stop(supervisor, name);
		return;
	}
	supervisor->signalled = now;
	if (supervisor_is_draining(supervisor))
		return;
	log_at(LOG_NOTICE, "draining, then stopping signal=%s window_s=%.0f",
	    name, window);
	supervisor->drained_by = HUGE_VAL;
	if (window > 0)
		supervisor->drained_by = now + delay + window + DRAIN_MARGIN_S +
					 config->client.end_timeout_s;
	worker_pool_drain_all(supervisor->children, now, delay,
	    (unsigned)ceil(window));
}

static void
on_reload(struct supervisor *supervisor, const char *name)
{
	struct reload_report report;

	if (supervisor->stage >= STAGE_STOPPING_WORKERS) {
		log_at(LOG_NOTICE, "stopping, so nothing is reloaded signal=%s",
		    name);
		return;
	}
	log_at(LOG_NOTICE, "reloading signal=%s", name);
	(void)!reload_take(supervisor, &report);
	reload_report_free(&report);
}

static void
on_reopen(struct supervisor *supervisor, const char *name)
{
	if (log_target_open(supervisor->config,
		supervisor->setup->background) == 0)
		messages_send_log(supervisor->children);
	log_at(LOG_NOTICE, "log reopened signal=%s", name);
}

static void
on_count(struct supervisor *supervisor, const char *name, int change)
{
	unsigned wanted = worker_pool_wanted(supervisor->children);

	if (supervisor->stage >= STAGE_STOPPING_WORKERS ||
	    worker_pool_want(supervisor->children, wanted + (unsigned)change,
		steady_clock_s()) != 0)
		log_at(LOG_WARNING,
		    "the number of workers stays signal=%s workers=%u"
		    " hint=\"1 to workers.max\"",
		    name, wanted);
	else
		log_at(LOG_NOTICE, "signal=%s workers=%u", name,
		    wanted + (unsigned)change);
}

static void
on_signal(struct supervisor *supervisor, enum signal_event event,
    const char *name)
{
	switch (event) {
	case SIGNAL_STOP:
		on_stop(supervisor, name);
		break;
	case SIGNAL_DRAIN:
		on_drain(supervisor, name);
		break;
	case SIGNAL_CHILD:
		children_reap(supervisor->children, steady_clock_s());
		break;
	case SIGNAL_REOPEN:
		on_reopen(supervisor, name);
		break;
	case SIGNAL_RELOAD:
		on_reload(supervisor, name);
		break;
	case SIGNAL_MORE:
		on_count(supervisor, name, 1);
		break;
	case SIGNAL_FEWER:
		on_count(supervisor, name, -1);
		break;
	case SIGNAL_UNSUPPORTED:
		log_at(LOG_NOTICE, "signal without effect signal=%s", name);
		break;
	}
}

/* --- the end of a turn --- */

/* What it has brought, and what follows from that; then all is as operators may
 * see it, before one has his answer. */
static void
on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
	struct supervisor *supervisor = turn->data;
	struct children *children = supervisor->children;
	enum signal_event event;
	const char *name;
	struct act *act;

	(void)loop;
	(void)events;
	while (signals_take(&supervisor->signals, &event, &name))
		on_signal(supervisor, event, name);
	act = messages_asked(children);
	if (act)
		acts_perform(supervisor, act);
	while (children_take_change(children))
		supervisor_go_on(supervisor);
	supervisor_publish(supervisor);
	if (act)
		messages_answer(children);
}

static void
start_turns(struct supervisor *supervisor)
{
	ev_prepare_init(&supervisor->turn, on_turn);
	supervisor->turn.data = supervisor;
	ev_prepare_start(supervisor->loop, &supervisor->turn);
	supervisor_publish(supervisor);
}

/* --- life --- */

/* Not libev's default loop: that one reaps children by itself. */
static void
start(struct supervisor *supervisor)
{
	struct children_setup setup = {
		.loop = supervisor->loop,
		.resources = &supervisor->resources,
		.mains = supervisor->setup->mains,
		.background = supervisor->setup->background,
	};

	stats_attach(supervisor->resources.region,
	    supervisor->resources.partition_count);
	recent_errors_attach(supervisor->resources.region,
	    supervisor->resources.partition_count);
	ledger_set_process(supervisor->resources.ledger,
	    RESOURCES_PROCESS_MASTER, getpid(), orphans_start_ticks(getpid()));
	supervisor->children = children_new(&setup);
	supervisor->started_s = time(NULL);
	supervisor->begun_s = steady_clock_coarse_s();
	start_turns(supervisor);
	signals_start(&supervisor->signals, supervisor->loop);
	supervisor_start_clock(supervisor);
}

static int
finish(struct supervisor *supervisor)
{
	bool forced = children_were_killed(supervisor->children);

	signals_stop(&supervisor->signals);
	ev_prepare_stop(supervisor->loop, &supervisor->turn);
	supervisor_stop_clock(supervisor);
	service_manager_close(&supervisor->service_manager);
	children_free(&supervisor->children);
	ledger_set_process(supervisor->resources.ledger,
	    RESOURCES_PROCESS_MASTER, 0, 0);
	recent_errors_hold();
	resources_close(&supervisor->resources);
	ev_loop_destroy(supervisor->loop);
	config_apart_close(&supervisor->reloaded);
	log_at(LOG_NOTICE, forced ? "stopped by force" : "stopped");
	return forced || supervisor->failed ? 1 : 0;
}

int
supervisor_run(const struct config *config,
    const struct supervisor_setup *setup)
{
	struct supervisor supervisor = {
		.config = config, .setup = setup, .due = HUGE_VAL
	};
	struct resources *resources = &supervisor.resources;

	log_at(LOG_NOTICE, "starting version=%s config=%s name=%s domain=%s",
	    CM_VERSION, config->path, config->server.manager_name,
	    config->server.domain);
	service_manager_open(&supervisor.service_manager);
	if (resources_open(resources, config, setup->inherited) != 0) {
		service_manager_close(&supervisor.service_manager);
		return 1;
	}
	if (setup->snapshots)
		memcpy(resources->snapshots, setup->snapshots,
		    sizeof(resources->snapshots));
	if (privilege_restrict_master() != 0) {
		service_manager_close(&supervisor.service_manager);
		resources_close(resources);
		return 1;
	}
	title_set("master");
	supervisor.loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	CHECK(supervisor.loop);
	start(&supervisor);
	ev_run(supervisor.loop, 0);
	return finish(&supervisor);
}
