/* SPDX-License-Identifier: Apache-2.0 */
/* platform_model - struct platform on the model of the kernel (kernel.h). */
#include "common/net/endpoint.h"
#include "common/net/tcp_counters.h"
#include "common/process/channel.h"
#include "common/shm/region.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/heap.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/kill.h"
#include "tests/simulation/master.h"
#include "tests/simulation/process.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/core/state.h"
#include "worker/upstream/link/link.h"

#include <errno.h>
#include <string.h>

/* Of each link: what it waits for. */
struct watched {
	struct link *link;
	unsigned events;
	bool again;
	bool resolves;
};

static struct watched watches[LINKS_MAX];

void
platform_begin(void)
{
	memset(watches, 0, sizeof(watches));
}

static double
model_now(struct platform *platform)
{
	(void)platform;
	return world.now;
}

static void
model_random(struct platform *platform, void *bytes, size_t len)
{
	(void)platform;
	chance_bytes(bytes, len);
}

static int
model_connect(struct platform *platform, const struct endpoint *endpoint)
{
	int fd;

	(void)platform;
	(void)endpoint;
	kill_at_call();
	fd = kernel_connect();
	kill_at_call();
	return fd;
}

static int
model_connect_result(struct platform *platform, int fd)
{
	(void)platform;
	return kernel_of(fd)->state == CONNECTION_REFUSED ? ECONNREFUSED : 0;
}

static void
model_watch(struct platform *platform, struct link *link, unsigned events)
{
	(void)platform;
	watches[link->number].link = link;
	watches[link->number].events = events;
	if (!(events & PLATFORM_READ))
		watches[link->number].again = false;
}

static void
model_read_again(struct platform *platform, struct link *link)
{
	(void)platform;
	watches[link->number].again = true;
}

static enum io_result
model_read(struct platform *platform, struct transport *transport, void *bytes,
    size_t cap, size_t *len_out)
{
	struct connection *connection = kernel_of(transport->fd);
	enum io_result result;

	(void)platform;
	kill_at_call();
	result = kernel_read(connection, bytes, cap, len_out);
	TRACE(*len_out, "upstream reads connection %u bytes %zu result %d",
	    connection->number, *len_out, (int)result);
	kill_at_call();
	return result;
}

static enum io_result
model_write(struct platform *platform, struct transport *transport,
    const struct iovec *vectors, int count, size_t *len_out)
{
	struct connection *connection = kernel_of(transport->fd);
	enum io_result result;

	(void)platform;
	kill_at_call();
	result = kernel_write(connection, vectors, count, len_out);
	TRACE(*len_out, "upstream writes connection %u bytes %zu result %d",
	    connection->number, *len_out, (int)result);
	transport->written += *len_out;
	kill_at_call();
	return result;
}

static uint64_t
model_acked(struct platform *platform, const struct transport *transport)
{
	const struct stream *up = &kernel_of(transport->fd)->up;

	(void)platform;
	/* A FIN that is not acknowledged counts as a byte of those written. */
	return up->acked - (up->ended && !(kernel_end_has_left(up) &&
					     up->acked == up->written));
}

static uint64_t
model_transmitted(struct platform *platform, const struct transport *transport)
{
	const struct stream *up = &kernel_of(transport->fd)->up;

	(void)platform;
	/* A FIN that has not left counts as a byte of those written. */
	return up->left - (up->ended && !kernel_end_has_left(up));
}

/* Who gives a link up has read all that came (link_read_rest()), and what waits
 * for room below waits in the link's buffer. */
static void
note_owed(struct connection *connection)
{
	connection->owed = connection->down.read;
	TRACE(connection->owed, "of connection %u %u bytes are owed",
	    connection->number, (unsigned)connection->owed);
}

static struct transport_end
model_reset(struct platform *platform, struct transport *transport)
{
	struct connection *connection = kernel_of(transport->fd);
	struct transport_end end = {
		.transmitted = model_transmitted(platform, transport),
	};

	end.reachable = kernel_is_over(connection) ? end.transmitted
						   : connection->up.written;
	kill_at_call();
	note_owed(connection);
	kernel_reset(connection);
	kill_at_call();
	return end;
}

static void
model_shutdown(struct platform *platform, struct transport *transport)
{
	struct connection *connection = kernel_of(transport->fd);

	(void)platform;
	kill_at_call();
	note_owed(connection);
	kernel_shut(connection);
	kill_at_call();
}

static void
model_set_user_timeout(struct platform *platform, int fd, unsigned milliseconds)
{
	(void)platform;
	(void)fd;
	(void)milliseconds;
}

