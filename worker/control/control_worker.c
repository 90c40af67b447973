/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/control_worker.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "worker/control/act_client.h"
#include "worker/control/control.h"
#include "worker/control/http.h"
#include "worker/supervised.h"
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>

struct control_worker {
	struct ev_loop *loop;
	struct supervised supervised;
	struct act_client acts;
	struct commands_view view;
	struct commands_view asking; /* HTTP's: it has no acts */
	struct control *control;     /* NULL: there is no socket */
	struct http *http;           /* likewise */
};

/* --- the master's orders --- */

static void
on_stop(void *context)
{
	struct control_worker *self = context;

	ev_break(self->loop, EVBREAK_ALL);
}

static void
on_config(void *context, struct config *config)
{
	struct control_worker *self = context;

	self->view.config = self->asking.config = config;
	if (self->http)
		http_renew(self->http);
	config_forget_contents(config);
}

static void
on_message(void *context, const struct channel_message *message)
{
	struct control_worker *self = context;
	int fd = message->fd;

	if (message->type != CHANNEL_ACT_DONE) {
		fd_close(&fd);
		return;
	}
	act_client_take(&self->acts, message);
	if (self->control)
		control_wake(self->control);
}

/* --- life --- */

static void
set_up(struct control_worker *self, struct heritage *heritage)
{
	const char *name = heritage->config->server.manager_name;

	json_object_seed(0); /* it opens a file */
	act_client_init(&self->acts, &self->supervised);
	self->asking = (struct commands_view){
		.config = heritage->config,
		.region = heritage->region,
		.directory = directory_new(heritage->region, NULL, name, NULL),
	};
	self->view = self->asking;
	self->view.acts = &self->acts;
	if (heritage->control_fd >= 0)
		self->control = control_new(heritage->control_fd,
		    &heritage->access, self->loop, &self->view);
	if (heritage->http_fd >= 0 && http_new(heritage->http_fd, self->loop,
					  &self->asking, &self->http) != 0)
		log_at(LOG_ERROR, "no metrics by HTTP: it does not start");
	config_forget_contents(heritage->config); /* the library has the key */
}

static void
set_up_loop(struct control_worker *self, const struct heritage *heritage)
{
	struct channel_message ready = {
		.type = CHANNEL_READY,
		.incarnation = heritage->incarnation,
		.fd = -1,
	};

	self->supervised.on_stop = on_stop;
	self->supervised.on_config = on_config;
	self->supervised.on_message = on_message;
	self->supervised.context = self;
	supervised_start(&self->supervised, self->loop, heritage->channel_fd);
	worker_start_heartbeat(&self->supervised,
	    &region_control_page(heritage->region)->heartbeat);
	worker_confine(heritage);
	supervised_send(&self->supervised, &ready);
}

static void
tear_down(struct control_worker *self)
{
	control_free(&self->control);
	http_free(&self->http);
	directory_free(&self->view.directory);
	channel_free(&self->supervised.channel);
	ev_loop_destroy(self->loop);
}

void
control_worker_main(struct heritage *heritage)
{
	static struct control_worker self;

	self.loop = worker_begin(heritage);
	set_up(&self, heritage);
	set_up_loop(&self, heritage);
	ev_run(self.loop, 0);
	tear_down(&self);
	exit(EXIT_SUCCESS);
}
