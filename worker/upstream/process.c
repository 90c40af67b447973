/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - upstream's process: it prepares, takes its predecessor's place at
 * once or, as a standby, when the master tells it to, serves, and ends.
 */
#include "common/shm/store.h"
#include "worker/upstream/attach.h"
#include "worker/upstream/core/state.h"
#include "worker/upstream/kill_at.h"
#include "worker/upstream/platform_loop.h"
#include "worker/upstream/resolve/resolve.h"
#include "worker/upstream/service/stop.h"
#include "worker/upstream/upstream.h"
#include "worker/worker.h"

#include <stdlib.h>
#include <unistd.h>

/* --- events --- */

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

/* --- serving --- */

static void
send_ready(struct platform_loop *self)
{
	const struct channel_message ready = {
		.type = CHANNEL_READY,
		.incarnation = self->heritage->incarnation,
		.fd = -1,
	};

	kill_point("before it is ready");
	supervised_send(&self->supervised, &ready);
	kill_point("behind its being ready");
}

static void
start_clock(struct platform_loop *self)
{
	ev_check_init(&self->turn, on_turn);
	ev_set_priority(&self->turn, EV_MAXPRI); /* ahead of what it is for */
	self->turn.data = self;
	ev_check_start(self->loop, &self->turn);
}

static void
serve(struct platform_loop *self)
{
	struct upstream_control *control =
	    region_upstream_control(self->heritage->region);

	kill_at_begin(self->heritage->incarnation);
	upstream_attach(self->up);
	self->doorbell.fd = self->heritage->upstream_doorbell;
	self->doorbell.asleep = &control->asleep;
	self->doorbell.on_work = on_work;
	self->doorbell.context = self;
	doorbell_start(&self->doorbell, self->loop);
	upstream_begin(self->up);
	ev_timer_init(&self->tick, on_tick, 0., UPSTREAM_TICK_S);
	self->tick.data = self;
	ev_timer_start(self->loop, &self->tick);
	worker_start_heartbeat(&self->supervised, &control->heartbeat);
	send_ready(self);
}

/* --- standing by --- */

/* It says that it is ready once more when its turn has come. */
static void
stand_by(struct platform_loop *self)
{
	for (unsigned i = 0; i < LINKS_MAX; i++)
		self->left[i].fd = -1;
	self->heritage->links = self->left;
	self->heritage->link_count = LINKS_MAX;
	send_ready(self);
}

/* What is left to it, and that it is its turn. */
static void
take_place(struct platform_loop *self, const struct channel_message *message)
{
	int fd = message->fd;

	if (message->type == CHANNEL_LINK_LEFT && message->link < LINKS_MAX &&
	    self->left[message->link].fd < 0) {
		self->left[message->link] = (struct heritage_link){
			.fd = fd,
			.attempt = message->attempt,
			.cookie = message->cookie,
		};
		return;
	}
	if (fd >= 0)
		close(fd);
	if (message->type != CHANNEL_TAKE_PLACE)
		return;
	worker_take_place(self->heritage);
	serve(self);
}

/* --- the master's orders --- */

static void
on_stop(void *context)
{
	struct platform_loop *self = context;

	if (self->heritage->standby)
		exit(EXIT_SUCCESS); /* it has nothing that must be ended */
	stop_begin(self->up);
}

static void
on_message(void *context, const struct channel_message *message)
{
	struct platform_loop *self = context;

	if (self->heritage->standby)
		take_place(self, message);
	else
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
listen_to_master(struct platform_loop *self)
{
	self->supervised.on_stop = on_stop;
	self->supervised.on_message = on_message;
	self->supervised.on_config = on_config;
	self->supervised.context = self;
	supervised_start(&self->supervised, self->loop,
	    self->heritage->channel_fd);
}

void
upstream_main(struct heritage *heritage)
{
	static struct upstream up;
	static struct platform_loop self;
	struct ev_loop *loop = worker_begin(heritage);

	kill_at_open();
	platform_loop_init(&self, loop, &up, heritage);
	start_clock(&self);
	upstream_prepare(&up, heritage, &self.platform);
	listen_to_master(&self);
	worker_confine(heritage);
	if (heritage->standby)
		stand_by(&self);
	else
		serve(&self);
	ev_run(loop, 0);
	supervised_flush(&self.supervised);
	upstream_tear_down(&up);
	platform_loop_destroy(&self);
	ev_loop_destroy(loop);
	exit(EXIT_SUCCESS);
}
