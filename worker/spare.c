/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/spare.h"

#include "common/net/fd.h"

#include <fcntl.h>

/* A snapshot or a log takes one for a moment, a listener for good. */
#define SPARES 4

static struct {
	int fds[SPARES];
	unsigned count;
	int copied;
} spare;

void
spare_init(int fd)
{
	spare.copied = fd;
}

bool
spare_hold(void)
{
	int fd;

	while (spare.count < SPARES) {
		fd = fcntl(spare.copied, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return false;
		spare.fds[spare.count++] = fd;
	}
	return true;
}

void
spare_release(void)
{
	while (spare.count > 0)
		fd_close(&spare.fds[--spare.count]);
}
