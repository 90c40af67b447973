/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client_worker.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/panic.h"
#include "common/base/slab.h"
#include "common/net/digest.h"
#include "common/net/fd.h"
#include "common/net/tls.h"
#include "common/net/tls_context.h"
#include "common/process/channel.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/xmpp/close.h"
#include "common/xmpp/jid.h"
#include "worker/client/client.h"
#include "worker/client/deadline_look.h"
#include "worker/client/deadlines.h"
#include "worker/client/deliver.h"
#include "worker/client/drain.h"
#include "worker/client/ending.h"
#include "worker/client/goodbye.h"
#include "worker/client/handshaking.h"
#include "worker/client/listener.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/mass_disconnect.h"
#include "worker/client/newcomers.h"
#include "worker/client/parsers.h"
#include "worker/client/proxied.h"
#include "worker/client/scopes.h"
#include "worker/client/server.h"
#include "worker/client/shared.h"
#include "worker/client/state.h"
#include "worker/client/trace.h"
#include "worker/client/turn.h"
#include "worker/client/uplink.h"
#include "worker/client/weights.h"
#include "worker/doorbell.h"
#include "worker/supervised.h"
#include "worker/worker.h"

#include <ev.h>
#include <malloc.h>
#include <stdlib.h>

#define TRIM_TICKS     9   /* after a burst, */
#define TRIM_EVERY     4   /* and so often meanwhile */
#define DAMAGED_STOP_S 2.0 /* nothing comes down to this one any more */

/* --- the loop --- */

static bool
on_work(void *context)
{
	struct client_worker *worker = context;
	bool busy;

	server_watch(worker);
	busy = deliver_all(worker);
	/* Before it, what came down. */
	if (!busy && worker->mass_disconnect_due)
		mass_disconnect_begin(worker);
	if (!list_is_empty(&worker->blocked))
		busy |= turn_drain(worker);
	if (!list_is_empty(&worker->dirty))
		turn_flush(worker);
	/* After all that the others are due. */
	busy |= handshaking_turn(worker);
	uplink_ring(worker);
	return busy || !list_is_empty(&worker->dirty);
}

/* Whoever is left by then waits for an upstream that takes nothing. */
static bool
is_late(const struct client_worker *worker)
{
	double limit = worker->damaged ? DAMAGED_STOP_S
				       : worker->config->server.stop_timeout_s;

	return now_s() > worker->stop_since_s + (uint32_t)limit;
}

static void
finish_if_empty(struct client_worker *worker)
{
	struct channel_message message = { .type = CHANNEL_STOPPED,
		.partition = worker->heritage->partition,
		.incarnation = worker->heritage->incarnation,
		.fd = -1 };

	if (!worker->stopping && !drain_is_over(worker))
		return;
	if (!list_is_empty(&worker->clients)) {
		if (!is_late(worker))
			return;
		/* The ledger knows those; without a master nobody else would
		 * ever end this process. */
		log_at(LOG_WARNING, "sessions are left open count=%llu",
		    (unsigned long long)worker->open);
		ev_break(worker->loop, EVBREAK_ALL);
		return;
	}
	uplink_ring(worker);
	supervised_send(&worker->supervised, &message);
	supervised_flush(&worker->supervised);
	ev_break(worker->loop, EVBREAK_ALL);
}

/* What a burst took is not kept for ever. */
static void
trim(struct client_worker *worker)
{
	unsigned lane;

	for (lane = 0; lane < LANE_COUNT; lane++)
		ring_trim(&worker->up[lane]);
	clientq_pool_trim(worker->pool);
	/* A burst is over: what it freed lies in between of what stays, and
	 * what waited for the server's answers is freed a little later. */
	if (parsers_trim(worker->parsers))
		worker->trim_ticks = TRIM_TICKS;
	if (worker->trim_ticks > 0 && worker->trim_ticks-- % TRIM_EVERY == 1)
		malloc_trim(0);
}

static void
stop(struct client_worker *worker, enum close_reason reason)
{
	if (worker->stopping)
		return;
	listeners_stop(worker);
	worker->stopping = true;
	worker->stop_since_s = now_s();
	list_each(item, &worker->clients)
	{
		struct client *client = container_of(item, struct client, all);

		client_close(client, reason);
		deadline_update(client); /* also of those that end already */
	}
	/* Quick when nobody is left to wait for. */
	ev_timer_stop(worker->loop, &worker->tick);
	ev_timer_set(&worker->tick, 0.05, 0.1);
	ev_timer_start(worker->loop, &worker->tick);
}

