/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_connections - those of the control socket: requests in, answers out,
 * one at a time on each.
 *
 *   reading --line--> busy or waiting --complete--> answering --> reading
 *
 * Busy ones work in pieces: each turn of the loop has a few milliseconds of it,
 * which they share in turn. Waiting ones look now and then whether what they
 * wait for has come, or are woken when an act is done. A few scan the sessions
 * at once, the others wait for their place; and who does not take its answer
 * has no more of it written.
 */
#ifndef WORKER_CONTROL_CONTROL_CONNECTIONS_H
#define WORKER_CONTROL_CONTROL_CONNECTIONS_H

#include "common/base/list.h"
#include "worker/control/commands.h"

#include <ev.h>

/* What a request needs next. */
enum control_pace {
	PACE_NONE,  /* there is none */
	PACE_WORK,  /* a piece of work */
	PACE_LOOK,  /* a look now and then */
	PACE_ACT,   /* an act's answer */
	PACE_PLACE, /* a place among those that scan */
	PACE_ROOM,  /* that its client takes some of the answer */
	PACE_COUNT
};

struct control_connections {
	struct ev_loop *loop;
	const struct commands_view *view; /* borrowed */
	struct list all;                  /* longest idle first */
	struct list paced[PACE_COUNT];    /* each: whose turn it is first */
	unsigned count;
	unsigned scan_count; /* that have a place */
	ev_idle work;
	ev_timer look;
};

/* Loop and view are set by the caller. */
void control_connections_start(struct control_connections *connections);
/* Takes the descriptor. */
void control_connections_add(struct control_connections *connections, int fd,
    enum right right);
/* Acts were answered: who waits for one is looked at. */
void control_connections_wake(struct control_connections *connections);
/* False when there is none. */
bool control_connections_evict_idlest(struct control_connections *connections);

#endif
