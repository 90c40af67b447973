/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshakes - TLS handshakes of a worker's clients: how many may be under way,
 * and whose turn it is.
 *
 *   waiting --handshakes_next--> under way <--> ready --handshakes_step-->
 *
 * Those that wait do so in a queue for each network (/24 of IPv4, /64 of IPv6),
 * and the networks take turns: however many come from one, who comes from
 * another has the next place but one. What is under way is ready when its
 * client has sent something; it is gone on with in the order of that. Nothing
 * here speaks TLS, or knows what a client is.
 */
#ifndef WORKER_CLIENT_HANDSHAKES_H
#define WORKER_CLIENT_HANDSHAKES_H

#include "common/base/list.h"
#include "common/net/endpoint.h"

struct client;
struct handshake;

#define HANDSHAKE_NETWORKS 256 /* lists in which their queues are found */

struct handshakes {
	unsigned waiting, under_way;
	uint32_t salt;      /* nobody can choose what lies in one list */
	struct list places; /* of those under way, in the order of that */
	struct list ready;
	struct list turns; /* networks in which somebody waits */
	struct list networks[HANDSHAKE_NETWORKS];
};

void handshakes_init(struct handshakes *handshakes, uint32_t salt);

/* One that waits, of a client with this address; owned until
 * handshakes_remove(). */
struct handshake *handshakes_add(struct handshakes *handshakes,
    struct client *client, const struct endpoint *peer);
/* Whatever became of it; NULL: nothing. */
void handshakes_remove(struct handshakes *handshakes,
    struct handshake *handshake);
bool handshake_is_waiting(const struct handshake *handshake);

/* The client whose handshake has got a place at `now_s`, if fewer than `most`
 * are under way and one waits; else NULL. */
struct client *handshakes_next(struct handshakes *handshakes, unsigned most,
    uint32_t now_s);
/* The client that has had its place for longest, since `before_s` or earlier;
 * or NULL. */
struct client *handshakes_oldest(const struct handshakes *handshakes,
    uint32_t before_s);

/* Of one under way: its client has sent something. Harmless twice. */
void handshakes_note_ready(struct handshakes *handshakes,
    struct handshake *handshake);
/* The client whose handshake is gone on with now, or NULL. */
struct client *handshakes_step(struct handshakes *handshakes);

#endif
