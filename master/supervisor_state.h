/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_state - what supervisor.c and supervisor_reload.c share. Private
 * to both.
 */
#ifndef MASTER_SUPERVISOR_STATE_H
#define MASTER_SUPERVISOR_STATE_H

#include "master/children.h"
#include "master/control.h"
#include "master/estate.h"
#include "master/service_manager.h"
#include "master/signals.h"

struct reload_report;
struct supervisor_setup;

enum stage {
	STAGE_STARTING,
	STAGE_RUNNING,
	STAGE_STOPPING_WORKERS,
	STAGE_STOPPING_UPSTREAM,
	STAGE_OVER,
};

struct supervisor {
	const struct config *config;
	struct config *reloaded; /* owned; NULL: that of the start counts */
	const struct supervisor_setup *setup;
	struct ev_loop *loop;
	enum stage stage;
	struct estate estate;
	struct children *children;
	struct signals signals;
	struct control *control; /* NULL: there is no socket */
	struct commands_view view;
	ev_timer timer;
	ev_timer too_late; /* in the background, while it starts */
	double due;        /* when the timer is to fire; HUGE_VAL: never */
	double signalled;  /* when told to stop last */
	bool log_lost;
	bool failed; /* it could not serve at all */
	struct service_manager service_manager;
	ev_timer announcing;
};

/* Tells the service manager the whole state. */
void supervisor_announce(struct supervisor *supervisor);

/* Takes the configuration's file as it is now, or nothing: false. The report is
 * the caller's to free; what it says is in the log. */
bool supervisor_reload(void *supervisor, struct reload_report *report_out);

#endif
