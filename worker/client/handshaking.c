/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/handshaking.h"

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/tls.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/client_session.h"
#include "worker/client/client_state.h"
#include "worker/client/handshakes.h"
#include "worker/client/newcomers.h"
#include "worker/client/output.h"
#include "worker/client/state.h"

#include <ev.h>

/* In one turn of the loop; a signature alone may take most of it. */
#define TURN_S 0.002
/* So long each may have its place while others wait: a handshake takes two
 * round trips, and a lost segment or two. */
#define PATIENCE_S 5u

void
handshaking_init(struct client_worker *worker)
{
	uint32_t salt;

	digest_random(&salt, sizeof(salt));
	handshakes_init(&worker->handshakes, salt);
}

static struct handshake *
handshake_of(const struct client *client)
{
	return client->slot == NO_SLOT
		   ? newcomers_handshake(&worker_of(client)->newcomers,
			 client->newcomer)
		   : NULL;
}

static void
show_counts(const struct client_worker *worker)
{
	stats_set(STAT_TLS_WAITING, worker->handshakes.waiting);
	stats_set(STAT_TLS_UNDER_WAY, worker->handshakes.under_way);
}

void
handshaking_forget(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct handshake *handshake = handshake_of(client);

	if (!handshake)
		return;
	newcomers_set_handshake(&worker->newcomers, client->newcomer, NULL);
	handshakes_remove(&worker->handshakes, handshake);
	show_counts(worker);
}

/* --- the beginning --- */

/* What was sent in clear text may have been sent by anybody (RFC 6120
 * §5.4.3.3). */
static void
forget_clear_text(struct client *client)
{
	client->flags &= (uint16_t) ~(CLIENT_HEADER_SENT | CLIENT_VERSION_1 |
				      CLIENT_SASL_REFUSED);
}

/* Whoever has got a place. */
static void
admit(struct client_worker *worker)
{
	struct client *client;

	while ((client = handshakes_next(&worker->handshakes,
		    worker->config->client.handshakes, now_s()))) {
		client_set_read(client, true);
		transport_start_tls_server(&client->transport, worker->tls,
		    (client->flags & CLIENT_DIRECT_TLS) != 0);
	}
	show_counts(worker);
}

static void
note_waiting(const struct client *client)
{
	const struct client_worker *worker = worker_of(client);
	char address[ENDPOINT_TEXT_MAX];

	stats_add(STAT_TLS_WAITED, 1);
	log_limited(LOG_NOTICE, 1,
	    "a TLS handshake waits: as many are under way as"
	    " xmpp.client.handshakes allows waiting=%u address=%s",
	    worker->handshakes.waiting, client_peer_text(client, address));
}

void
handshaking_begin(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct handshake *handshake;
	struct endpoint peer;

	if (client->state == CLIENT_STARTING_TLS) {
		client_leave_session(client);
		(void)client_enter(client, CLIENT_GREETING);
	}
	forget_clear_text(client);
	client_set_read(client, false);
	client_peer(client, &peer);
	handshake = handshakes_add(&worker->handshakes, client, &peer);
	newcomers_set_handshake(&worker->newcomers, client->newcomer,
	    handshake);
	admit(worker);
	if (handshake_is_waiting(handshake))
		note_waiting(client);
}

/* --- the handshake --- */

void
handshaking_go_on(struct client *client)
{
	struct handshake *handshake = handshake_of(client);

	if (handshake)
		handshakes_note_ready(&worker_of(client)->handshakes,
		    handshake);
}

static void
complete(struct client *client)
{
	char host[HOST_NAME_TEXT_MAX];

	stats_add(STAT_TLS_HANDSHAKES, 1);
	if (transport_is_resumed(&client->transport))
		stats_add(STAT_TLS_RESUMED, 1);
	(void)transport_server_name(&client->transport, host);
	client_domain_name(client, host);
	/* A client with Nagle's algorithm sends its header only when we have
	 * acknowledged what ended its handshake. */
	(void)endpoint_acknowledge(client->transport.fd);
	client->active_s = now_s();
	handshaking_forget(client);
	/* More may have come in the same segment, and something may have come
	 * down meanwhile. */
	ev_feed_event(worker_of(client)->loop, &client->io, EV_READ);
	output_soon(client);
}

static void
step(struct client *client)
{
	struct tls_error error;
	char address[ENDPOINT_TEXT_MAX];

	error.text[0] = '\0'; /* the rest is long */
	switch (transport_handshake(&client->transport, &error)) {
	case IO_OK:
		complete(client);
		break;
	case IO_AGAIN:
		break;
	case IO_EOF:
	case IO_FAILED:
	default:
		stats_add(STAT_TLS_FAILURES, 1);
		log_limited(LOG_INFO, 10,
		    "TLS handshake failed address=%s error=\"%s\"",
		    client_peer_text(client, address), error.text);
		client_drop(client, CLOSE_TLS_FAILED);
		return;
	}
	client_set_write(client, transport_wants_write(&client->transport));
}

bool
handshaking_turn(struct client_worker *worker)
{
	struct handshakes *handshakes = &worker->handshakes;
	struct client *client;
	double until_s;

	if (handshakes->waiting > 0)
		admit(worker);
	if (list_is_empty(&handshakes->ready))
		return false;
	until_s = steady_clock_s() + TURN_S;
	while ((client = handshakes_step(handshakes))) {
		step(client);
		if (steady_clock_s() >= until_s)
			break;
	}
	return !list_is_empty(&handshakes->ready) ||
	       !list_is_empty(&worker->dirty);
}

void
handshaking_tick(struct client_worker *worker)
{
	struct handshakes *handshakes = &worker->handshakes;
	unsigned wanted = handshakes->waiting;
	char address[ENDPOINT_TEXT_MAX];
	struct client *client;

	while (wanted-- > 0 &&
	       (client = handshakes_oldest(handshakes, now_s() - PATIENCE_S))) {
		log_limited(LOG_NOTICE, 1,
		    "a TLS handshake that takes long ends, for others wait"
		    " address=%s",
		    client_peer_text(client, address));
		client_drop(client, CLOSE_OVERLOAD);
	}
}
