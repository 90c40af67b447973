/* SPDX-License-Identifier: Apache-2.0 */
#include "master/link_sockets.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/channel.h"

#include <errno.h>
#include <sys/socket.h>

void
link_sockets_init(struct link_sockets *links)
{
	for (unsigned i = 0; i < ARRAY_LEN(links->held); i++)
		links->held[i] = (struct heritage_link){ .fd = -1 };
}

static void
reset(struct heritage_link *held)
{
	if (held->fd < 0)
		return;
	endpoint_reset(held->fd);
	fd_close_foreign(&held->fd);
}

/* Upstream may be anybody's by now: what it sends is looked at. */
static int
check(const struct channel_message *message)
{
	uint64_t cookie;
	int error;

	if (message->is_fd_lost)
		return -EMFILE;
	error = endpoint_cookie(message->fd, &cookie);
	if (error)
		return error;
	return message->link < LINKS_MAX && cookie == message->cookie ? 0
								      : -EINVAL;
}

int
link_sockets_hold(struct link_sockets *links, struct channel_message *message)
{
	int error = check(message);
	struct heritage_link *held;

	if (error) {
		fd_close_foreign(&message->fd);
		return error;
	}
	held = &links->held[message->link];
	reset(held);
	*held = (struct heritage_link){
		.fd = message->fd,
		.attempt = message->attempt,
		.cookie = message->cookie,
	};
	message->fd = -1;
	return 0;
}

void
link_sockets_drop(struct link_sockets *links,
    const struct channel_message *message)
{
	struct heritage_link *held;

	if (message->link >= LINKS_MAX)
		return;
	held = &links->held[message->link];
	/* It may speak of the one before. */
	if (held->attempt == message->attempt &&
	    held->cookie == message->cookie)
		fd_close_foreign(&held->fd);
}

void
link_sockets_end(struct link_sockets *links)
{
	for (unsigned i = 0; i < ARRAY_LEN(links->held); i++) {
		if (links->held[i].fd < 0)
			continue;
		(void)shutdown(links->held[i].fd, SHUT_WR);
		fd_close_foreign(&links->held[i].fd);
	}
}

void
link_sockets_reset(struct link_sockets *links)
{
	for (unsigned i = 0; i < ARRAY_LEN(links->held); i++)
		reset(&links->held[i]);
}
