/* SPDX-License-Identifier: Apache-2.0 */
#include "master/inherited.h"

#include "common/net/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

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
name_sockets(struct inherited *inherited, const char *names)
{
	unsigned i;
	size_t len;

	for (i = 0; names && i < inherited->count; i++) {
		len = strcspn(names, ":");
		if (len < INHERITED_NAME_MAX)
			memcpy(inherited->sockets[i].name, names, len);
		names = names[len] ? names + len + 1 : NULL;
	}
}

static void
take_all(struct inherited *inherited, long count)
{
	int fd = FIRST_FD;

	for (; count > 0 && inherited->count < INHERITED_MAX; count--, fd++) {
		if (fd_set_nonblocking(fd) != 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return; /* fewer than was announced */
		inherited->sockets[inherited->count++].fd = fd;
	}
	for (; count > 0; count--, fd++)
		close(fd);
}

void
inherited_take(struct inherited *inherited_out)
{
	long pid, count;

	*inherited_out = (struct inherited){ 0 };
	if (read_number("LISTEN_PID", &pid) && pid == getpid() &&
	    read_number("LISTEN_FDS", &count)) {
		take_all(inherited_out, count);
		name_sockets(inherited_out, getenv("LISTEN_FDNAMES"));
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}
