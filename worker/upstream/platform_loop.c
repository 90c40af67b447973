/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/platform_loop.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/tcp_counters.h"
#include "common/process/heritage.h"
#include "worker/upstream/core/state.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/resolve/resolve.h"

#include <errno.h>
#include <sys/socket.h>

/* What is not sent stays in the lanes' logs, where no reset has to take it
 * back. */
#define UNSENT_BYTES (128 * 1024)

static struct platform_loop *
self_of(struct platform *platform)
{
	return container_of(platform, struct platform_loop, platform);
}

static double
loop_now(struct platform *platform)
{
	(void)platform;
	return steady_clock_s();
}

static void
loop_random(struct platform *platform, void *bytes, size_t len)
{
	(void)platform;
	digest_random(bytes, len);
}

/* --- sockets --- */

static int
loop_connect(struct platform *platform, const struct endpoint *endpoint)
{
	int fd = endpoint_connect(endpoint);

	(void)platform;
	if (fd >= 0 && endpoint_set_unsent_limit(fd, UNSENT_BYTES) != 0)
		log_at(LOG_DEBUG, "cannot set TCP_NOTSENT_LOWAT");
	return fd;
}

static int
loop_connect_result(struct platform *platform, int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	(void)platform;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error;
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct loop_link *of = io->data;

	(void)loop;
	(void)events;
	link_ready(of->link, PLATFORM_READ);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct loop_link *of = io->data;

	(void)loop;
	(void)events;
	link_ready(of->link, PLATFORM_WRITE);
}

static void
set_watch(struct ev_loop *loop, ev_io *io, int fd, int event, bool on)
{
	if (on == (ev_is_active(io) && io->fd == fd))
		return;
	ev_io_stop(loop, io);
	if (!on)
		return;
	ev_io_set(io, fd, event);
	ev_io_start(loop, io);
}

static void
loop_watch(struct platform *platform, struct link *link, unsigned events)
{
	struct platform_loop *self = self_of(platform);
	struct loop_link *of = &self->links[link->number];

	of->link = link;
	set_watch(self->loop, &of->read_io, link->fd, EV_READ,
	    events & PLATFORM_READ);
	set_watch(self->loop, &of->write_io, link->fd, EV_WRITE,
	    events & PLATFORM_WRITE);
}

static void
loop_read_again(struct platform *platform, struct link *link)
{
	struct platform_loop *self = self_of(platform);

	ev_feed_event(self->loop, &self->links[link->number].read_io, EV_READ);
}

static enum io_result
loop_read(struct platform *platform, struct transport *transport, void *bytes,
    size_t cap, size_t *len_out)
{
	(void)platform;
	return transport_read(transport, bytes, cap, len_out);
}

static enum io_result
loop_write(struct platform *platform, struct transport *transport,
    const struct iovec *vectors, int count, size_t *len_out)
{
	(void)platform;
	return transport_write(transport, vectors, count, len_out);
}

static uint64_t
loop_acked(struct platform *platform, const struct transport *transport)
{
	(void)platform;
	return transport_acked(transport);
}

static uint64_t
loop_transmitted(struct platform *platform, const struct transport *transport)
{
	(void)platform;
	return transport_transmitted(transport);
}

static struct transport_end
loop_reset(struct platform *platform, struct transport *transport)
{
	(void)platform;
	return transport_reset(transport);
}

static void
loop_shutdown(struct platform *platform, struct transport *transport)
{
	(void)platform;
	transport_shutdown(transport);
	/* The master's duplicate must not take what still comes. */
	shutdown(transport->fd, SHUT_RDWR);
}

static void
loop_set_user_timeout(struct platform *platform, int fd, unsigned milliseconds)
{
	(void)platform;
	if (endpoint_set_user_timeout(fd, milliseconds) != 0)
		log_at(LOG_DEBUG, "cannot set TCP_USER_TIMEOUT");
}

static bool
loop_set_reset_on_close(struct platform *platform, int fd, bool on)
{
	(void)platform;
	return endpoint_set_reset_on_close(fd, on) == 0;
}

static int
loop_counters(struct platform *platform, int fd,
    struct tcp_counters *counters_out)
{
	(void)platform;
	return tcp_counters_read(fd, TCP_COUNTERS_CONNECTED, counters_out);
}

static int
loop_cookie(struct platform *platform, int fd, uint64_t *cookie_out)
{
	(void)platform;
	return endpoint_cookie(fd, cookie_out);
}

static int
loop_peer(struct platform *platform, int fd, struct endpoint *endpoint_out)
{
	(void)platform;
	return endpoint_peer(fd, endpoint_out);
}

static void
loop_abandon(struct platform *platform, int fd)
{
	(void)platform;
	endpoint_reset(fd);
}

static void
loop_close(struct platform *platform, int fd)
{
	(void)platform;
	fd_close(&fd);
}

/* --- the server's address --- */

static void
on_resolved(void *context, const struct resolve_answer *answer)
{
	struct loop_link *of = context;

	of->query = NULL;
	link_resolved(of->link, answer);
}

static void
loop_resolve(struct platform *platform, struct link *link)
{
	struct platform_loop *self = self_of(platform);
	struct loop_link *of = &self->links[link->number];

	of->link = link;
	of->query = resolve_start(self->resolver, on_resolved, of);
}

static void
loop_resolve_cancel(struct platform *platform, struct link *link)
{
	struct platform_loop *self = self_of(platform);

	if (self->links[link->number].query)
		resolve_cancel(&self->links[link->number].query);
}

/* --- other processes --- */

static int
loop_send(struct platform *platform, const struct channel_message *message)
{
	return supervised_try_send(&self_of(platform)->supervised, message);
}

static void
loop_ring(struct platform *platform, uint32_t partition)
{
	struct platform_loop *self = self_of(platform);

	doorbell_ring(&region_worker_control(self->heritage->region, partition)
			   ->asleep,
	    self->heritage->worker_doorbells[partition]);
}

static void
loop_end(struct platform *platform)
{
	ev_break(self_of(platform)->loop, EVBREAK_ALL);
}

static const struct platform calls = {
	.now = loop_now,
	.random = loop_random,
	.connect = loop_connect,
	.connect_result = loop_connect_result,
	.watch = loop_watch,
	.read_again = loop_read_again,
	.read = loop_read,
	.write = loop_write,
	.acked = loop_acked,
	.transmitted = loop_transmitted,
	.reset = loop_reset,
	.shutdown = loop_shutdown,
	.set_user_timeout = loop_set_user_timeout,
	.set_reset_on_close = loop_set_reset_on_close,
	.counters = loop_counters,
	.cookie = loop_cookie,
	.peer = loop_peer,
	.abandon = loop_abandon,
	.close = loop_close,
	.resolve = loop_resolve,
	.resolve_cancel = loop_resolve_cancel,
	.send = loop_send,
	.ring = loop_ring,
	.end = loop_end,
};

void
platform_loop_init(struct platform_loop *self, struct ev_loop *loop,
    struct upstream *up, struct heritage *heritage)
{
	*self = (struct platform_loop){
		.platform = calls,
		.up = up,
		.heritage = heritage,
		.loop = loop,
	};
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		struct loop_link *of = &self->links[i];

		ev_init(&of->read_io, on_readable);
		ev_init(&of->write_io, on_writable);
		of->read_io.data = of->write_io.data = of;
	}
	CHECK(resolver_new(loop, heritage->config, &self->resolver) == 0);
}

void
platform_loop_destroy(struct platform_loop *self)
{
	resolver_free(&self->resolver);
	channel_free(&self->supervised.channel);
}
