/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include "common/base/log.h"
#include "common/base/panic.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/confine.h"
#include "common/process/heritage.h"
#include "common/process/privilege.h"
#include "common/process/snapshot.h"
#include "common/process/title.h"
#include "common/shm/ledger.h"
#include "common/shm/process_page.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "common/xmpp/framer.h"
#include "worker/supervised.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The master's handlers and mask are not ours; its orders come through the
 * channel, so a signal to the whole group does nothing here. */
static void
reset_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGHUP, SIGINT,
		SIGQUIT, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH,
		SIGTERM };
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	size_t i;

	sigaction(SIGCHLD, &action, NULL);
	action.sa_handler = SIG_IGN;
	for (i = 0; i < ARRAY_LEN(ignored); i++)
		sigaction(ignored[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
name_process(const struct heritage *heritage)
{
	char name[32];

	if (heritage->role == CHILD_UPSTREAM)
		snprintf(name, sizeof(name), "upstream");
	else if (heritage->role == CHILD_CONTROL)
		snprintf(name, sizeof(name), "control");
	else
		snprintf(name, sizeof(name), "worker %u", heritage->partition);
	title_set("%s", name);
	if (heritage->standby)
		snprintf(name, sizeof(name), "standby");
	title_show(name);
	log_init(name, log_get_level()); /* as the master has it now */
}

static void
drop_descriptors(struct heritage *heritage)
{
	size_t room = heritage->partition_count + heritage->link_count + 4;
	int *keep = xcalloc(room, sizeof(*keep));
	size_t count = 0, i;

	keep[count++] = heritage->channel_fd;
	keep[count++] = log_sink_fd();
	if (heritage->role == CHILD_CONTROL) {
		keep[count++] = heritage->control_fd;
		keep[count++] = heritage->http_fd;
	} else {
		keep[count++] = heritage->upstream_doorbell;
	}
	/* Upstream rings all workers' doorbells; a worker waits for its own. */
	for (i = 0; i < heritage->partition_count; i++)
		if (heritage->role == CHILD_UPSTREAM ||
		    (heritage->role == CHILD_CLIENT &&
			i == heritage->partition))
			keep[count++] = heritage->worker_doorbells[i];
	for (i = 0; i < heritage->link_count; i++)
		if (heritage->role == CHILD_UPSTREAM)
			keep[count++] = heritage->links[i].fd;
	CHECK(privilege_close_others(keep, count) == 0);
	free(keep);
}

static void
take_ledger(struct heritage *heritage)
{
	struct ledger *ledger = heritage->ledger;

	if (!ledger)
		return;
	if (heritage->role == CHILD_UPSTREAM)
		CHECK(ledger_become_upstream(ledger) == 0);
	else if (heritage->role == CHILD_CONTROL)
		CHECK(ledger_become_control(ledger) == 0);
	else
		CHECK(ledger_become_worker(ledger, heritage->partition) == 0);
}

static void
take_region(struct heritage *heritage)
{
	if (heritage->role == CHILD_UPSTREAM)
		CHECK(region_become_upstream(heritage->region) == 0);
	else if (heritage->role == CHILD_CONTROL)
		CHECK(region_become_control(heritage->region) == 0);
	else
		CHECK(region_become_worker(heritage->region,
			  heritage->partition) == 0);
}

/* Counters, and what operators are told; of one process at a time. */
static void
take_row(const struct heritage *heritage)
{
	uint32_t row = heritage->partition;

	if (heritage->role == CHILD_UPSTREAM)
		row = STATS_ROW_UPSTREAM(heritage->partition_count);
	else if (heritage->role == CHILD_CONTROL)
		row = STATS_ROW_CONTROL(heritage->partition_count);
	stats_attach(heritage->region, row);
	panic_message_attach(heritage->region, row);
	recent_errors_attach(heritage->region, row);
}

/* What the master has of it is known to all roles, and this to ours alone. */
static void
take_config(struct heritage *heritage)
{
	int error = snapshot_open(heritage->snapshot_fd, &heritage->config);

	if (!error)
		return;
	panic_write_message("received no configuration");
	log_at(LOG_ERROR, "received no configuration error=\"%s\"",
	    strerror(-error));
	_exit(EXIT_FAILURE);
}

void
worker_refuse_config(const char *why)
{
	panic_write_message("%s", why); /* the master logs it, too */
	log_at(LOG_ERROR, "cannot work as configured error=\"%s\"", why);
	_exit(CHILD_EXIT_CONFIG);
}

struct ev_loop *
worker_begin(struct heritage *heritage)
{
	struct privilege_rest rest;
	struct ev_loop *loop;

	recent_errors_hold();
	reset_signals();
	setpgid(0, 0);
	name_process(heritage);
	framer_renew_salt();
	log_sink_echo(false);
	if (heritage->background)
		fd_leave_standard();
	take_region(heritage);
	if (heritage->standby)
		stats_detach();
	else
		take_row(heritage);
	take_config(heritage);
	take_ledger(heritage);
	drop_descriptors(heritage);
	rest = (struct privilege_rest){
		.user = heritage->config->user,
		.group = heritage->config->group,
		.root_directory = heritage->config->root_directory,
		.core = heritage->config->core_dumps,
	};
	if (privilege_drop(&rest) != 0)
		worker_refuse_config("privileges cannot be given up");
	loop = ev_loop_new(EVFLAG_NOENV | EVFLAG_NOSIGMASK | EVBACKEND_EPOLL);
	CHECK(loop);
	return loop;
}

void
worker_take_place(struct heritage *heritage)
{
	heritage->standby = false;
	title_show("upstream");
	log_init("upstream", log_get_level());
	take_row(heritage);
}

void
worker_confine(const struct heritage *heritage)
{
	if (heritage->config->seccomp && confine_process(heritage->role) != 0)
		worker_refuse_config("this kernel does not limit system calls;"
				     " set seccomp to false to go without");
}

struct heartbeat {
	ev_timer timer;
	struct supervised *supervised;
	_Atomic uint64_t *word;
};

static void
on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct heartbeat *heartbeat = timer->data;
	struct channel_message lost = { .type = CHANNEL_LOG_LOST, .fd = -1 };

	(void)loop;
	(void)events;
	atomic_fetch_add_explicit(heartbeat->word, 1, memory_order_relaxed);
	if (log_sink_is_lost())
		supervised_send(heartbeat->supervised, &lost);
}

void
worker_start_heartbeat(struct supervised *supervised,
    _Atomic uint64_t *heartbeat_word)
{
	static struct heartbeat heartbeat;

	heartbeat.supervised = supervised;
	heartbeat.word = heartbeat_word;
	ev_timer_init(&heartbeat.timer, on_heartbeat, 0., 1.);
	heartbeat.timer.data = &heartbeat;
	ev_timer_start(supervised->loop, &heartbeat.timer);
}
