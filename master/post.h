/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post - the policy of one place that a child process fills: when to start one,
 * how long it may take, when to try again (ARCHITECTURE.md).
 *
 *   waiting --spawned--> starting --ready--> serving
 *      ^                     |                  |
 *      +------- died --------+------------------+
 *   starting, serving --stop--> stopping --died--> vacant
 *   waiting           --stop--> vacant
 *   serving --drain--> draining --died--> vacant
 *   serving <--undrain-- draining --stop--> stopping
 *   vacant --init--> waiting
 *   waiting --hold--> waiting until released
 *   starting, serving --gave up--> vacant
 *
 * Deaths before ready, or of the child's own making within a second of it,
 * wait: 1 s doubling to 60 s, forgotten after a stable minute. Others are
 * replaced at once, but all posts together at most ten a second.
 *
 * Pure: time is an argument, in seconds of any steady clock.
 */
#ifndef MASTER_POST_H
#define MASTER_POST_H

#include "common/base/base.h"

#define POST_BACKOFF_MIN_S 1.0
#define POST_BACKOFF_MAX_S 60.0
#define POST_STABLE_S      60.0
#define POST_EARLY_S       1.0
#define POST_RATE          10  /* replacements a second */
#define POST_CUT_OFF_S     1.0 /* to die after the channel ended */

enum post_state {
	POST_WAITING,  /* until `due` */
	POST_STARTING, /* must be ready by `due` */
	POST_SERVING,  /* cut off: must be gone by `due` */
	POST_DRAINING, /* as serving, but nobody comes in its place */
	POST_STOPPING, /* must be gone by `due` */
	POST_VACANT,   /* until somebody wants a child here */
};

/* Shared by all posts: when the last replacements without wait were. */
struct post_rate {
	double times[POST_RATE];
	unsigned next;
	unsigned count;
};

struct post {
	enum post_state state;
	double due;
	double serving_since;
	double backoff_s; /* 0: none so far */
};

enum post_order { POST_NOTHING, POST_SPAWN, POST_KILL };

/* A child is wanted now. */
void post_init(struct post *post, double now);
/* None is. */
void post_init_vacant(struct post *post);

/* What is to be done now. After POST_KILL nothing more is ordered until the
 * death. */
enum post_order post_next(struct post *post, double now);

/* When post_next() should be asked again; HUGE_VAL: after the next event. */
double post_due(const struct post *post);

void post_spawned(struct post *post, double now, double ready_timeout_s);
/* False when it was not expected, which changes nothing. */
bool post_ready(struct post *post, double now);
/* own_making: it exited or crashed; else it was killed from outside. */
void post_died(struct post *post, double now, bool own_making,
    struct post_rate *rate);
/* It died, and so would the next. */
void post_give_up(struct post *post);
/* It could not be started at all. */
void post_failed(struct post *post, double now);
/* What it needs is not there: it waits for post_release(). */
void post_hold(struct post *post);
/* True when it was held. */
bool post_release(struct post *post, double now);
/* Its child closed the channel: it is dying, or is made to. */
void post_cut_off(struct post *post, double now);
void post_stop(struct post *post, double now, double timeout_s);
/* It serves: no successor from now on, or one again. */
void post_drain(struct post *post);
void post_undrain(struct post *post);
/* The clock stood still for whoever looks at it: what is due comes later. */
void post_postpone(struct post *post, double by_s);
/* No more patience with one that is stopping. */
void post_hurry(struct post *post, double now);

/* True while a process fills it. */
bool post_is_filled(const struct post *post);
/* True while its process was ready and is not told to stop. */
bool post_is_ready(const struct post *post);
/* True while a process serves here or is to. */
bool post_is_active(const struct post *post);
const char *post_state_name(enum post_state state);

#endif
