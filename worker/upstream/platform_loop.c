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
#include "worker/upstream/service/stop.h"
#include "worker/upstream/upstream.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

/* --- the process --- */

static bool
on_work(void *context)
{
	struct platform_loop *self = context;

	return upstream_work(self->up);
}

static void
on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct platform_loop *self = timer->data;

	(void)loop;
	(void)events;
	upstream_tick(self->up);
}

static void
on_turn(struct ev_loop *loop, ev_check *turn, int events)
{
	struct platform_loop *self = turn->data;

	(void)loop;
	(void)events;
	upstream_begin_turn(self->up);
}

static void
on_stop(void *context)
{
	struct platform_loop *self = context;

	stop_begin(self->up);
}

static void
on_message(void *context, const struct channel_message *message)
{
	struct platform_loop *self = context;

	upstream_take_message(self->up, message);
}

static void
on_config(void *context, struct config *config)
{
	struct platform_loop *self = context;

	upstream_take_config(self->up, config);
	resolver_configure(self->resolver, config);
}

static void
start_timers(struct platform_loop *self)
{
	ev_check_init(&self->turn, on_turn);
	ev_set_priority(&self->turn, EV_MAXPRI); /* ahead of what it is for */
	self->turn.data = self;
	ev_check_start(self->loop, &self->turn);
	ev_timer_init(&self->tick, on_tick, 0., UPSTREAM_TICK_S);
	self->tick.data = self;
	ev_timer_start(self->loop, &self->tick);
}

static void
start(struct platform_loop *self)
{
	struct upstream_control *control =
	    region_upstream_control(self->heritage->region);
	struct channel_message ready = {
		.type = CHANNEL_READY,
		.incarnation = self->heritage->incarnation,
		.fd = -1,
	};

	self->supervised.on_stop = on_stop;
	self->supervised.on_message = on_message;
	self->supervised.on_config = on_config;
	self->supervised.context = self;
	supervised_start(&self->supervised, self->loop,
	    self->heritage->channel_fd);
	self->doorbell.fd = self->heritage->upstream_doorbell;
	self->doorbell.asleep = &control->asleep;
	self->doorbell.on_work = on_work;
	self->doorbell.context = self;
	doorbell_start(&self->doorbell, self->loop);
	upstream_begin(self->up);
	start_timers(self);
	worker_start_heartbeat(&self->supervised, &control->heartbeat);
	worker_confine(self->heritage);
	supervised_send(&self->supervised, &ready);
}

void
upstream_main(struct heritage *heritage)
{
	static struct upstream up;
	static struct platform_loop self;
	struct ev_loop *loop = worker_begin(heritage);

	platform_loop_init(&self, loop, &up, heritage);
	upstream_set_up(&up, heritage, &self.platform);
	start(&self);
	ev_run(loop, 0);
	supervised_flush(&self.supervised);
	upstream_tear_down(&up);
	platform_loop_destroy(&self);
	ev_loop_destroy(loop);
	exit(EXIT_SUCCESS);
}
