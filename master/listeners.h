/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners - the listening sockets: one for each address and post, opened once
 * and never closed while their address is configured, and who accepts on each.
 *
 * A SO_REUSEPORT socket that nobody accepts from swallows its share of new
 * clients, so that of a dead worker is lent to a living one until its own post
 * is filled again (design.md §8).
 */
#ifndef MASTER_LISTENERS_H
#define MASTER_LISTENERS_H

#include "common/base/base.h"

struct config_client;

#define LISTENER_NOBODY (-1)

struct listener {
	int fd;
	uint32_t id;
	bool direct_tls;
	unsigned home; /* number of its post */
	int holder;    /* post that accepts on it now, or LISTENER_NOBODY */
};

struct listeners {
	struct listener *all;
	unsigned count;
};

/* Opens the sockets of `posts` workers; 0, or -errno after a line that names
 * the address. */
MUST_CHECK int listeners_open(struct listeners *listeners,
    const struct config_client *client, unsigned posts);
void listeners_close(struct listeners *listeners);

/* The post's process is dead: whatever it held is held by nobody. */
void listeners_drop_holder(struct listeners *listeners, unsigned post);
/* One that nobody holds, or NULL. */
struct listener *listeners_orphan(struct listeners *listeners);

#endif
