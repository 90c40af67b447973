/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners - the listening sockets: as many for each address as there are
 * workers. Who accepts on each is decided by listener_plan.h.
 *
 * A SO_REUSEPORT socket that nobody accepts from swallows its share of new
 * clients, and resets them when closed. So a socket belongs to no worker: it is
 * held by one that serves, goes to another when that one does not any more, and
 * is closed only when its address is wanted no more. Then it first takes no new
 * connection for a while and is accepted from (ARCHITECTURE.md).
 */
#ifndef MASTER_LISTENERS_H
#define MASTER_LISTENERS_H

#include "common/net/endpoint.h"

struct config_client;

#define LISTENER_NOBODY   (-1)
#define LISTENERS_WHY_MAX 160
/* From the last new connection to the close: a handshake that has begun ends,
 * and the worker accepts what it brought. */
#define LISTENERS_LEAVE_S 1.0

struct listener {
	int fd;
	uint32_t id; /* never used again */
	struct endpoint endpoint;
	bool direct_tls;
	bool given;  /* the descriptor is that of a given socket */
	bool shared; /* all who serve accept; nobody holds it */
	int holder;  /* number of the child that accepts, or LISTENER_NOBODY */
	uint32_t moved;    /* counts up; the greatest got its holder last */
	double closing_at; /* 0: it is wanted */
};

/* One that a service manager opened, and keeps: never closed by us. */
#define LISTENERS_GIVEN_MAX 16u
struct given_socket {
	int fd;
	uint32_t id; /* of its listener, whenever it is one */
	struct endpoint endpoint;
	bool direct_tls;
	bool shared; /* no SO_REUSEPORT, so there can be no others */
	bool dual;   /* IPv4, too */
};

/* A worker may still have a socket that was closed here. */
#define LISTENERS_GONE_MAX 16u
#define LISTENERS_GONE_S   10.0

struct listeners {
	struct listener *all;
	unsigned count, room;
	uint32_t next_id, last_move;
	struct {
		uint16_t port;
		double at;          /* steady clock */
	} gone[LISTENERS_GONE_MAX]; /* those closed last, in turn */
	unsigned gone_next;
	struct given_socket given[LISTENERS_GIVEN_MAX];
	unsigned given_count;
};

/*
 * Takes a socket that a service manager opened: the ports and addresses of the
 * settings count no more for its kind, which its name shows (xmpp-client,
 * xmpps-client), or its port. 0; -EINVAL after a line in the log, and it is
 * closed.
 */
int listeners_give(struct listeners *listeners,
    const struct config_client *client, int fd, const char *name);

/*
 * Opens what these settings want for so many workers and is not there; what was
 * leaving stays. 0; or -errno, nothing changed, a line in the log, and why in
 * words that name the address. Zeroed listeners are empty ones.
 */
MUST_CHECK int listeners_want(struct listeners *listeners,
    const struct config_client *client, unsigned workers,
    char why_out[LISTENERS_WHY_MAX]);
/* What these settings do not want leaves; NULL: all. */
void listeners_settle(struct listeners *listeners,
    const struct config_client *client, double now);
/* When one has to be closed; HUGE_VAL: none leaves. */
double listeners_due(const struct listeners *listeners);
/* Takes out one that is due; its descriptor is the caller's. */
MUST_CHECK bool listeners_take_due(struct listeners *listeners, double now,
    struct listener *listener_out);
/* At once, all, given ones too. */
void listeners_close(struct listeners *listeners);

#endif
