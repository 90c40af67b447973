/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/shm/reach.h"

#include "common/base/base.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sigjmp_buf fault;

static void
on_fault(int number)
{
	(void)number;
	siglongjmp(fault, 1);
}

void
reach_begin(void)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
}

bool
reach_can_read(const void *at)
{
	if (sigsetjmp(fault, 1))
		return false;
	(void)*(const volatile uint8_t *)at;
	return true;
}

bool
reach_can_write(void *at)
{
	volatile uint8_t *byte = at;

	if (sigsetjmp(fault, 1))
		return false;
	*byte = *byte;
	return true;
}

bool
reach_has_open(const char *name)
{
	DIR *directory = opendir("/proc/self/fd");
	char path[300], target[300];
	struct dirent *entry;
	bool found = false;
	ssize_t len;

	while ((entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[MAX(len, 0)] = '\0';
		found = found || strstr(target, name);
	}
	closedir(directory);
	return found;
}
