/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_stages - how far the master's life has come, what is due, and what
 * the service manager and operators are told of it.
 */
#include "master/supervisor_state.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "master/certificates.h"
#include "master/daemon.h"
#include "master/log_target.h"
#include "master/messages.h"
#include "master/supervisor.h"
#include "master/worker_pool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What upstream may need beyond its own bound to end its links. */
#define UPSTREAM_MARGIN_S 4.0

/* It has nothing to finish. */
#define CONTROL_STOP_S 4.0

/* The loop came back so much later than it was to: the master was stopped, or
 * the whole machine. */
#define PAUSE_S 1.0

/* --- what the service manager sees --- */

/* The whole state, so that the last datagram alone is true. */
void
supervisor_announce(struct supervisor *supervisor)
{
	struct region *region = supervisor->resources.region;
	uint64_t sessions = stats_sum(region, STAT_CLIENTS_OPEN);
	char words[SERVICE_WORDS_MAX];

	if (supervisor->stage == STAGE_STARTING)
		snprintf(words, sizeof(words), "STATUS=starting");
	else if (supervisor->stage == STAGE_RUNNING &&
		 worker_pool_is_leaving(supervisor->children))
		snprintf(words, sizeof(words),
		    "STATUS=draining, %" PRIu64 " sessions left", sessions);
	else if (supervisor->stage == STAGE_RUNNING)
		snprintf(words, sizeof(words),
		    "READY=1\nSTATUS=%" PRIu64 " sessions, %" PRIu64
		    "/%u links",
		    sessions, stats_sum(region, STAT_LINKS_UP),
		    supervisor->config->server.link_count);
	else
		snprintf(words, sizeof(words),
		    "STOPPING=1\nSTATUS=stopping, %" PRIu64 " sessions left",
		    sessions);
	service_manager_notify(&supervisor->service_manager, words,
	    steady_clock_s());
}

static void
on_announcing(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	supervisor_announce(timer->data);
}

static void
start_announcing(struct supervisor *supervisor)
{
	double period_s =
	    service_manager_period_s(&supervisor->service_manager);

	ev_timer_init(&supervisor->announcing, on_announcing, period_s,
	    period_s);
	supervisor->announcing.data = supervisor;
	if (period_s <= 0)
		return;
	ev_timer_start(supervisor->loop, &supervisor->announcing);
	supervisor_announce(supervisor);
}

/* --- what operators may know: once a turn of the loop, and after each act ---
 */

static struct master_summary
summarize(const struct supervisor *supervisor)
{
	const struct children *children = supervisor->children;

	return (struct master_summary){
		.pid = (uint32_t)getpid(),
		.begun_s = supervisor->begun_s,
		.started_s = supervisor->started_s,
		.region_bytes =
		    region_occupied_bytes(supervisor->resources.region),
		.workers = children_alive(children, CHILD_CLIENT),
		.workers_wanted = worker_pool_wanted(children),
		.workers_draining = worker_pool_closes_at(children) != HUGE_VAL
					? children_alive(children, CHILD_CLIENT)
					: worker_pool_draining(children),
		.closed = worker_pool_is_leaving(children),
		.complete = children_all_serve(children),
		.listeners = supervisor->resources.listeners.count,
	};
}

void
supervisor_publish(struct supervisor *supervisor)
{
	struct region *region = supervisor->resources.region;
	struct master_process *rows =
	    xcalloc(master_state_room(region), sizeof(*rows));
	struct master_summary summary = summarize(supervisor);
	uint32_t i;

	summary.process_count = children_describe(supervisor->children, rows);
	master_state_publish(region, &summary, rows);
	for (i = 0; i < supervisor->resources.partition_count; i++)
		master_state_use_partition(region, i,
		    worker_pool_partition_is_used(supervisor->children, i));
	free(rows);
}

/* --- certificates, when they are taken and as time goes by --- */

static void
look(struct supervisor *supervisor)
{
	certificates_watch(&supervisor->certificate_watch, supervisor->config,
	    certificates_now_s(), steady_clock_s());
}

static void
on_looking(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look(timer->data);
}

void
supervisor_take_certificates(struct supervisor *supervisor)
{
	const struct certificate_list *list = &supervisor->config->certificates;

	if (list->left_out > 0)
		log_at(LOG_INFO,
		    "only those certificates are watched that expire first"
		    " watched=%u left_out=%u",
		    list->count, list->left_out);
	look(supervisor);
}

static void
start_looking(struct supervisor *supervisor)
{
	ev_timer_init(&supervisor->looking, on_looking, CERTIFICATE_LOOK_S,
	    CERTIFICATE_LOOK_S);
	supervisor->looking.data = supervisor;
	ev_timer_start(supervisor->loop, &supervisor->looking);
	supervisor_take_certificates(supervisor);
}

/* --- stages --- */

bool
supervisor_is_draining(const struct supervisor *supervisor)
{
	return supervisor->drained_by > 0 &&
	       supervisor->stage < STAGE_STOPPING_WORKERS &&
	       worker_pool_is_leaving(supervisor->children);
}

static void
stop_upstream(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_STOPPING_UPSTREAM;
	children_stop(supervisor->children, CHILD_UPSTREAM, steady_clock_s(),
	    supervisor->config->server.stop_timeout_s + UPSTREAM_MARGIN_S);
}

static void
stop_control(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_STOPPING_CONTROL;
	children_stop(supervisor->children, CHILD_CONTROL, steady_clock_s(),
	    CONTROL_STOP_S);
}

