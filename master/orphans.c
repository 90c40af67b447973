/* SPDX-License-Identifier: Apache-2.0 */
#include "master/orphans.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/shm/ledger.h"

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define KILL_WAIT_S 2.0

uint64_t
orphans_start_ticks(pid_t pid)
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

/* --- is it ours? --- */

#define PATH_ROOM 4096

/* The executable's path, without what the kernel adds when another file or none
 * lies there by now. False when it may not be known. */
static bool
read_executable(const char *process, char path_out[PATH_ROOM])
{
	static const char deleted[] = " (deleted)";
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%s/exe", process);
	len = readlink(link, path_out, PATH_ROOM - 1);
	if (len <= 0)
		return false;
	path_out[len] = '\0';
	len -= (ssize_t)sizeof(deleted) - 1;
	if (len > 0 && strcmp(path_out + len, deleted) == 0)
		path_out[len] = '\0';
	return true;
}

/* Real and effective. False when there is no such process. */
static bool
read_users(const char *process, unsigned long users_out[2])
{
	char path[32], line[256], *end;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/status", process);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Uid:", 4) != 0)
			continue;
		users_out[0] = strtoul(line + 4, &end, 10);
		users_out[1] = strtoul(end, NULL, 10);
		found = true;
	}
	if (file)
		(void)fclose(file);
	return found;
}

static bool
is_our_user(const char *process, const char *user)
{
	const struct passwd *entry = user ? getpwnam(user) : NULL;
	unsigned long users[2];
	unsigned i;

	if (!read_users(process, users))
		return false;
	for (i = 0; i < 2; i++)
		if (users[i] != getuid() &&
		    (!entry || users[i] != entry->pw_uid))
			return false;
	return true;
}

/* UNKNOWN: this system does not let us see. */
enum program { OURS, ANOTHER, UNKNOWN };

static enum program
program_of(const char *process)
{
	char path[PATH_ROOM], own[PATH_ROOM];

	if (!read_executable(process, path) || !read_executable("self", own))
		return UNKNOWN;
	return strcmp(path, own) == 0 ? OURS : ANOTHER;
}

/* --- ending --- */

static void
leave_alone(pid_t pid, int pidfd, const char *why)
{
	if (wait_for(pidfd, 0))
		return; /* it has ended, and cannot be looked at any more */
	log_at(LOG_WARNING,
	    "a process named in the ledger is not killed pid=%d why=\"%s\"",
	    (int)pid, why);
}

static void
end_process(pid_t pid, int pidfd, bool kill_it, double end)
{
	log_at(LOG_NOTICE, "waiting for an orphan process pid=%d", (int)pid);
	if (wait_for(pidfd, end))
		return;
	if (!kill_it) {
		leave_alone(pid, pidfd, "its executable cannot be read");
		return;
	}
	log_at(LOG_WARNING, "killing an orphan process pid=%d", (int)pid);
	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	(void)wait_for(pidfd, steady_clock_s() + KILL_WAIT_S);
}

/* The descriptor is open: the number cannot become another's any more. */
static void
look_at(pid_t pid, int pidfd, const char *user, double end)
{
	enum program program;
	char process[16];

	snprintf(process, sizeof(process), "%d", (int)pid);
	program = program_of(process);
	if (!is_our_user(process, user))
		leave_alone(pid, pidfd, "it is another user's");
	else if (program == ANOTHER)
		leave_alone(pid, pidfd, "it runs another program");
	else
		end_process(pid, pidfd, program == OURS, end);
}

static void
look_for(pid_t pid, uint64_t start_ticks, const char *user, double end)
{
	int pidfd;

	if (pid <= 1 || pid == getpid() || pid == getppid() || !start_ticks)
		return;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return;
	if (orphans_start_ticks(pid) == start_ticks)
		look_at(pid, pidfd, user, end);
	close(pidfd);
}

void
orphans_end(struct ledger *ledger, const char *user, double patience_s)
{
	double end = steady_clock_s() + patience_s;
	uint64_t start_ticks;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < ledger_process_count(ledger); i++) {
		ledger_process(ledger, i, &pid, &start_ticks);
		look_for(pid, start_ticks, user, end);
		ledger_set_process(ledger, i, 0, 0);
	}
}
