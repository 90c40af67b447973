/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_access - who may ask, and who may give orders: root and the user the
 * master runs as, a group for orders, a group for questions.
 */
#ifndef MASTER_CONTROL_ACCESS_H
#define MASTER_CONTROL_ACCESS_H

#include "master/commands.h"

#include <sys/types.h>

#define NO_GROUP ((gid_t)-1)

struct control_access {
	gid_t act, look; /* NO_GROUP: none */
};

/* 0, or -ENOENT after a line that names the group. */
MUST_CHECK int control_access_find(const struct config *config,
    struct control_access *access_out);
/* By what the kernel says of the peer, its further groups too. */
enum right control_access_of(const struct control_access *access, int fd);

#endif
