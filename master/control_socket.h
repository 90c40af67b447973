/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_socket - where the control socket lies, whose it is, and the
 * descriptor that is kept back for it. Private to control*.c.
 */
#ifndef MASTER_CONTROL_SOCKET_H
#define MASTER_CONTROL_SOCKET_H

#include "master/control_access.h"

#include <sys/un.h>

#define CONTROL_FOLDER "/run/cmanager"

struct control_socket {
	int fd;      /* -1: none */
	int reserve; /* -1: in use */
	struct sockaddr_un address;
};

/* See control_open(). */
MUST_CHECK int control_socket_open(struct control_socket *socket_out,
    const struct config *config, const struct control_access *access);
void control_socket_close(struct control_socket *socket);
/* Somebody waits to be accepted. accept() itself looks for a descriptor first,
 * so that without one it cannot tell. */
bool control_socket_is_called(const struct control_socket *socket);
/* A connection or -errno; spends the reserve when nothing else is left. */
MUST_CHECK int control_socket_accept(struct control_socket *socket);
/* Keeps a descriptor back again, when there is one. */
void control_socket_reserve(struct control_socket *socket);

#endif
