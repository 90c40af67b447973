/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namesake - whether another manager of this name runs on this machine for the
 * same domain. The server would take the two for one. Known by an abstract unix
 * socket, which goes with its process; in a network namespace of its own, such
 * as a container's, nobody sees it, and upstream notices such a manager by what
 * the server answers (worker/upstream/hint.h).
 */
#ifndef MASTER_NAMESAKE_H
#define MASTER_NAMESAKE_H

#include "common/base/base.h"

#define NAMESAKE_NAME_MAX 108

/* The name of that socket, of at most NAMESAKE_NAME_MAX bytes and the first 0;
 * its length. Pure. */
size_t namesake_name(const char *manager, const char *domain,
    char name_out[NAMESAKE_NAME_MAX]);

/* A descriptor that keeps the name as ours, or -EADDRINUSE after a line that
 * reports it, or -errno; nothing hinders the start. The owner closes it. */
MUST_CHECK int namesake_open(const char *manager, const char *domain);

#endif
