/* SPDX-License-Identifier: Apache-2.0 */
#include "master/child.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/shm/ledger.h"
#include "common/shm/process_page.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "master/orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const char *
child_name(const struct child *child)
{
	static char name[32];

	if (child->role == CHILD_UPSTREAM)
		return child->standby ? "standby" : "upstream";
	if (child->role == CHILD_CONTROL)
		return "control";
	snprintf(name, sizeof(name), "\"worker %u\"", child->partition);
	return name;
}

uint32_t
child_process_number(const struct child *child)
{
	switch (child->role) {
	case CHILD_UPSTREAM:
		return RESOURCES_PROCESS_UPSTREAM;
	case CHILD_CONTROL:
		return RESOURCES_PROCESS_CONTROL;
	case CHILD_CLIENT:
		break;
	}
	return RESOURCES_PROCESS_WORKERS + child->partition;
}

enum config_reader
child_reader(enum child_role role)
{
	if (role == CHILD_CONTROL)
		return CONFIG_CONTROL;
	return role == CHILD_UPSTREAM ? CONFIG_UPSTREAM : CONFIG_WORKER;
}

void
child_kill(struct child *child, const char *why)
{
	if (!child->pid)
		return; /* dead, its channel is still being read */
	log_at(LOG_WARNING, "killing process=%s pid=%d reason=\"%s\"",
	    child_name(child), (int)child->pid, why);
	kill(child->pid, SIGKILL);
}

/* --- talking --- */

static void
watch_writing(struct child *child)
{
	if (channel_wants_write(child->channel))
		ev_io_start(child->all->setup.loop, &child->write_io);
	else
		ev_io_stop(child->all->setup.loop, &child->write_io);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct child *child = io->data;

	(void)events;
	if (channel_flush(child->channel) != 0)
		ev_io_stop(loop, io);
	else
		watch_writing(child);
}

static void
open_channel(struct child *child, struct channel *channel)
{
	child->channel = channel;
	ev_io_init(&child->write_io, on_writable, channel_fd(channel),
	    EV_WRITE);
	child->write_io.data = child;
}

void
child_hang_up(struct child *child)
{
	if (!child->channel)
		return;
	ev_io_stop(child->all->setup.loop, &child->read_io);
	ev_io_stop(child->all->setup.loop, &child->write_io);
	channel_free(&child->channel);
}

/* 0 or -errno of channel_send(). */
static int
send_message(struct child *child, const struct channel_message *message)
{
	int error;

	if (!child->channel)
		return -EPIPE;
	error = channel_send(child->channel, message);
	if (error == 0)
		watch_writing(child);
	return error;
}

void
child_send(struct child *child, const struct channel_message *message)
{
	int error = send_message(child, message);

	if (error != 0 && error != -EPIPE)
		child_kill(child, "its channel is broken");
}

int
child_try_send(struct child *child, const struct channel_message *message)
{
	int error;

	if (child->channel && channel_is_half_full(child->channel))
		return -EAGAIN;
	error = send_message(child, message);
	if (error == -EPIPE)
		return -ESRCH;
	return error ? -EAGAIN : 0;
}

void
child_send_listener(struct child *child, const struct listener *listener)
{
	struct channel_message message = {
		.type = CHANNEL_LISTENER,
		.number = listener->id << 1 | listener->direct_tls,
		.fd = listener->fd,
	};

	child_send(child, &message);
}

void
child_drop_listener(struct child *child, const struct listener *listener)
{
	struct channel_message message = {
		.type = CHANNEL_LISTENER_DROP,
		.number = listener->id,
		.fd = -1,
	};

	child_send(child, &message);
}

/* --- starting --- */

/* In the child. The frames above stay on its stack, so what the master had is
 * still reachable; it is never used. No secret is in it (config_apart.h). */
NORETURN static void
be_child(const struct child *child, int channel_fd)
{
	const struct resources *resources = child->all->resources;
	const struct child_mains *mains = &child->all->setup.mains;
	struct heritage heritage = {
		.role = child->role,
		.partition = child->role == CHILD_CLIENT ? child->partition : 0,
		.incarnation = child->incarnation,
		.background = child->all->setup.background,
		.standby = child->standby,
		.channel_fd = channel_fd,
		.upstream_doorbell = resources->upstream_doorbell,
		.worker_doorbells = resources->worker_doorbells,
		.partition_count = resources->partition_count,
		.region = resources->region,
		.ledger = resources->ledger,
		.links = child->all->links.held,
		.link_count =
		    child->standby ? 0 : ARRAY_LEN(child->all->links.held),
		.control_fd = resources->control.fd,
		.http_fd = resources->http_fd,
		.access = resources->access,
		.snapshot_fd = resources->snapshots[child_reader(child->role)],
	};

	if (child->role == CHILD_CLIENT)
		mains->worker(&heritage);
	if (child->role == CHILD_CONTROL)
		mains->control(&heritage);
	if (child->standby)
		mains->standby(&heritage);
	mains->upstream(&heritage);
	abort();
}

