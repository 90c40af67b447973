/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd - descriptors: close and invalidate, flags, passing over a unix socket.
 * A descriptor that is not open is -1.
 */
#ifndef COMMON_NET_FD_H
#define COMMON_NET_FD_H

#include "common/base/base.h"

void fd_close(int *fd);
MUST_CHECK int fd_set_nonblocking(int fd); /* 0 or -errno */

/* One message of `len` bytes with up to one descriptor (-1: none). Returns
 * bytes sent or received, 0 at end, -errno. A received fd is close-on-exec. */
MUST_CHECK int64_t fd_send(int socket, const void *bytes, size_t len, int fd);
MUST_CHECK int64_t fd_receive(int socket, void *bytes, size_t cap, int *fd_out);

/* Input, output and error become /dev/null: they were somebody else's. */
void fd_leave_standard(void);

/* Raises RLIMIT_NOFILE to the hard limit; returns the limit in force. */
uint64_t fd_raise_limit(void);

#endif
