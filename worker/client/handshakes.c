/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/handshakes.h"

#include "common/base/list.h"
#include "common/net/endpoint.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES  15u /* of an address, IPv4 as mapped: its /24 */
#define PREFIX6_BYTES 8u

/* Clients of one network that wait. */
struct network {
	uint8_t prefix[PREFIX_BYTES];
	struct list link;  /* in a list of handshakes.networks */
	struct list turn;  /* in handshakes.turns */
	struct list queue; /* never empty */
};

struct handshake {
	struct client *client;
	struct list link;        /* in a queue, or in handshakes.places */
	struct list ready;       /* in handshakes.ready, or alone */
	struct network *network; /* NULL: it is under way */
	uint32_t since_s;        /* and has been from then on */
};

void
handshakes_init(struct handshakes *handshakes, uint32_t salt)
{
	unsigned i;

	*handshakes = (struct handshakes){ .salt = salt };
	list_init(&handshakes->places);
	list_init(&handshakes->ready);
	list_init(&handshakes->turns);
	for (i = 0; i < HANDSHAKE_NETWORKS; i++)
		list_init(&handshakes->networks[i]);
}

/* --- networks --- */

static void
find_prefix(const struct endpoint *peer, uint8_t prefix_out[PREFIX_BYTES])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t address[16];

	endpoint_to_bytes(peer, address);
	if (memcmp(address, mapped, sizeof(mapped)) != 0)
		memset(address + PREFIX6_BYTES, 0,
		    sizeof(address) - PREFIX6_BYTES);
	memcpy(prefix_out, address, PREFIX_BYTES);
}

static struct list *
list_of(struct handshakes *handshakes, const uint8_t prefix[PREFIX_BYTES])
{
	uint32_t mixed = handshakes->salt;
	unsigned i;

	for (i = 0; i < PREFIX_BYTES; i++)
		mixed = (mixed ^ prefix[i]) * 0x9E3779B1u;
	return &handshakes->networks[(mixed >> 16) % HANDSHAKE_NETWORKS];
}

static struct network *
find_network(struct handshakes *handshakes, const struct endpoint *peer)
{
	uint8_t prefix[PREFIX_BYTES];
	struct network *network;
	struct list *list;

	find_prefix(peer, prefix);
	list = list_of(handshakes, prefix);
	list_each(item, list)
	{
		network = container_of(item, struct network, link);
		if (memcmp(network->prefix, prefix, PREFIX_BYTES) == 0)
			return network;
	}
	network = xcalloc(1, sizeof(*network));
	memcpy(network->prefix, prefix, PREFIX_BYTES);
	list_init(&network->queue);
	list_init(&network->link);
	list_init(&network->turn);
	list_append(list, &network->link);
	list_append(&handshakes->turns, &network->turn);
	return network;
}

/* It waits no more. */
static void
leave_queue(struct handshakes *handshakes, struct handshake *handshake)
{
	struct network *network = handshake->network;

	handshakes->waiting--;
	handshake->network = NULL;
	list_remove(&handshake->link);
	if (!list_is_empty(&network->queue))
		return;
	list_remove(&network->link);
	list_remove(&network->turn);
	free(network);
}

/* --- waiting and having a place --- */

struct handshake *
handshakes_add(struct handshakes *handshakes, struct client *client,
    const struct endpoint *peer)
{
	struct handshake *handshake = xcalloc(1, sizeof(*handshake));

	handshake->client = client;
	handshake->network = find_network(handshakes, peer);
	list_init(&handshake->link);
	list_init(&handshake->ready);
	list_append(&handshake->network->queue, &handshake->link);
	handshakes->waiting++;
	return handshake;
}

bool
handshake_is_waiting(const struct handshake *handshake)
{
	return handshake->network != NULL;
}

void
handshakes_remove(struct handshakes *handshakes, struct handshake *handshake)
{
	if (!handshake)
		return;
	if (handshake->network) {
		leave_queue(handshakes, handshake);
	} else {
		handshakes->under_way--;
		list_remove(&handshake->link);
		list_remove(&handshake->ready);
	}
	free(handshake);
}

struct client *
handshakes_next(struct handshakes *handshakes, unsigned most, uint32_t now_s)
{
	struct handshake *handshake;
	struct network *network;

	if (handshakes->under_way >= most || handshakes->waiting == 0)
		return NULL;
	network = container_of(handshakes->turns.next, struct network, turn);
	list_remove(&network->turn);
	list_append(&handshakes->turns, &network->turn);
	handshake = container_of(network->queue.next, struct handshake, link);
	leave_queue(handshakes, handshake);
	handshake->since_s = now_s;
	list_append(&handshakes->places, &handshake->link);
	handshakes->under_way++;
	return handshake->client;
}

struct client *
handshakes_oldest(const struct handshakes *handshakes, uint32_t before_s)
{
	const struct handshake *oldest =
	    container_of(handshakes->places.next, struct handshake, link);

	return !list_is_empty(&handshakes->places) &&
		       oldest->since_s <= before_s
		   ? oldest->client
		   : NULL;
}

/* --- going on --- */

void
handshakes_note_ready(struct handshakes *handshakes,
    struct handshake *handshake)
{
	if (!handshake->network && list_is_empty(&handshake->ready))
		list_append(&handshakes->ready, &handshake->ready);
}

struct client *
handshakes_step(struct handshakes *handshakes)
{
	struct handshake *handshake;

	if (list_is_empty(&handshakes->ready))
		return NULL;
	handshake =
	    container_of(handshakes->ready.next, struct handshake, ready);
	list_remove(&handshake->ready);
	return handshake->client;
}