static void
note_process(const struct child *child, pid_t pid)
{
	ledger_set_process(child->all->resources->ledger,
	    child_process_number(child), pid,
	    pid > 0 ? orphans_start_ticks(pid) : 0);
}

/* Signals wait: until the child has its own handlers it has ours. */
static pid_t
fork_quietly(void)
{
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	error = errno;
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

int
child_spawn(struct child *child)
{
	int ends[2];
	pid_t pid;
	int error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	pid = fork_quietly();
	if (pid == 0)
		be_child(child, ends[1]);
	error = -errno;
	fd_close(&ends[1]);
	if (pid < 0) {
		fd_close(&ends[0]);
		return error;
	}
	/* Control passes who asks, upstream the sockets of its links. */
	if (child->role == CHILD_CLIENT)
		(void)fd_refuse_descriptors(ends[0]);
	child->pid = pid;
	child->stood_by = false;
	if (!child->standby) /* it ends at once when the master does */
		note_process(child, pid);
	open_channel(child, channel_new(ends[0]));
	return 0;
}

void
child_become(struct child *child, struct child *other)
{
	struct channel *channel = other->channel;

	ev_io_stop(other->all->setup.loop, &other->read_io);
	ev_io_stop(other->all->setup.loop, &other->write_io);
	child->pid = other->pid;
	child->incarnation = other->incarnation;
	child->stood_by = true;
	other->pid = 0;
	other->channel = NULL;
	note_process(child, child->pid);
	open_channel(child, channel);
	watch_writing(child);
}

/* --- standing still --- */

static uint64_t
heartbeat(const struct child *child)
{
	struct region *region = child->all->resources->region;

	if (child->role == CHILD_UPSTREAM)
		return atomic_load_explicit(&region_upstream_control(region)
						 ->heartbeat,
		    memory_order_relaxed);
	if (child->role == CHILD_CONTROL)
		return atomic_load_explicit(&region_control_page(region)
						 ->heartbeat,
		    memory_order_relaxed);
	return atomic_load_explicit(&region_worker_control(region,
					child->partition)
					 ->heartbeat,
	    memory_order_relaxed);
}

void
child_watch_begin(struct child *child, double now)
{
	child_liveness_start(&child->liveness, heartbeat(child), now);
}

bool
child_watch_is_lost(struct child *child, double now)
{
	return child_liveness_is_lost(&child->liveness, heartbeat(child), now,
	    child->all->resources->config->hang_timeout_s);
}

/* --- ending --- */

bool
child_is_to_end(const struct child *child)
{
	return child->policy.state == CHILD_STOPPING ||
	       child->policy.state == CHILD_DRAINING;
}

static void
log_death(const struct child *child, pid_t pid, int status)
{
	bool expected = child_is_to_end(child) && WIFEXITED(status) &&
			WEXITSTATUS(status) == 0;
	char reason[CHILD_DEATH_TEXT_MAX];

	log_at(expected ? LOG_INFO : LOG_WARNING,
	    "ended process=%s pid=%d state=%s %s", child_name(child), (int)pid,
	    child_state_name(child->policy.state),
	    child_death_print(status, reason));
}

/* Its row is the one it attached: worker/worker.c. */
static uint32_t
stats_row(const struct child *child)
{
	uint32_t partitions = child->all->resources->partition_count;

	switch (child->role) {
	case CHILD_UPSTREAM:
		return STATS_ROW_UPSTREAM(partitions);
	case CHILD_CONTROL:
		return STATS_ROW_CONTROL(partitions);
	case CHILD_CLIENT:
		break;
	}
	return child->partition;
}

static void
log_panic_message(const struct child *child, pid_t pid)
{
	char message[PANIC_MESSAGE_MAX];

	if (panic_message_take(child->all->resources->region, stats_row(child),
		message))
		log_at(LOG_ERROR, "panic message process=%s pid=%d text=\"%s\"",
		    child_name(child), (int)pid, message);
}

static void
forget_process(struct child *child)
{
	struct resources *resources = child->all->resources;

	ledger_set_process(resources->ledger, child_process_number(child), 0,
	    0);
	stats_fold(resources->region, stats_row(child));
}

void
child_end(struct child *child, int status)
{
	pid_t pid = child->pid;

	child->pid = 0; /* whose it is now, nobody knows */
	log_death(child, pid, status);
	child_hang_up(child);
	if (!child->standby) { /* what is published there is upstream's */
		log_panic_message(child, pid);
		forget_process(child);
	}
	if (!child_is_to_end(child))
		stats_add(STAT_CHILD_DEATHS, 1);
}
