/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/master/listeners_rig.h"

#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

struct listeners listeners;
char said[LISTENERS_WHY_MAX];

void
listeners_rig_end(void)
{
	listeners_close(&listeners);
	ck_assert_uint_eq(listeners.count, 0);
}

uint16_t
port_of(int fd)
{
	struct endpoint at = { .len = sizeof(at.addr) };

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at.addr, &at.len),
	    0);
	return endpoint_port(&at);
}

/* A port that was free a moment ago, on all addresses of both families. */
static uint16_t
free_port(void)
{
	struct listen_options options = { .backlog = 1 };
	struct endpoint at;
	uint16_t port;
	int fd;

	ck_assert_int_eq(endpoint_parse("0.0.0.0", 0, &at), 0);
	fd = endpoint_listen(&at, &options);
	ck_assert_int_ge(fd, 0);
	port = port_of(fd);
	close(fd);
	return port;
}

struct config_client
both_kinds(char *interface)
{
	return (struct config_client){ .plain_active = true,
		.plain_port = free_port(),
		.direct_active = true,
		.direct_port = free_port(),
		.interface = interface,
		.backlog = 5,
		.receive_buffer = -1,
		.send_buffer = -1 };
}

int
want(const struct config_client *client, unsigned workers)
{
	return listeners_want(&listeners, client, workers, said);
}
