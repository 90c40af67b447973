/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access - who may ask on the control socket, and who may give orders: root and
 * the user the master runs as, a group for orders, a group for questions.
 * rights.def says which right an operation needs.
 */
#ifndef COMMON_PROCESS_ACCESS_H
#define COMMON_PROCESS_ACCESS_H

#include "common/base/base.h"

#include <sys/types.h>

struct config;

#define NO_GROUP ((gid_t)-1)

enum right { RIGHT_NONE, RIGHT_LOOK, RIGHT_ACT };

enum operation {
#define OPERATION(symbol, right, help) OPERATION_##symbol,
#include "common/process/rights.def"
#undef OPERATION
	OPERATION_COUNT
};

struct access {
	uid_t owner;     /* whom the master runs as */
	gid_t act, look; /* NO_GROUP: none */
};

enum right access_needed(enum operation operation);

/* Called by the master. 0, or -ENOENT after a line that names the group. */
MUST_CHECK int access_find(const struct config *config,
    struct access *access_out);
/* By what the kernel says of the peer, its further groups too. */
enum right access_of(const struct access *access, int fd);

#endif
