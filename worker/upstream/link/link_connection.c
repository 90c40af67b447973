/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_connection - a link's socket from its begin to its end, and what it is
 * watched for.
 */
#include "worker/upstream/link/link.h"

#include "worker/upstream/core/platform.h"

#include <inttypes.h>
#include <string.h>

#define KERNEL_LATER_S 5.0

void
link_watch(struct link *link, unsigned events, bool on)
{
	unsigned wanted = on ? link->watched | events : link->watched & ~events;

	if (wanted == link->watched)
		return;
	link->watched = wanted;
	link_platform(link)->watch(link_platform(link), link, wanted);
}

/* The kernel knows a dead host by itself, but a server that reads nothing is
 * ours to judge: it waits a little longer than we do. */
void
link_set_patience(struct link *link)
{
	double patience_s =
	    link->up->config->server.hang_timeout_s + KERNEL_LATER_S;

	if (link->fd >= 0)
		link_platform(link)->set_user_timeout(link_platform(link),
		    link->fd, (unsigned)(patience_s * 1e3));
}

static void
begin(struct link *link, int fd)
{
	link->fd = fd;
	link->is_reset = false;
	link_set_patience(link);
	/* When nobody is left who holds the socket, the server gets no more of
	 * what was not sent over this link. */
	link_platform(link)->set_reset_on_close(link_platform(link), fd, true);
	transport_init(&link->transport, fd);
	link_reader_restart(&link->reader);
	link->input_broken = link->input_ended = link->reading = false;
	link->item_since = 0;
	link->heard = false;
	link->id[0] = '\0';
	link_watch(link, PLATFORM_WRITE, true);
}

void
link_open(struct link *link, int fd)
{
	link_forget_received(link);
	begin(link, fd);
}

void
link_take_up(struct link *link, int fd, uint64_t written)
{
	begin(link, fd);
	link->transport.written = written;
	link->heard = true;
	link->since = link->last_received = link->last_sent =
	    upstream_now(link->up);
	if (link_platform(link)->peer(link_platform(link), fd, &link->peer) !=
	    0)
		memset(&link->peer, 0, sizeof(link->peer));
}

void
link_take_up_serving(struct link *link)
{
	link_reader_go_on(&link->reader);
	link->state = LINK_SERVING;
	link->joined = true;
}

void
link_close(struct link *link)
{
	struct platform *platform = link_platform(link);

	if (link->fd < 0)
		return;
	link_watch(link, PLATFORM_READ | PLATFORM_WRITE, false);
	if (!link->is_reset &&
	    platform->set_reset_on_close(platform, link->fd, false))
		platform->shutdown(platform, &link->transport);
	transport_destroy(&link->transport);
	platform->close(platform, link->fd);
	link->fd = -1;
	link_forget_received(link);
	link_drop_socket(link);
}

static struct transport_end
reset(struct link *link)
{
	struct platform *platform = link_platform(link);
	struct transport_end end = platform->reset(platform, &link->transport);
	uint64_t produced = transport_produced(&link->transport);

	link->is_reset = true;
	log_at(LOG_INFO,
	    "link reset link=%u written=%" PRIu64 " taken_back=%" PRIu64,
	    link->number, produced, produced - end.transmitted);
	return end;
}

/* Whose end was agreed upon, and whose server's kernel has all, may be closed
 * in order. One that never served is, too, unless the server hangs: it would
 * take the link for a living one when it wakes. */
static bool
must_be_reset(const struct link *link)
{
	struct platform *platform = link_platform(link);
	const struct transport *transport = &link->transport;

	if (link->fd < 0 || link->state <= LINK_CONNECTING)
		return false;
	if (link->state == LINK_ENDING)
		return platform->acked(platform, transport) !=
		       transport_produced(transport);
	return link->joined || link->too_late;
}

struct transport_end
link_hang_up(struct link *link)
{
	struct transport_end end = { 0 };

	if (must_be_reset(link))
		return reset(link);
	if (link->fd >= 0)
		end.transmitted = end.reachable =
		    link_platform(link)->transmitted(link_platform(link),
			&link->transport);
	return end;
}

bool
link_can_write(const struct link *link)
{
	return link->fd >= 0 && !link->lost && link->state != LINK_CONNECTING &&
	       link->state != LINK_SECURING;
}

void
link_want_write(struct link *link, bool on)
{
	if (link->fd >= 0)
		link_watch(link, PLATFORM_WRITE, on);
}

void
link_want_read(struct link *link, bool on)
{
	if (link->fd < 0 || link->state == LINK_CONNECTING)
		return;
	link_watch(link, PLATFORM_READ, on && !link->resuming && !link->lost);
}
