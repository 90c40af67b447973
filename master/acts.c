/* SPDX-License-Identifier: Apache-2.0 */
#include "master/acts.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "common/process/text_file.h"
#include "common/shm/region.h"
#include "common/shm/server_state.h"
#include "common/xmpp/close.h"
#include "master/messages.h"
#include "master/reload.h"
#include "master/supervisor_state.h"
#include "master/worker_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define WINDOW_MAX_S 86400u

typedef int act_fn(struct supervisor *supervisor, struct act *act);

static int
answer_with(struct act *act, const char *const *texts, size_t count)
{
	act->fd = text_file_new(texts, count);
	return act->fd < 0 ? act->fd : 0;
}

/* A descriptor is kept for the answer: what was reloaded is always reported. */
static int
reload(struct supervisor *supervisor, struct act *act)
{
	struct reload_report report;
	const char *texts[3];
	int error, kept = fcntl(act->asker, F_DUPFD_CLOEXEC, 0);

	if (kept < 0)
		return -errno;
	error = reload_take(supervisor, &report);
	fd_close(&kept);
	texts[0] = report.applied ? report.applied : "";
	texts[1] = report.restart ? report.restart : "";
	texts[2] = report.problems;
	if (answer_with(act, texts, ARRAY_LEN(texts)) != 0 && !error)
		error = act->fd;
	reload_report_free(&report);
	return error;
}

static int
set_log_level(struct supervisor *supervisor, struct act *act)
{
	if (act->number > LOG_DEBUG)
		return -EINVAL;
	log_set_level((enum log_level)act->number);
	messages_send_log_level(supervisor->children);
	return 0;
}

static int
drain(struct supervisor *supervisor, struct act *act)
{
	if (act->number > WINDOW_MAX_S)
		return -EINVAL;
	if (act->partition != ACT_ALL)
		return worker_pool_drain(supervisor->children, act->partition,
		    act->number);
	worker_pool_drain_all(supervisor->children, steady_clock_s(),
	    supervisor->config->drain_delay_s, act->number);
	return 0;
}

static int
undrain(struct supervisor *supervisor, struct act *act)
{
	char why[LISTENERS_WHY_MAX] = "";
	const char *text = why;
	int error;

	if (act->partition != ACT_ALL)
		return worker_pool_undrain(supervisor->children,
		    act->partition);
	error = worker_pool_undrain_all(supervisor->children, steady_clock_s(),
	    why);
	if (error)
		(void)answer_with(act, &text, 1);
	else
		supervisor->drained_by = 0; /* of a signal before */
	return error;
}

static int
pause_server(struct supervisor *supervisor, struct act *act)
{
	if (act->number == 0 || act->number > SERVER_PAUSE_MAX_S)
		return -EINVAL;
	return messages_order_upstream(supervisor->children, CHANNEL_PAUSE,
	    act->number);
}

static int
resume_server(struct supervisor *supervisor, struct act *act)
{
	(void)act;
	return messages_order_upstream(supervisor->children, CHANNEL_RESUME, 0);
}

/* The partition in which a session of this slot lives. */
static uint32_t
partition_of(const struct supervisor *supervisor, uint32_t slot)
{
	return slot / region_geometry(supervisor->resources.region)
			  ->slots_per_partition;
}

static int
kill_client(struct supervisor *supervisor, struct act *act)
{
	if (act->number >= CLOSE_REASON_COUNT)
		return -EINVAL;
	return messages_kill_client(supervisor->children,
	    partition_of(supervisor, act->slot), act->slot, act->generation,
	    act->number);
}

/* The worker gets one end, who asks the other. */
static int
trace(struct supervisor *supervisor, struct act *act)
{
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	error = messages_trace_client(supervisor->children,
	    partition_of(supervisor, act->slot), act->slot, act->generation,
	    ends[1]);
	fd_close(&ends[1]);
	if (error)
		fd_close(&ends[0]);
	act->fd = ends[0];
	return error;
}

static const char *const names[OPERATION_COUNT] = {
	[OPERATION_RELOAD] = "reload",
	[OPERATION_LOG_LEVEL] = "log level",
	[OPERATION_DRAIN] = "drain",
	[OPERATION_UNDRAIN] = "undrain",
	[OPERATION_PAUSE] = "pause",
	[OPERATION_RESUME] = "resume",
	[OPERATION_KILL] = "kill",
	[OPERATION_TRACE] = "trace session",
};

static act_fn *const acts[OPERATION_COUNT] = {
	[OPERATION_RELOAD] = reload,
	[OPERATION_LOG_LEVEL] = set_log_level,
	[OPERATION_DRAIN] = drain,
	[OPERATION_UNDRAIN] = undrain,
	[OPERATION_PAUSE] = pause_server,
	[OPERATION_RESUME] = resume_server,
	[OPERATION_KILL] = kill_client,
	[OPERATION_TRACE] = trace,
};

static void
log_act(const struct act *act, const struct ucred *peer)
{
	/* What becomes of each client has a line of its own. */
	log_at(act->operation == OPERATION_KILL ? LOG_DEBUG : LOG_NOTICE,
	    "operator request command=\"%s\" uid=%u pid=%d",
	    names[act->operation], (unsigned)peer->uid, (int)peer->pid);
}

static void
log_shortage(const struct act *act)
{
	log_limited(LOG_WARNING, 1,
	    "too few free file descriptors for an operator's request"
	    " command=\"%s\" error=\"%s\"",
	    names[act->operation], strerror(-act->error));
}

/* A connection tells who made it for as long as somebody keeps it; what counts
 * is that its other end is still open, and by a process that lives. */
static bool
is_there(int asker, pid_t pid)
{
	struct pollfd peer = { .fd = asker };

	if (poll(&peer, 1, 0) != 0)
		return false;
	return pid == 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

/* Control cannot give orders by itself: who asked has come by the control
 * socket, is still there, is none of our processes, and may. */
static bool
is_allowed(const struct supervisor *supervisor, const struct act *act)
{
	const struct resources *resources = &supervisor->resources;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (act->asker < 0 ||
	    !control_socket_has_accepted(&resources->control, act->asker) ||
	    getsockopt(act->asker, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    !is_there(act->asker, peer.pid) ||
	    (peer.pid != 0 && children_have(supervisor->children, peer.pid)) ||
	    access_of(&resources->access, act->asker) <
		access_needed(act->operation))
		return false;
	log_act(act, &peer);
	return true;
}

/* Nobody new may be started by then, and nobody held. */
static bool
is_too_late(const struct supervisor *supervisor, enum operation operation)
{
	return supervisor->stage >= STAGE_STOPPING_WORKERS &&
	       (operation == OPERATION_RELOAD || operation == OPERATION_DRAIN ||
		   operation == OPERATION_UNDRAIN ||
		   operation == OPERATION_PAUSE ||
		   operation == OPERATION_RESUME);
}

/* 0 or -errno. */
static int
perform(struct supervisor *supervisor, struct act *act)
{
	if (act->operation >= OPERATION_COUNT || !acts[act->operation])
		return -ENOSYS;
	if (act->error) /* who asks did not arrive */
		return act->error;
	if (!is_allowed(supervisor, act))
		return -EACCES;
	if (is_too_late(supervisor, act->operation))
		return -ESHUTDOWN;
	return acts[act->operation](supervisor, act);
}

void
acts_perform(struct supervisor *supervisor, struct act *act)
{
	act->fd = -1;
	act->error = perform(supervisor, act);
	act->done = true;
	if (act->error == -EMFILE || act->error == -ENFILE)
		log_shortage(act);
}
