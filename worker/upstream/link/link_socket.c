/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_socket - the sockets of links beyond the life of this process: the
 * master holds a duplicate of each, and the process before has left its own.
 */
#include "worker/upstream/link/link.h"

#include "common/net/tcp_counters.h"
#include "common/process/heritage.h"
#include "common/shm/journal.h"
#include "common/shm/store.h"

#include <inttypes.h>
#include <string.h>

bool
link_give_socket(struct link *link)
{
	struct channel_message message = {
		.type = CHANNEL_LINK_SOCKET,
		.link = link->number,
		.attempt = link->attempt,
		.fd = link->fd,
	};
	struct platform *platform = link->up->platform;
	int error;

	if (!link->up->gives_sockets)
		return false;
	error = platform->cookie(platform, link->fd, &message.cookie);
	kill_point("before the socket is given");
	if (!error)
		error = platform->send(platform, &message);
	kill_point("behind the socket that was given");
	if (error)
		link_fail(link, LOG_WARNING,
		    "its socket cannot be given to the master: %s",
		    strerror(-error));
	else
		link->cookie = message.cookie;
	return true;
}

static void
send_over(struct upstream *up, unsigned number, uint32_t attempt,
    uint64_t cookie)
{
	const struct channel_message message = {
		.type = CHANNEL_LINK_OVER,
		.link = number,
		.attempt = attempt,
		.cookie = cookie,
		.fd = -1,
	};

	kill_point("before a link is over");
	(void)up->platform->send(up->platform, &message);
	kill_point("behind a link that is over");
}

void
link_drop_socket(struct link *link)
{
	if (link->cookie)
		send_over(link->up, link->number, link->attempt, link->cookie);
	link->cookie = 0;
}

void
link_reset_inherited(struct upstream *up, unsigned number, int fd)
{
	struct tcp_counters counters;
	int error = up->platform->counters(up->platform, fd, &counters);

	kill_point("before the reset");
	up->platform->abandon(up->platform, fd);
	kill_point("behind the reset");
	if (error)
		log_at(LOG_INFO,
		    "inherited link reset link=%u, what it carried is not known"
		    " error=\"%s\"",
		    number, strerror(-error));
	else
		log_at(LOG_INFO,
		    "inherited link reset link=%u written=%" PRIu64
		    " taken_back=%" PRIu64 " received=%" PRIu64,
		    number, counters.sent, counters.sent - counters.left,
		    counters.received);
}

bool
link_is_left(const struct upstream *up, unsigned number)
{
	struct journal *journal;
	bool is_empty;

	if (number < links_inherited(up) && up->heritage->links[number].fd >= 0)
		return true;
	journal = journal_attach(up->region, number);
	is_empty = journal_head(journal) == journal_tail(journal);
	journal_detach(&journal);
	return !is_empty;
}

unsigned
links_inherited(const struct upstream *up)
{
	unsigned count = MIN(up->heritage->link_count, (unsigned)LINKS_MAX);

	while (count > 0 && up->heritage->links[count - 1].fd < 0)
		count--;
	return count;
}

void
links_drop_inherited(struct upstream *up)
{
	for (unsigned i = 0; i < up->heritage->link_count; i++) {
		const struct heritage_link *left = &up->heritage->links[i];
		int fd = left->fd;

		if (fd < 0 || (i < up->link_count && up->links[i].fd == fd))
			continue;
		if (i >= up->link_count)
			link_reset_inherited(up, i, fd);
		up->platform->close(up->platform, fd);
		send_over(up, i, left->attempt, left->cookie);
	}
}
