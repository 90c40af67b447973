/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visitors - the connections of the control socket: requests in, answers out,
 * one at a time on each.
 *
 *   reading --line--> busy or waiting --complete--> answering --> reading
 *
 * Busy ones work in pieces whenever the loop has nothing else to do. Waiting
 * ones look now and then whether what they wait for has come.
 */
#ifndef MASTER_VISITORS_H
#define MASTER_VISITORS_H

#include "common/base/list.h"
#include "master/commands.h"

#include <ev.h>

struct visitors {
	struct ev_loop *loop;
	const struct commands_view *view; /* borrowed */
	void (*on_gone)(void *context);   /* a descriptor is free again */
	void *context;
	struct list all; /* longest quiet first */
	unsigned count, busy_count, waiting_count;
	ev_idle work;
	ev_timer look;
};

/* Loop, view, callback and context are set by the caller. */
void visitors_start(struct visitors *visitors);
/* Takes the descriptor. */
void visitors_add(struct visitors *visitors, int fd, enum right right);
/* False when there is none. */
bool visitors_dismiss_quietest(struct visitors *visitors);

#endif