static void
on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct client_worker *worker = ev_userdata(loop);

	(void)timer;
	(void)events;
	if (!shared_tick(worker)) {
		panic_write_message("the down ring is damaged");
		stop(worker, CLOSE_INTERNAL);
	}
	deadlines_tick(worker);
	handshaking_tick(worker);
	login_tick(worker);
	turn_collect(worker);
	mass_disconnect_tick(worker);
	drain_tick(worker);
	trim(worker);
	finish_if_empty(worker);
}

static void
on_accept_resume(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct client_worker *worker = ev_userdata(loop);

	(void)timer;
	(void)events;
	listeners_resume(worker);
}

/* --- the master's orders --- */

static void
on_stop(void *context)
{
	struct client_worker *worker = context;

	stop(worker, CLOSE_SHUTDOWN);
}

/* NULL: it has gone meanwhile, or another has come. */
static struct client *
find_client(const struct client_worker *worker,
    const struct channel_message *message)
{
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;
	struct client *client = worker->by_slot[message->slot % slots];

	return client && client->slot == message->slot &&
		       client->generation == message->generation
		   ? client
		   : NULL;
}

static void
kill_client(struct client_worker *worker, const struct channel_message *message)
{
	struct client *client = find_client(worker, message);

	if (client && message->number < CLOSE_REASON_COUNT)
		client_close(client, (enum close_reason)message->number);
}

static void
take_order(struct client_worker *worker, const struct channel_message *message)
{
	if (message->type == CHANNEL_KILL)
		kill_client(worker, message);
	else if (message->type == CHANNEL_LISTENER_DROP)
		listener_drop(worker, message->number);
	else if (message->type == CHANNEL_LISTENER_CLOSE)
		listener_close(worker, message->number);
	else if (message->type == CHANNEL_DRAIN)
		drain_begin(worker, message->number);
	else if (message->type == CHANNEL_UNDRAIN)
		drain_end(worker);
}

static void
on_message(void *context, const struct channel_message *message)
{
	struct client_worker *worker = context;
	int fd = message->fd;

	if (message->type == CHANNEL_LISTENER && fd >= 0) {
		listener_add(worker, fd, (message->number & 1) != 0,
		    message->number >> 1);
		return;
	}
	if (message->type == CHANNEL_TRACE && fd >= 0) {
		trace_begin(worker, find_client(worker, message), fd);
		return;
	}
	fd_close(&fd);
	take_order(worker, message);
}

/* --- set-up --- */

static const struct client_calls calls = {
	.end = ending_begin,
	.drop = ending_drop,
	.shed = ending_shed,
	.begin_tls = handshaking_begin,
};

/* NULL without a certificate. */
static int
make_tls(const struct client_worker *worker, struct tls_context **context_out,
    struct tls_error *error_out)
{
	const struct config_client *c = &worker->config->client;
	const struct tls_identities *identities = &c->identities;
	struct tls_server_material material;
	int error;

	*context_out = NULL;
	if (identities->count == 0)
		return 0;
	material = tls_identity_material(&identities->all[0]);
	material.priorities = c->tls_priorities;
	if (c->has_ticket_key)
		material.ticket_key = c->ticket_key;
	material.ticket_lifetime_s = (unsigned)c->ticket_lifetime_s;
	error = tls_context_new_server(&material, context_out, error_out);
	if (!error && identities->count > 1)
		error = tls_context_choose_from(*context_out, identities,
		    worker->tls, error_out);
	if (error)
		tls_context_free(context_out);
	return error;
}

/* Handshakes from now on show the new certificate. Who has opened it has tried
 * the same: what fails here is want of memory, and no reason to end. Without
 * a certificate TLS is offered no more, but who begins it now still may. */
static void
on_config(void *context, struct config *config)
{
	struct client_worker *worker = context;
	struct tls_context *next;
	double interval_s = worker->config->client.keepalive_s;
	struct tls_error error;
	int failed;

	worker->config = config;
	if (config->client.keepalive_s != interval_s)
		deadlines_begin_keepalive_anew(worker);
	parsers_configure(worker->parsers, config);
	proxied_configure(worker);
	failed = make_tls(worker, &next, &error);
	config_forget(config);
	if (failed) {
		log_at(LOG_ERROR, "the old certificate is kept error=\"%s\"",
		    error.text);
		return;
	}
	worker->offers_tls = next != NULL;
	if (!next)
		return;
	tls_context_free(&worker->tls);
	worker->tls = next;
}

