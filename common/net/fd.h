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
 * bytes sent or received, 0 at end, -errno. A received fd is close-on-exec; of
 * several that come at once none is left open; FD_LOST: one was sent for which
 * none was free here. */
#define FD_LOST (-2)
MUST_CHECK int64_t fd_send(int socket, const void *bytes, size_t len, int fd);
MUST_CHECK int64_t fd_receive(int socket, void *bytes, size_t cap, int *fd_out);

/* --- descriptors of others, who choose what it is that they pass --- */

/* One that was received. The close of a TCP connection may wait for its peer
 * as long as its maker has said (SO_LINGER); this one does not wait. */
void fd_close_foreign(int *fd);
/* A unix socket, with what waits in it: else the kernel closes descriptors that
 * were never received, and waits. From now on nothing more can be sent to it.
 */
void fd_close_with_waiting(int *socket);
/* Nobody can pass a descriptor to this unix socket any more, nor to one that is
 * accepted on it. False where the kernel cannot have it so (Linux 6.16). */
bool fd_refuse_descriptors(int socket);

/* Input, output and error become /dev/null: they were somebody else's. */
void fd_leave_standard(void);

/* Raises RLIMIT_NOFILE to the hard limit; returns the limit in force. */
uint64_t fd_raise_limit(void);

#endif
