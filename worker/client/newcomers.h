/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newcomers - addresses of clients without a session, and what their load
 * balancers say of them until that is whole. A socket that was reset
 * has no peer any more, and an idle client has no room for an address: its
 * session info has it. Until there is one it is here; with the last one that
 * leaves the memory goes back.
 */
#ifndef WORKER_CLIENT_NEWCOMERS_H
#define WORKER_CLIENT_NEWCOMERS_H

#include "common/net/endpoint.h"

struct handshake;
struct proxy_reader;

struct newcomers {
	struct newcomer *all; /* owned */
	uint32_t room, count;
	uint32_t free; /* first of a chain */
};

void newcomers_init(struct newcomers *newcomers);
void newcomers_destroy(struct newcomers *newcomers);

/* Its place, until newcomers_remove(). */
uint32_t newcomers_add(struct newcomers *newcomers,
    const struct endpoint *peer);
void newcomers_remove(struct newcomers *newcomers, uint32_t place);
void newcomers_peer(const struct newcomers *newcomers, uint32_t place,
    struct endpoint *peer_out);
void newcomers_set_peer(struct newcomers *newcomers, uint32_t place,
    const struct endpoint *peer);

/* For the header of the PROXY protocol, made when it is first asked for. */
struct proxy_reader *newcomers_reader(struct newcomers *newcomers,
    uint32_t place);
bool newcomers_has_reader(const struct newcomers *newcomers, uint32_t place);
void newcomers_forget_reader(struct newcomers *newcomers, uint32_t place);

/* Its TLS handshake: handshaking.h. NULL: none is due. */
struct handshake *newcomers_handshake(const struct newcomers *newcomers,
    uint32_t place);
void newcomers_set_handshake(struct newcomers *newcomers, uint32_t place,
    struct handshake *handshake);

#endif
