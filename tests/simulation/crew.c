/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/crew.h"

#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/crew_private.h"
#include "tests/simulation/kill.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"
#include "worker/up_frame.h"

#include <stdio.h>
#include <string.h>

static struct worker workers[PARTITIONS];

static void
forget(struct worker *worker)
{
	directory_free(&worker->directory);
	clientq_pool_free(&worker->pool);
	worker->is_alive = false;
}

void
crew_begin(void)
{
	for (unsigned i = 0; i < PARTITIONS; i++)
		forget(&workers[i]);
}

void
crew_start(unsigned partition)
{
	struct worker *worker = &workers[partition];

	worker->is_alive = true;
	worker->partition = partition;
	worker->directory =
	    directory_new(world.region, NULL, MANAGER, chance_bytes);
	worker->pool = clientq_pool_new(world.region, partition);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(world.region, partition, lane,
		    &worker->up[lane]);
		ring_begin(&worker->up[lane], RING_PRODUCER);
	}
	region_down_ring(world.region, partition, &worker->down);
	ring_begin(&worker->down, RING_CONSUMER);
	memset(&worker->server, 0, sizeof(worker->server));
	(void)server_state_read(world.region, &worker->server);
	memset(worker->clients, 0, sizeof(worker->clients));
	memset(worker->queues, 0, sizeof(worker->queues));
	worker->chain_len = 0;
	worker->published = false;
}

void
crew_kill(unsigned partition)
{
	struct worker *worker = &workers[partition];

	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i])
			worker->clients[i]->is_gone = true;
	forget(worker);
}

/* --- up --- */

bool
crew_push(struct worker *worker, const struct client *client, uint8_t kind,
    const void *bytes, size_t len)
{
	struct frame_id id = { .kind = kind,
		.slot = client->slot,
		.generation = client->generation };
	uint8_t lane;

	if (directory_check(worker->directory, client->slot, client->generation,
		&id.nonce32, &lane) != 0)
		return false;
	if (ring_push(&worker->up[client->slot % LANE_COUNT], &id, bytes,
		(uint32_t)len) != 0)
		return false;
	worker->published = true;
	return true;
}

static void
publish(struct worker *worker)
{
	struct worker_control *control =
	    region_worker_control(world.region, worker->partition);

	if (worker->published)
		atomic_fetch_add(&control->published, 1);
	worker->published = false;
}

static void
claim(struct worker *worker)
{
	char streamid[STREAMID_MAX + 1];
	struct client *client;
	uint32_t slot;

	if (books_count() == CLIENTS_MAX ||
	    directory_claim(worker->directory, worker->partition, &slot) != 0)
		return;
	(void)directory_streamid(worker->directory, slot, streamid);
	client = books_open(slot, directory_generation(worker->directory, slot),
	    streamid, worker->partition);
	worker->clients[slot % SLOTS] = client;
	memset(&worker->queues[slot % SLOTS], 0, sizeof(struct clientq));
	TRACE(client->number, "client %u in slot %u of worker %u",
	    client->number, slot, worker->partition);
}

static size_t
write_stanza(uint8_t kind, const struct client *client, char *out, size_t cap)
{
	unsigned number = client->up_count;
	int len;

	if (kind == FRAME_MESSAGE)
		len = snprintf(out, cap,
		    "<message to=\"b@" DOMAIN
		    "\" type=\"chat\" id=\"u:%u:%u\"><body>%s</body>"
		    "</message>",
		    client->number, number, world_filling());
	else if (kind == FRAME_IQ_REQUEST)
		len = snprintf(out, cap,
		    "<iq type=\"get\" id=\"u:%u:%u\"><q xmlns=\"a:b\"/></iq>",
		    client->number, number);
	else if (kind == FRAME_IQ_ANSWER)
		len = snprintf(out, cap, "<iq type=\"result\" id=\"u:%u:%u\"/>",
		    client->number, number);
	else if (kind == FRAME_AUTH)
		len = snprintf(out, cap,
		    "<response xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
		    "u:%u:%u</response>",
		    client->number, number);
	else
		len = snprintf(out, cap, "<presence%s id=\"u:%u:%u\"/>",
		    client->is_leaving ? " type=\"unavailable\"" : "",
		    client->number, number);
	return (size_t)len;
}

static void
note_presence(struct worker *worker, const struct client *client)
{
	directory_info(worker->directory, client->slot)->presence =
	    client->is_leaving ? PRESENCE_UNAVAILABLE : PRESENCE_AVAILABLE;
}

void
crew_say(struct worker *worker, struct client *client, uint8_t kind)
{
	static const struct up_create create;
	char text[2048];
	size_t len;

	if (client->up_count == ITEMS_MAX)
		return;
	if (!client->is_created)
		client->is_created = crew_push(worker, client, FRAME_CREATE,
		    &create, sizeof(create));
	if (!client->is_created)
		return;
	if (kind == FRAME_PRESENCE)
		note_presence(worker, client);
	len = write_stanza(kind, client, text, sizeof(text));
	/* Before it is out, for it may be when the worker dies. */
	client->up[client->up_count++] = (struct up_item){ .kind = kind };
	if (!crew_push(worker, client, kind, text, len)) {
		client->up_count--;
		return;
	}
	client->up[client->up_count - 1].is_sure = true;
	TRACE(client->number << 8 | client->up_count, "client says u:%u:%u",
	    client->number, client->up_count - 1);
}

