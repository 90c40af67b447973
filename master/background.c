/* SPDX-License-Identifier: Apache-2.0 */
#include "master/background.h"

#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define UMASK 027

static int report_fd = -1;

/* The calling process: what the daemon reports, or that it ended without. */
NORETURN static void
wait_for_report(int fd)
{
	unsigned char code;
	ssize_t got;

	do
		got = read(fd, &code, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1)
		_exit(code);
	fputs("cmanagerd: ended before it was ready\n", stderr);
	_exit(1);
}

int
background_enter(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int error = -errno;

		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return error;
	}
	if (pid > 0) {
		fd_close(&ends[1]);
		wait_for_report(ends[0]);
	}
	fd_close(&ends[0]);
	setsid();
	pid = fork(); /* no leader of a session gets a terminal by accident */
	if (pid != 0)
		_exit(pid < 0 ? 1 : 0);
	umask(UMASK);
	report_fd = ends[1];
	return chdir("/") == 0 ? 0 : -errno;
}

void
background_release(int code)
{
	unsigned char byte = (unsigned char)code;

	if (report_fd < 0)
		return;
	fd_leave_standard();
	if (write(report_fd, &byte, 1) < 0)
		byte = 0; /* it is gone, and so is the need */
	fd_close(&report_fd);
}
