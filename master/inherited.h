/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inherited - sockets that a service manager opened for us and left open with
 * our start, sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES.
 */
#ifndef MASTER_INHERITED_H
#define MASTER_INHERITED_H

#include "common/base/base.h"

#define INHERITED_MAX      16
#define INHERITED_NAME_MAX 64

struct inherited {
	unsigned count;
	struct {
		int fd;
		char name[INHERITED_NAME_MAX]; /* "": none was given */
	} sockets[INHERITED_MAX];
};

/* Before anything else is opened, and before this process forks to go to the
 * background. What is not for this process, or cannot be, counts as nothing;
 * the variables are gone afterwards. */
void inherited_take(struct inherited *inherited_out);

#endif