static bool
model_set_reset_on_close(struct platform *platform, int fd, bool on)
{
	(void)platform;
	kernel_of(fd)->reset_on_close = on;
	return true;
}

static int
model_counters(struct platform *platform, int fd,
    struct tcp_counters *counters_out)
{
	struct connection *connection = kernel_of(fd);
	const struct stream *up = &connection->up;
	bool ended = kernel_end_has_left(up);

	(void)platform;
	if (connection->state != CONNECTION_OPEN || connection->disconnected)
		return -ENOTCONN;
	if (connection->down.read == connection->down.arrived)
		connection->error_taken = connection->dead_here;
	*counters_out = (struct tcp_counters){
		.sent = up->written + up->ended,
		.received = connection->down.read,
		.acked = up->acked + (ended && up->acked == up->written),
		.left = up->left + ended,
		.over = kernel_is_over(connection),
	};
	return 0;
}

static int
model_cookie(struct platform *platform, int fd, uint64_t *cookie_out)
{
	(void)platform;
	*cookie_out = kernel_of(fd)->cookie;
	return 0;
}

static int
model_peer(struct platform *platform, int fd, struct endpoint *endpoint_out)
{
	(void)platform;
	(void)fd;
	return endpoint_parse("192.0.2.1", 5262, endpoint_out);
}

static void
model_abandon(struct platform *platform, int fd)
{
	(void)platform;
	kill_at_call();
	kernel_reset(kernel_of(fd));
	kill_at_call();
}

static void
model_close(struct platform *platform, int fd)
{
	(void)platform;
	kill_at_call();
	kernel_close(fd);
	kill_at_call();
}

static void
model_resolve(struct platform *platform, struct link *link)
{
	(void)platform;
	watches[link->number].link = link;
	watches[link->number].resolves = true;
}

static void
model_resolve_cancel(struct platform *platform, struct link *link)
{
	(void)platform;
	watches[link->number].resolves = false;
}

static int
model_send(struct platform *platform, const struct channel_message *message)
{
	(void)platform;
	kill_at_call();
	master_receive(message);
	kill_at_call();
	return 0;
}

static void
model_ring(struct platform *platform, uint32_t partition)
{
	(void)platform;
	(void)partition;
	kill_at_call();
}

static void
model_end(struct platform *platform)
{
	(void)platform;
	process_end();
}

struct platform platform_model = {
	.now = model_now,
	.random = model_random,
	.connect = model_connect,
	.connect_result = model_connect_result,
	.watch = model_watch,
	.read_again = model_read_again,
	.read = model_read,
	.write = model_write,
	.acked = model_acked,
	.transmitted = model_transmitted,
	.reset = model_reset,
	.shutdown = model_shutdown,
	.set_user_timeout = model_set_user_timeout,
	.set_reset_on_close = model_set_reset_on_close,
	.counters = model_counters,
	.cookie = model_cookie,
	.peer = model_peer,
	.abandon = model_abandon,
	.close = model_close,
	.resolve = model_resolve,
	.resolve_cancel = model_resolve_cancel,
	.send = model_send,
	.ring = model_ring,
	.end = model_end,
};

/* --- what has come --- */

static bool
is_ready(const struct watched *of, enum platform_event event)
{
	const struct connection *connection;

	if (!(of->events & (unsigned)event) || of->link->fd < 0)
		return false;
	connection = kernel_of(of->link->fd);
	return event == PLATFORM_READ ? of->again || kernel_can_read(connection)
				      : kernel_can_write(connection);
}

static void
answer(struct watched *of)
{
	struct resolve_answer found = { .count = 1 };

	of->resolves = false;
	if (endpoint_parse("192.0.2.1", 5262, &found.endpoints[0]) == 0)
		link_resolved(of->link, &found);
}

static void
deliver_link(struct watched *of)
{
	if (of->resolves && (world.is_calm || !chance_one_in(4)))
		answer(of);
	if (is_ready(of, PLATFORM_WRITE))
		link_ready(of->link, PLATFORM_WRITE);
	if (is_ready(of, PLATFORM_READ)) {
		of->again = false;
		link_ready(of->link, PLATFORM_READ);
	}
}

void
platform_deliver(struct upstream *up)
{
	unsigned first = chance_below(LINKS_MAX);

	(void)up;
	/* In any order. */
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (watches[(first + i) % LINKS_MAX].link)
			deliver_link(&watches[(first + i) % LINKS_MAX]);
}
