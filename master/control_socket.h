/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_socket - where the control socket lies, and whose it is. The control
 * process accepts on it.
 */
#ifndef MASTER_CONTROL_SOCKET_H
#define MASTER_CONTROL_SOCKET_H

#include "common/process/access.h"

#include <sys/un.h>

#define CONTROL_FOLDER "/run/cmanager"

struct control_socket {
	int fd; /* -1: none */
	struct sockaddr_un address;
};

/*
 * Makes the socket, while root still may give it to a group. 0 and no
 * descriptor when none is wanted, or the usual folder is not there; -errno
 * after a line in the log, also when another manager answers on it.
 */
MUST_CHECK int control_socket_open(struct control_socket *socket_out,
    const struct config *config, const struct access *access);
/* Removes it, too. */
void control_socket_close(struct control_socket *socket);
/* True for a connection that was accepted on it, and for nothing else: not for
 * itself, nor for a pair of sockets that a process makes alone. */
bool control_socket_has_accepted(const struct control_socket *socket, int fd);

#endif
