/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_orders - what each signal has the master do.
 */
#include "master/supervisor_state.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "master/log_target.h"
#include "master/reload.h"
#include "master/supervisor.h"
#include "master/worker_pool.h"

#include <math.h>

/* Who signals a process and its group, as timeout(1) does, is not impatient. */
#define SAME_SIGNAL_S 0.5

/* Beyond the window: for the last to take the end of their streams. */
#define DRAIN_MARGIN_S 2.0

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
		supervisor->drained_by = now + window + DRAIN_MARGIN_S +
					 config->client.end_timeout_s;
	worker_pool_drain_all(supervisor->children, now,
	    (unsigned)ceil(window));
}

static void
on_reload(struct supervisor *supervisor, const char *name)
{
	struct reload_report report;

	log_at(LOG_NOTICE, "reloading signal=%s", name);
	(void)supervisor_reload(supervisor, &report);
	reload_report_free(&report);
}

static void
on_reopen(struct supervisor *supervisor, const char *name)
{
	if (log_target_open(supervisor->config,
		supervisor->setup->background) == 0)
		children_send_log(supervisor->children);
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

void
supervisor_on_signal(void *context, enum signal_event event, const char *name)
{
	struct supervisor *supervisor = context;

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
