/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_spawn - the fork, and what the child finds on its side of it.
 */
#include "master/child.h"

#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/shm/ledger.h"
#include "master/orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

const char *
child_name(const struct child *child)
{
	static char name[32];

	if (child->role == CHILD_UPSTREAM)
		return "upstream";
	if (child->role == CHILD_CONTROL)
		return "control";
	snprintf(name, sizeof(name), "\"worker %u\"", child->partition);
	return name;
}

/* In the child. The frames above stay on its stack, so what the master had is
 * still reachable; it is never used. No secret is in it (config_apart.h). */
NORETURN static void
be_child(const struct child *child, int channel_fd)
{
	const struct resources *resources = child->all->resources;
	struct heritage heritage = {
		.role = child->role,
		.partition = child->role == CHILD_CLIENT ? child->partition : 0,
		.incarnation = child->incarnation,
		.background = child->all->setup.background,
		.channel_fd = channel_fd,
		.upstream_doorbell = resources->upstream_doorbell,
		.worker_doorbells = resources->worker_doorbells,
		.partition_count = resources->partition_count,
		.region = resources->region,
		.ledger = resources->ledger,
		.control_fd = resources->control.fd,
		.http_fd = resources->http_fd,
		.access = resources->access,
		.snapshot_fd =
		    resources->snapshots[children_reader(child->role)],
	};

	if (child->role == CHILD_CLIENT)
		child->all->setup.worker(&heritage);
	if (child->role == CHILD_CONTROL)
		child->all->setup.control(&heritage);
	child->all->setup.upstream(&heritage);
	abort();
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
	child->pid = pid;
	note_process(child, pid);
	child_listen(child, ends[0]);
	return 0;
}
