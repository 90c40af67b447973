/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_manager - what systemd, or whoever else starts us so, is notified of:
 * the datagrams of sd_notify(3) and the watchdog of sd_watchdog_enabled(3); and
 * the sockets that it has opened for us and left open with our start,
 * sd_listen_fds(3).
 *
 * Not by libsystemd: the protocol is one datagram, and the library would bring
 * five others into each process that faces the network.
 */
#ifndef MASTER_SERVICE_MANAGER_H
#define MASTER_SERVICE_MANAGER_H

#include "common/base/base.h"

#include <sys/socket.h>
#include <sys/un.h>

#define SERVICE_WORDS_MAX       256
#define SERVICE_SOCKETS_MAX     16
#define SERVICE_SOCKET_NAME_MAX 64

struct service_sockets {
	unsigned count;
	struct {
		int fd;
		char name[SERVICE_SOCKET_NAME_MAX]; /* "": none was given */
	} sockets[SERVICE_SOCKETS_MAX];
};

/* From LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; before anything else is
 * opened, and before this process forks to go to the background. What is not
 * for this process, or cannot be, counts as nothing; the variables are gone
 * afterwards. */
void service_manager_take_sockets(struct service_sockets *sockets_out);

struct service_manager {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un address;
	socklen_t address_len;
	double watchdog_s; /* a sign of life at least so often; 0: none */
	double alive_s;    /* when the last one went out */
	char sent[SERVICE_WORDS_MAX];
};

/* Reads the environment and takes it out of there: children do not get it. A
 * bad address is a warning. */
void service_manager_open(struct service_manager *manager);
void service_manager_close(struct service_manager *manager);

/* Seconds between two calls of service_manager_notify(); 0: it need not be
 * called. */
double service_manager_period_s(const struct service_manager *manager);

/* `words`: lines of "NAME=value", the whole state. Sent when they differ from
 * those before, or could not be sent then. Never blocks. */
void service_manager_notify(struct service_manager *manager, const char *words,
    double now);

#endif
