/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - which signal means what to the master; events of its loop, nothing
 * is done in a handler.
 */
#ifndef MASTER_SIGNALS_H
#define MASTER_SIGNALS_H

#include "common/base/base.h"

#include <ev.h>

enum signal_event {
	SIGNAL_STOP,
	SIGNAL_DRAIN, /* then stop */
	SIGNAL_CHILD,
	SIGNAL_RELOAD,
	SIGNAL_REOPEN, /* the log: it was rotated */
	SIGNAL_MORE,   /* workers */
	SIGNAL_FEWER,
	SIGNAL_UNSUPPORTED, /* logged */
};

#define SIGNALS_MAX 10

struct signals {
	struct ev_loop *loop;
	ev_signal watchers[SIGNALS_MAX];
	bool came[SIGNALS_MAX];
};

/* First of all: what would end the process without need. */
void signals_ignore(void);
void signals_start(struct signals *signals, struct ev_loop *loop);
/* One that came in this turn of the loop, with its name; false: none is left.
 * Once, however often it came. */
MUST_CHECK bool signals_take(struct signals *signals,
    enum signal_event *event_out, const char **name_out);
void signals_stop(struct signals *signals);

#endif
