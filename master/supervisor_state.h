/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_state - what supervisor.c, acts.c, reload.c and
 * supervisor_stages.c share. Private to them; each uses only those named after
 * it.
 */
#ifndef MASTER_SUPERVISOR_STATE_H
#define MASTER_SUPERVISOR_STATE_H

#include "common/base/certificate.h"
#include "master/children.h"
#include "master/config_apart.h"
#include "master/resources.h"
#include "master/service_manager.h"
#include "master/signals.h"

struct supervisor_setup;

enum stage {
	STAGE_STARTING,
	STAGE_RUNNING,
	STAGE_STOPPING_WORKERS,
	STAGE_STOPPING_UPSTREAM,
	STAGE_STOPPING_CONTROL,
	STAGE_OVER,
};

struct supervisor {
	const struct config *config;
	struct config_apart reloaded; /* empty: that of the start counts */
	const struct supervisor_setup *setup;
	struct ev_loop *loop;
	enum stage stage;
	struct resources resources;
	struct children *children;
	struct signals signals;
	int64_t started_s; /* unix time, for people */
	uint32_t begun_s;  /* the same moment; steady_clock.h */
	ev_prepare turn;   /* its end */
	ev_timer timer;
	ev_timer too_late; /* in the background, while it starts */
	double due;        /* when the timer is to fire; HUGE_VAL: never */
	double signalled;  /* when ordered to stop last */
	double
	    drained_by; /* or it stops all the same; supervisor_is_draining */
	bool log_lost;
	bool failed; /* it could not serve at all */
	struct service_manager service_manager;
	ev_timer announcing;
	ev_timer looking; /* at certificates, again and again */
	struct certificate_watch certificate_watch;
};

/* --- supervisor_stages.c --- */

/* The timers start: what is due is done at once and then in time, the service
 * manager is told of it, certificates are looked at, and in the background the
 * start is limited. */
void supervisor_start_clock(struct supervisor *supervisor);
void supervisor_stop_clock(struct supervisor *supervisor);

/* Goes as far as the children's state allows, and does what is due. */
void supervisor_go_on(struct supervisor *supervisor);
void supervisor_stop_workers(struct supervisor *supervisor);
/* True while it is to stop when the last client has gone. */
bool supervisor_is_draining(const struct supervisor *supervisor);

/* What operators may know now is put where control reads it. */
void supervisor_publish(struct supervisor *supervisor);

/* Tells the service manager the whole state. */
void supervisor_announce(struct supervisor *supervisor);
/* Warns of those certificates of the configuration in force, of each finding
 * once a day. */
void supervisor_take_certificates(struct supervisor *supervisor);

#endif
