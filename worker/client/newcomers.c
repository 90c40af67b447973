/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/newcomers.h"

#include "common/net/endpoint.h"
#include "common/net/proxy_header.h"

#include <stdlib.h>

#define ROOM_LEAST 64u
#define NOBODY     UINT32_MAX

struct newcomer {
	uint8_t address[16]; /* IPv4 as mapped */
	uint16_t port;
	uint32_t next;               /* of those that are free */
	struct proxy_reader *reader; /* owned; NULL: none */
	struct handshake *handshake; /* NULL: none */
};

void
newcomers_init(struct newcomers *newcomers)
{
	*newcomers = (struct newcomers){ .free = NOBODY };
}

void
newcomers_destroy(struct newcomers *newcomers)
{
	free(newcomers->all);
	newcomers_init(newcomers);
}

static void
grow(struct newcomers *newcomers)
{
	uint32_t room = MAX(2 * newcomers->room, ROOM_LEAST), place;

	newcomers->all =
	    xrealloc(newcomers->all, room * sizeof(*newcomers->all));
	for (place = room; place > newcomers->room; place--) {
		newcomers->all[place - 1].next = newcomers->free;
		newcomers->free = place - 1;
	}
	newcomers->room = room;
}

uint32_t
newcomers_add(struct newcomers *newcomers, const struct endpoint *peer)
{
	struct newcomer *newcomer;
	uint32_t place;

	if (newcomers->free == NOBODY)
		grow(newcomers);
	place = newcomers->free;
	newcomer = &newcomers->all[place];
	newcomers->free = newcomer->next;
	newcomers->count++;
	newcomer->reader = NULL;
	newcomer->handshake = NULL;
	newcomers_set_peer(newcomers, place, peer);
	return place;
}

void
newcomers_remove(struct newcomers *newcomers, uint32_t place)
{
	newcomers_forget_reader(newcomers, place);
	newcomers->all[place].next = newcomers->free;
	newcomers->free = place;
	if (--newcomers->count == 0)
		newcomers_destroy(newcomers);
}

void
newcomers_peer(const struct newcomers *newcomers, uint32_t place,
    struct endpoint *peer_out)
{
	const struct newcomer *newcomer = &newcomers->all[place];

	endpoint_from_bytes(newcomer->address, newcomer->port, peer_out);
}

void
newcomers_set_peer(struct newcomers *newcomers, uint32_t place,
    const struct endpoint *peer)
{
	struct newcomer *newcomer = &newcomers->all[place];

	endpoint_to_bytes(peer, newcomer->address);
	newcomer->port = endpoint_port(peer);
}

struct proxy_reader *
newcomers_reader(struct newcomers *newcomers, uint32_t place)
{
	struct newcomer *newcomer = &newcomers->all[place];

	if (!newcomer->reader) {
		newcomer->reader = xmalloc(sizeof(*newcomer->reader));
		proxy_reader_init(newcomer->reader);
	}
	return newcomer->reader;
}

bool
newcomers_has_reader(const struct newcomers *newcomers, uint32_t place)
{
	return newcomers->all[place].reader != NULL;
}

void
newcomers_forget_reader(struct newcomers *newcomers, uint32_t place)
{
	free(newcomers->all[place].reader);
	newcomers->all[place].reader = NULL;
}

struct handshake *
newcomers_handshake(const struct newcomers *newcomers, uint32_t place)
{
	return newcomers->all[place].handshake;
}

void
newcomers_set_handshake(struct newcomers *newcomers, uint32_t place,
    struct handshake *handshake)
{
	newcomers->all[place].handshake = handshake;
}
