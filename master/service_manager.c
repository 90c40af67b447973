/* SPDX-License-Identifier: Apache-2.0 */
#include "master/service_manager.h"

#include "common/base/log.h"
#include "common/base/unix_address.h"
#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_S 1.0 /* how old what was sent may become */
#define FIRST_FD 3

/* --- the sockets that it opened --- */

static bool
read_number(const char *variable, long *number_out)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || !*text)
		return false;
	*number_out = strtol(text, &end, 10);
	return *end == '\0' && *number_out > 0;
}

/* The names stand in order, colons between. */
static void
name_sockets(struct service_sockets *inherited, const char *names)
{
	unsigned i;
	size_t len;

	for (i = 0; names && i < inherited->count; i++) {
		len = strcspn(names, ":");
		if (len < SERVICE_SOCKET_NAME_MAX)
			memcpy(inherited->sockets[i].name, names, len);
		names = names[len] ? names + len + 1 : NULL;
	}
}

static void
take_all(struct service_sockets *inherited, long count)
{
	int fd = FIRST_FD;

	for (; count > 0 && inherited->count < SERVICE_SOCKETS_MAX;
	     count--, fd++) {
		if (fd_set_nonblocking(fd) != 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return; /* fewer than was announced */
		inherited->sockets[inherited->count++].fd = fd;
	}
	for (; count > 0; count--, fd++)
		close(fd);
}

void
service_manager_take_sockets(struct service_sockets *sockets_out)
{
	long pid, count;

	*sockets_out = (struct service_sockets){ 0 };
	if (read_number("LISTEN_PID", &pid) && pid == getpid() &&
	    read_number("LISTEN_FDS", &count)) {
		take_all(sockets_out, count);
		name_sockets(sockets_out, getenv("LISTEN_FDNAMES"));
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

/* --- what it is notified of --- */

/* A path, or '@' and an abstract name. */
static bool
parse_address(struct service_manager *manager, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    unix_address(name, &manager->address) != 0)
		return false;
	manager->address_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		manager->address.sun_path[0] = '\0';
	else
		manager->address_len++; /* the path's end */
	return true;
}

/* 0 when there is none, or it is another process's. */
static double
parse_watchdog(void)
{
	const char *microseconds = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (!microseconds || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return MAX(strtod(microseconds, NULL), 0.) / 1e6;
}

void
service_manager_open(struct service_manager *manager)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*manager = (struct service_manager){ .fd = -1 };
	if (name && name[0]) {
		if (parse_address(manager, name))
			manager->fd =
			    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (manager->fd < 0)
			log_at(LOG_WARNING,
			    "the service manager cannot be told socket=%s",
			    name);
		else
			manager->watchdog_s = parse_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
service_manager_close(struct service_manager *manager)
{
	if (manager->fd >= 0)
		close(manager->fd);
	manager->fd = -1;
}

double
service_manager_period_s(const struct service_manager *manager)
{
	if (manager->fd < 0)
		return 0;
	return manager->watchdog_s > 0 ? MIN(PERIOD_S, manager->watchdog_s / 3)
				       : PERIOD_S;
}

void
service_manager_notify(struct service_manager *manager, const char *words,
    double now)
{
	char text[SERVICE_WORDS_MAX + 16];
	bool is_due = manager->watchdog_s > 0 &&
		      now - manager->alive_s >= manager->watchdog_s / 4;
	ssize_t sent;
	int len;

	if (manager->fd < 0 || (!is_due && !strcmp(words, manager->sent)))
		return;
	len = snprintf(text, sizeof(text), "%s%s", words,
	    is_due ? "\nWATCHDOG=1" : "");
	CHECK(len > 0 && (size_t)len < sizeof(text));
	sent = sendto(manager->fd, text, (size_t)len,
	    MSG_NOSIGNAL | MSG_DONTWAIT,
	    (const struct sockaddr *)&manager->address, manager->address_len);
	if (sent < 0) {
		log_limited(LOG_WARNING, 1,
		    "the service manager was not told error=\"%s\"",
		    strerror(errno));
		return;
	}
	snprintf(manager->sent, sizeof(manager->sent), "%s", words);
	manager->alive_s = is_due ? now : manager->alive_s;
}
