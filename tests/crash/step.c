/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED 77

static uint8_t *snapshots[STEP_SPANS];

/* True when a span is not as it was; notes how it is now. */
static bool
has_changed(const struct step *step)
{
	bool changed = false;

	for (int i = 0; i < STEP_SPANS; i++) {
		const struct step_span *span = &step->spans[i];

		if (!span->bytes ||
		    memcmp(snapshots[i], span->at, span->bytes) == 0)
			continue;
		memcpy(snapshots[i], span->at, span->bytes);
		changed = true;
	}
	return changed;
}

static pid_t
start(const struct step *step)
{
	int cpu = sched_getcpu();
	cpu_set_t here;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(REFUSED);
	CHECK(raise(SIGSTOP) == 0);
	step->work(step->context);
	_exit(EXIT_SUCCESS);
}

/* True when it stands still again, false when it has ended as it should. */
static bool
wait_for_stop(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSTOPPED(status)) {
		ck_assert_msg(WSTOPSIG(status) == SIGTRAP ||
				  WSTOPSIG(status) == SIGSTOP,
		    "the child got signal %d", WSTOPSIG(status));
		return true;
	}
	ck_assert_msg(WIFEXITED(status), "the child died: %#x",
	    (unsigned)status);
	if (WEXITSTATUS(status) == REFUSED)
		return false;
	ck_assert_int_eq(WEXITSTATUS(status), EXIT_SUCCESS);
	return false;
}

uint64_t
step_through(const struct step *step)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 2000;
	uint64_t count = 0, looks = 0;
	pid_t pid;
	int i;

	for (i = 0; i < STEP_SPANS; i++) {
		snapshots[i] = xmalloc(step->spans[i].bytes + 1);
		if (step->spans[i].bytes)
			memcpy(snapshots[i], step->spans[i].at,
			    step->spans[i].bytes);
	}
	pid = start(step);
	while (wait_for_stop(pid)) {
		if (has_changed(step)) {
			step->look(step->context);
			looks++;
		}
		if (++count % 256 == 0 && crash_now_us() >= end) {
			crash_kill(pid);
			break;
		}
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	}
	for (i = 0; i < STEP_SPANS; i++)
		free(snapshots[i]);
	if (count == 0)
		printf("this system forbids tracing: not looked at\n");
	else
		printf("%llu instructions, %llu changes\n",
		    (unsigned long long)count, (unsigned long long)looks);
	return count;
}
