/* SPDX-License-Identifier: Apache-2.0 */
#include "master/leftovers.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/shm/ledger.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define KILL_WAIT_S 2.0

uint64_t
leftovers_start_ticks(pid_t pid)
{
	char path[32], line[1024], *at;
	unsigned long long ticks = 0;
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* Field 22; the second, the name, may hold blanks and brackets. */
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at + 1, NULL, 10);
	(void)fclose(file);
	return ticks;
}

/* True when the process behind the descriptor ends before `end`. */
static bool
wait_for(int pidfd, double end)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	double left;

	while ((left = end - steady_clock_s()) > 0)
		if (poll(&poll_fd, 1, (int)(left * 1000) + 1) > 0)
			return true;
	return poll(&poll_fd, 1, 0) > 0;
}

static void
end_process(pid_t pid, uint64_t start_ticks, double end)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return;
	/* Looked at with the descriptor open: it cannot change any more. */
	if (leftovers_start_ticks(pid) != start_ticks) {
		close(pidfd);
		return;
	}
	log_at(LOG_NOTICE, "waiting for a process of a former life pid=%d",
	    (int)pid);
	if (!wait_for(pidfd, end)) {
		log_at(LOG_WARNING, "killing a process of a former life pid=%d",
		    (int)pid);
		(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		(void)wait_for(pidfd, steady_clock_s() + KILL_WAIT_S);
	}
	close(pidfd);
}

void
leftovers_end(struct ledger *ledger, double patience_s)
{
	double end = steady_clock_s() + patience_s;
	uint64_t start_ticks;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < ledger_process_count(ledger); i++) {
		ledger_process(ledger, i, &pid, &start_ticks);
		if (pid > 1 && pid != getpid())
			end_process(pid, start_ticks, end);
		ledger_set_process(ledger, i, 0, 0);
	}
}
