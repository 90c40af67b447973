/* SPDX-License-Identifier: Apache-2.0 */
#include "master/namesake.h"

#include "common/base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

size_t
namesake_name(const char *manager, const char *domain,
    char name_out[NAMESAKE_NAME_MAX])
{
	int len;

	memset(name_out, 0, NAMESAKE_NAME_MAX);
	len = snprintf(name_out + 1, NAMESAKE_NAME_MAX - 1, "cmanagerd/%s/%s",
	    manager, domain);
	/* Of a very long domain the beginning will do. */
	return 1 + MIN((size_t)MAX(len, 0), (size_t)NAMESAKE_NAME_MAX - 2);
}

static int
bind_name(int fd, const char *manager, const char *domain)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len;

	_Static_assert(sizeof(address.sun_path) == NAMESAKE_NAME_MAX,
	    "the name is all of the address");
	len = namesake_name(manager, domain, address.sun_path);
	len += offsetof(struct sockaddr_un, sun_path);
	return bind(fd, (struct sockaddr *)&address, (socklen_t)len) == 0
		   ? 0
		   : -errno;
}

int
namesake_open(const char *manager, const char *domain)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = bind_name(fd, manager, domain);
	if (!error)
		return fd;
	close(fd);
	if (error == -EADDRINUSE)
		log_at(LOG_WARNING,
		    "another connection manager of this name runs on this "
		    "machine name=%s hint=\"the server takes the two for one "
		    "and sends each a part of the other's stanzas; give each "
		    "an xmpp.manager.name of its own\"",
		    manager);
	return error;
}