static void
set_up_shared_memory(struct client_worker *worker, struct heritage *heritage)
{
	struct region *region = heritage->region;
	uint32_t partition = heritage->partition;

	worker->region = region;
	worker->directory = directory_new(region, heritage->ledger,
	    worker->config->server.manager_name, digest_random);
	worker->pool = clientq_pool_new(region, partition);
	shared_begin(worker, partition, heritage->incarnation);
	worker->by_slot = xcalloc(region_geometry(region)->slots_per_partition,
	    sizeof(struct client *));
	worker->pending = xcalloc(region_geometry(region)->slots_per_partition,
	    sizeof(struct pending *));
}

static void
set_up_loop(struct client_worker *worker, struct heritage *heritage)
{
	ev_set_userdata(worker->loop, worker);
	worker->supervised.context = worker;
	worker->supervised.on_stop = on_stop;
	worker->supervised.on_message = on_message;
	worker->supervised.on_config = on_config;
	supervised_start(&worker->supervised, worker->loop,
	    heritage->channel_fd);
	worker->doorbell.fd = heritage->worker_doorbells[heritage->partition];
	worker->doorbell.asleep = &worker->control->asleep;
	worker->doorbell.context = worker;
	worker->doorbell.on_work = on_work;
	doorbell_start(&worker->doorbell, worker->loop);
	ev_timer_init(&worker->tick, on_tick, 1., 1.);
	ev_timer_start(worker->loop, &worker->tick);
	ev_timer_init(&worker->accept_resume, on_accept_resume, 1., 0.);
}

struct client_worker *
client_worker_new(struct heritage *heritage, struct ev_loop *loop)
{
	struct client_worker *worker = xcalloc(1, sizeof(*worker));
	struct tls_error error;

	worker->loop = loop;
	worker->calls = &calls;
	worker->heritage = heritage;
	worker->config = heritage->config;
	domains_init(&worker->domains, worker->config);
	proxied_configure(worker);
	slab_init(&worker->memory, sizeof(struct client));
	newcomers_init(&worker->newcomers);
	handshaking_init(worker);
	login_requests_begin(worker);
	list_init(&worker->clients);
	list_init(&worker->dirty);
	list_init(&worker->unacked);
	list_init(&worker->blocked);
	buf_init(&worker->scratch, 0);
	buf_init(&worker->rewritten, 0);
	buf_init(&worker->chain, 0);
	worker->parsers = parsers_new(worker->config);
	worker->scopes = scopes_new();
	if (make_tls(worker, &worker->tls, &error) != 0)
		worker_refuse_config(error.text);
	worker->offers_tls = worker->tls != NULL;
	config_forget(heritage->config); /* the context has the keys */
	set_up_shared_memory(worker, heritage);
	deadlines_init(worker);
	goodbye_init(worker);
	server_watch(worker);
	set_up_loop(worker, heritage);
	return worker;
}

static void
send_ready(struct client_worker *worker)
{
	struct channel_message message = { .type = CHANNEL_READY,
		.partition = worker->heritage->partition,
		.incarnation = worker->heritage->incarnation,
		.fd = -1 };

	supervised_send(&worker->supervised, &message);
}

void
client_worker_free(struct client_worker **worker_io)
{
	struct client_worker *worker = *worker_io;

	goodbye_forget_all(worker);
	ending_free_all(worker);
	login_end(worker);
	listeners_stop(worker);
	parsers_free(&worker->parsers);
	scopes_free(&worker->scopes);
	clientq_pool_free(&worker->pool);
	directory_free(&worker->directory);
	tls_context_free(&worker->tls);
	buf_destroy(&worker->scratch);
	buf_destroy(&worker->rewritten);
	buf_destroy(&worker->chain);
	free(worker->by_slot);
	free(worker->pending);
	slab_destroy(&worker->memory);
	newcomers_destroy(&worker->newcomers);
	domains_free(&worker->domains);
	weights_free(worker);
	channel_free(&worker->supervised.channel);
	config_free(&worker->supervised.taken);
	ev_loop_destroy(worker->loop);
	free(worker);
	*worker_io = NULL;
}

void
client_worker_main(struct heritage *heritage)
{
	struct client_worker *worker =
	    client_worker_new(heritage, worker_begin(heritage));
	bool damaged;

	worker_start_heartbeat(&worker->supervised,
	    &worker->control->heartbeat);
	worker_confine(heritage);
	send_ready(worker);
	ev_run(worker->loop, 0);
	damaged = worker->damaged;
	client_worker_free(&worker);
	exit(damaged ? CHILD_EXIT_DAMAGED : EXIT_SUCCESS);
}