static void
let_go(struct worker *worker, struct client *client)
{
	directory_wipe_info(worker->directory, client->slot);
	worker->clients[client->slot % SLOTS] = NULL;
	client->is_gone = true;
}

/* --- turns --- */

static void
send_away(struct worker *worker)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i])
			crew_leave(worker, worker->clients[i]);
}

void
crew_send_away(unsigned partition)
{
	struct worker *worker = &workers[partition];

	if (!worker->is_alive)
		return;
	send_away(worker);
	publish(worker);
}

static void
look_at_server(struct worker *worker)
{
	uint32_t epoch = worker->server.disconnect_epoch;

	(void)server_state_read(world.region, &worker->server);
	if (worker->server.disconnect_epoch == epoch)
		return;
	TRACE(epoch, "worker %u sends all away", worker->partition);
	books_note_sent_away();
	send_away(worker);
}

static void
look_at_clients(struct worker *worker)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct client *client = worker->clients[i];
		bool is_dead;

		if (!client)
			continue;
		is_dead = directory_flags(worker->directory, client->slot) &
			  ROUTE_DEAD;
		/* Seen twice, in case the word about it was lost on its way. */
		if (is_dead && client->saw_dead && !client->is_closed)
			crew_end(worker, client);
		else if (client->is_leaving)
			crew_go_on_leaving(worker, client);
		client->saw_dead = is_dead;
		if (client->is_closed &&
		    !world_session_lives(client->slot, client->generation))
			let_go(worker, client);
	}
}

static struct client *
some_client(struct worker *worker)
{
	struct client *found = NULL;
	uint32_t seen = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i] && !worker->clients[i]->is_leaving &&
		    chance_below(++seen) == 0)
			found = worker->clients[i];
	return found;
}

static void
act(struct worker *worker)
{
	static const uint8_t kinds[] = { FRAME_MESSAGE, FRAME_MESSAGE,
		FRAME_IQ_REQUEST, FRAME_PRESENCE, FRAME_PRESENCE,
		FRAME_IQ_ANSWER, FRAME_AUTH };
	struct client *client = some_client(worker);

	if (!client || chance_one_in(12)) {
		claim(worker);
		return;
	}
	if (chance_one_in(24))
		crew_leave(worker, client);
	else if (chance_one_in(4))
		crew_read_queue(worker, client);
	else
		crew_say(worker, client, kinds[chance_below(ARRAY_LEN(kinds))]);
}

void
crew_step(unsigned partition)
{
	struct worker *worker = &workers[partition];
	unsigned frames = chance_below(8), acts = chance_below(6);

	if (!worker->is_alive)
		return;
	look_at_server(worker);
	while (frames-- > 0 && crew_take_frame(worker))
		;
	look_at_clients(worker);
	/* While it is held nobody is read from. */
	while (acts-- > 0 && worker->server.phase == SERVER_SERVING)
		act(worker);
	publish(worker);
}

static unsigned working;

static void
work(void)
{
	crew_step(working);
}

bool
crew_step_to_death(unsigned partition)
{
	struct worker *worker = &workers[partition];
	const struct kill_plan plan = { .stores = 1 + chance_below(20) };

	working = partition;
	if (!worker->is_alive || kill_run_worker(work, &plan) == KILL_NONE)
		return false;
	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i])
			worker->clients[i]->is_torn = true;
	return true;
}

void
crew_settle(unsigned partition)
{
	struct worker *worker = &workers[partition];

	if (!worker->is_alive)
		return;
	look_at_server(worker);
	while (crew_take_frame(worker))
		;
	look_at_clients(worker);
	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i] && !worker->clients[i]->is_leaving)
			crew_read_queue(worker, worker->clients[i]);
	publish(worker);
}

void
crew_say_last(unsigned partition)
{
	struct worker *worker = &workers[partition];

	for (unsigned i = 0; worker->is_alive && i < SLOTS; i++)
		if (worker->clients[i] && !worker->clients[i]->is_leaving)
			crew_say(worker, worker->clients[i], FRAME_PRESENCE);
	publish(worker);
}

bool
crew_is_at_rest(unsigned partition)
{
	struct worker *worker = &workers[partition];

	if (!worker->is_alive)
		return true;
	if (ring_head(&worker->down) != ring_tail(&worker->down))
		return false;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (ring_head(&worker->up[lane]) !=
		    ring_tail(&worker->up[lane]))
			return false;
	for (unsigned i = 0; i < SLOTS; i++)
		if (worker->clients[i] && worker->clients[i]->is_leaving)
			return false;
	return true;
}