void
supervisor_stop_workers(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_STOPPING_WORKERS;
	children_stop(supervisor->children, CHILD_CLIENT, steady_clock_s(),
	    supervisor->config->server.stop_timeout_s);
}

static void
fail(struct supervisor *supervisor, const char *why)
{
	log_at(LOG_ERROR, "stopping reason=\"%s\"", why);
	supervisor->failed = true;
	supervisor_stop_workers(supervisor);
}

/* Goes as far as the children's state allows. */
static void
advance(struct supervisor *supervisor)
{
	struct children *children = supervisor->children;

	if (supervisor->stage == STAGE_STARTING &&
	    children_all_serve(children)) {
		supervisor->stage = STAGE_RUNNING;
		ev_timer_stop(supervisor->loop, &supervisor->too_late);
		log_at(LOG_NOTICE, "ready workers=%u listeners=%u",
		    supervisor->config->worker_count,
		    supervisor->resources.listeners.count);
		log_sink_echo(false);
		daemon_release(0);
	}
	if (supervisor->stage < STAGE_STOPPING_WORKERS &&
	    children_are_lost(children))
		fail(supervisor, "no process is left that could serve clients");
	if (supervisor_is_draining(supervisor) &&
	    children_alive(children, CHILD_CLIENT) == 0)
		supervisor->stage = STAGE_STOPPING_WORKERS;
	if (supervisor->stage == STAGE_STOPPING_WORKERS &&
	    children_alive(children, CHILD_CLIENT) == 0)
		stop_upstream(supervisor);
	supervisor_announce(supervisor);
	if (supervisor->stage == STAGE_STOPPING_UPSTREAM &&
	    children_alive(children, CHILD_UPSTREAM) == 0)
		stop_control(supervisor);
	if (supervisor->stage == STAGE_STOPPING_CONTROL &&
	    children_alive(children, CHILD_CONTROL) == 0) {
		supervisor->stage = STAGE_OVER;
		ev_break(supervisor->loop, EVBREAK_ALL);
	}
}

/* --- the log --- */

/* Syslog or the journal was restarted: as soon as it is there again. */
static void
restore_log(struct supervisor *supervisor)
{
	supervisor->log_lost |= log_sink_is_lost();
	supervisor->log_lost |= children_lost_log(supervisor->children);
	if (!supervisor->log_lost || log_target_retry(supervisor->config,
					 supervisor->setup->background) != 0)
		return;
	supervisor->log_lost = false;
	messages_send_log(supervisor->children);
	log_at(LOG_NOTICE, "the log was lost for a while");
}

/* --- the clock --- */

static void
notice_pause(const struct supervisor *supervisor, double now)
{
	double pause_s = now - supervisor->due;

	if (pause_s < PAUSE_S)
		return;
	log_at(LOG_WARNING, "the master did not run for a while seconds=%.1f",
	    pause_s);
	children_resume(supervisor->children, now, pause_s);
}

static void
end_drain(struct supervisor *supervisor, double now)
{
	if (!supervisor_is_draining(supervisor) || now < supervisor->drained_by)
		return;
	log_at(LOG_WARNING, "not drained in time; stopping");
	supervisor_stop_workers(supervisor);
}

/* Does what is due and sleeps until the next time. */
static void
tend(struct supervisor *supervisor)
{
	double now = steady_clock_s();

	notice_pause(supervisor, now);
	restore_log(supervisor);
	end_drain(supervisor, now);
	if (supervisor->stage < STAGE_STOPPING_WORKERS)
		worker_pool_close_due(supervisor->children, now);
	supervisor->due = children_tend(supervisor->children, now);
	if (supervisor->stage < STAGE_STOPPING_WORKERS)
		supervisor->due = MIN(supervisor->due,
		    worker_pool_closes_at(supervisor->children));
	if (supervisor_is_draining(supervisor))
		supervisor->due = MIN(supervisor->due, supervisor->drained_by);
	ev_timer_stop(supervisor->loop, &supervisor->timer);
	if (supervisor->due == HUGE_VAL || supervisor->stage == STAGE_OVER)
		return;
	ev_timer_set(&supervisor->timer, MAX(supervisor->due - now, 0.001), 0.);
	ev_timer_start(supervisor->loop, &supervisor->timer);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tend(timer->data);
}

void
supervisor_go_on(struct supervisor *supervisor)
{
	advance(supervisor);
	tend(supervisor);
}

static void
on_too_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	fail(timer->data, "not ready in time");
	supervisor_go_on(timer->data);
}

/* A first try and a second after the least back-off. */
static void
limit_start(struct supervisor *supervisor)
{
	ev_timer_init(&supervisor->too_late, on_too_late,
	    3 * supervisor->config->ready_timeout_s, 0.);
	supervisor->too_late.data = supervisor;
	if (supervisor->setup->background)
		ev_timer_start(supervisor->loop, &supervisor->too_late);
}

void
supervisor_start_clock(struct supervisor *supervisor)
{
	ev_timer_init(&supervisor->timer, on_timer, 0., 0.);
	supervisor->timer.data = supervisor;
	start_announcing(supervisor);
	start_looking(supervisor);
	limit_start(supervisor);
	tend(supervisor);
}

void
supervisor_stop_clock(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->timer);
	ev_timer_stop(supervisor->loop, &supervisor->announcing);
	ev_timer_stop(supervisor->loop, &supervisor->looking);
	ev_timer_stop(supervisor->loop, &supervisor->too_late);
}
