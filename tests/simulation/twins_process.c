/* SPDX-License-Identifier: Apache-2.0 */
/* twins_process - what other processes do with a duplicate of near. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/tcp_counters.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/process.h"
#include "tests/simulation/twins_private.h"
#include "worker/upstream/core/platform.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t got_bytes[TWINS_STREAM];

/* Both ends are in this process, and in the other one only near; a pipe says
 * when. */
static pid_t
start(struct twins *twins, void (*work)(struct twins *twins, size_t len),
    size_t len)
{
	int ready[2];
	uint8_t byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd_close(&twins->far);
		fd_close(&ready[0]);
		fd_close(&ready[1]);
		work(twins, len);
		_exit(0);
	}
	fd_close(&ready[1]);
	CHECK(read(ready[0], &byte, 1) == 0);
	fd_close(&ready[0]);
	return pid;
}

static void
reap(pid_t pid, bool was_killed)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(was_killed ? WIFSIGNALED(status) : WIFEXITED(status));
}

static void
only_hold(struct twins *twins, size_t len)
{
	(void)twins;
	(void)len;
	for (;;)
		pause();
}

void
twins_share(struct twins *twins)
{
	if (twins->near.fd < 0 || twins->holder)
		return;
	twins->holder = start(twins, only_hold, 0);
	CHECK(kernel_dup(twins->model.fd, HOLDER_MASTER) >= 0);
}

void
twins_unshare(struct twins *twins)
{
	if (!twins->holder)
		return;
	kill(twins->holder, SIGKILL);
	reap(twins->holder, true);
	twins->holder = 0;
	kernel_close_all(HOLDER_MASTER);
}

/* --- killed in its midst --- */

static void
talk_until_killed(struct twins *twins, size_t len)
{
	struct pollfd ready = { .fd = twins->near.fd, .events = POLLIN };
	struct iovec vector;
	size_t taken;

	for (;;) {
		vector.iov_len = MIN(len, TWINS_STREAM - twins->near.written);
		vector.iov_base =
		    (void *)(uintptr_t)twins_up(twins->near.written);
		if (transport_write(&twins->near, &vector, vector.iov_len > 0,
			&taken) != IO_OK)
			(void)poll(&ready, 1, 1);
		if (transport_read(&twins->near, got_bytes, len, &taken) !=
		    IO_OK)
			sched_yield();
	}
}

/* All that the dead one's kernel has taken and given. */
static void
take_counts(struct twins *twins)
{
	static uint8_t bytes[TWINS_STREAM];
	struct tcp_counters counters;
	uint64_t len;
	size_t done;

	CHECK(tcp_counters_read(twins->near.fd, TCP_COUNTERS_CONNECTED,
		  &counters) == 0);
	len = counters.sent - twins->near.written;
	if (len > 0 &&
	    (twins_write_model(twins, len, &done) != IO_OK || done != len))
		twins_differ(twins, "the model takes %zu of %lu", done,
		    (unsigned long)len);
	twins->near.written = counters.sent;
	twins_advance(twins);
	len = counters.received - twins->near_read;
	if (len > 0 && (platform_model.read(&platform_model, &twins->model,
			    bytes, len, &done) != IO_OK ||
			   done != len))
		twins_differ(twins, "the model gives %zu of %lu", done,
		    (unsigned long)len);
	twins->near_read = counters.received;
}

void
twins_kill_writer(struct twins *twins, size_t len, unsigned times)
{
	size_t got = 0;
	ssize_t now;
	pid_t pid;

	/* With an end, its counts are not what was written and read. */
	if (twins->near.fd < 0 || twins->far < 0 || twins->far_ended ||
	    twins->of->up.ended || twins->of->dead_here || len == 0)
		return;
	pid = start(twins, talk_until_killed, len);
	for (; times > 0; times--) {
		if (times % 3 == 0)
			twins_far_write(twins, len / 2);
		now = times % 4 == 0 ? -1
				     : read(twins->far, got_bytes + got,
					   MIN(len, sizeof(got_bytes) - got));
		got += now > 0 ? (size_t)now : 0;
		if (now <= 0)
			sched_yield();
	}
	kill(pid, SIGKILL);
	reap(pid, true);
	take_counts(twins);
	if (got > 0)
		twins_note_far_read(twins, got_bytes, got);
	twins->at_rest = false;
}

/* --- reset --- */

static void
only_reset(struct twins *twins, size_t len)
{
	(void)len;
	endpoint_reset(twins->near.fd);
}

void
twins_abandon(struct twins *twins)
{
	if (twins->near.fd < 0)
		return;
	reap(start(twins, only_reset, 0), false);
	platform_model.abandon(&platform_model, twins->model.fd);
	twins->was_reset = true;
	twins->at_rest = false;
}
