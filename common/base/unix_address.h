/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_address - a path becomes the address of a unix socket.
 */
#ifndef COMMON_BASE_UNIX_ADDRESS_H
#define COMMON_BASE_UNIX_ADDRESS_H

#include "common/base/base.h"

#include <sys/socket.h>
#include <sys/un.h>

/* The path ends in a NUL there. 0, or -ENAMETOOLONG when it and that find no
 * room. */
MUST_CHECK int unix_address(const char *path, struct sockaddr_un *address_out);

#endif
