/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_policy - the state of one child process and what follows from it: when
 * to start it, how long that may take, when it counts as hung, when to try
 * again (ARCHITECTURE.md).
 *
 *   waiting --spawned--> starting --ready--> serving
 *      ^                     |                  |
 *      +------- died --------+------------------+
 *   starting, serving --stop--> stopping --died--> unused
 *   waiting           --stop--> unused
 *   serving --drain--> draining --died--> unused
 *   serving <--undrain-- draining --stop--> stopping
 *   unused --init--> waiting
 *   waiting --hold--> waiting until released
 *   starting, serving --gave up--> unused
 *
 * Deaths before ready, or of the child's own making within a second of it,
 * wait: 1 s doubling to 60 s, forgotten after a stable minute. Others are
 * replaced at once, but at most ten a second over all children.
 *
 * Pure: time is an argument, in seconds of any steady clock.
 */
#ifndef MASTER_CHILD_POLICY_H
#define MASTER_CHILD_POLICY_H

#include "common/base/base.h"

#define CHILD_BACKOFF_MIN_S 1.0
#define CHILD_BACKOFF_MAX_S 60.0
#define CHILD_STABLE_S      60.0
#define CHILD_EARLY_S       1.0
#define CHILD_RATE          10  /* replacements a second */
#define CHILD_CUT_OFF_S     1.0 /* to die after the channel ended */

enum child_state {
	CHILD_WAITING,  /* until `due` */
	CHILD_STARTING, /* must be ready by `due` */
	CHILD_SERVING,  /* cut off: must be gone by `due` */
	CHILD_DRAINING, /* as serving, but it is not replaced */
	CHILD_STOPPING, /* must be gone by `due` */
	CHILD_UNUSED,   /* until a child is wanted again */
};

/* Shared by all children: when the last were replaced without a wait. */
struct child_policy_rate {
	double times[CHILD_RATE];
	unsigned next;
	unsigned count;
};

struct child_policy {
	enum child_state state;
	double due;
	double serving_since;
	double backoff_s; /* 0: none so far */
};

enum child_order { CHILD_ORDER_NOTHING, CHILD_ORDER_SPAWN, CHILD_ORDER_KILL };

/* The child is wanted now. */
void child_policy_init(struct child_policy *policy, double now);
/* It is not. */
void child_policy_init_unused(struct child_policy *policy);

/* What is to be done now. After CHILD_ORDER_KILL nothing more is ordered until
 * the child has died. */
enum child_order child_policy_next(struct child_policy *policy, double now);

/* When to call child_policy_next() again; HUGE_VAL: after the next event. */
double child_policy_due(const struct child_policy *policy);

void child_policy_spawned(struct child_policy *policy, double now,
    double ready_timeout_s);
/* False when it was not expected, which changes nothing. */
bool child_policy_ready(struct child_policy *policy, double now);
/* own_making: it exited or crashed; else it was killed from outside. */
void child_policy_died(struct child_policy *policy, double now, bool own_making,
    struct child_policy_rate *rate);
/* It died, and so would the next. */
void child_policy_give_up(struct child_policy *policy);
/* It could not be started at all. */
void child_policy_failed(struct child_policy *policy, double now);
/* What it needs is not there: it waits for child_policy_release(). */
void child_policy_hold(struct child_policy *policy);
/* True when it was held. */
bool child_policy_release(struct child_policy *policy, double now);
/* The child closed the channel: it is dying, or is killed soon. */
void child_policy_cut_off(struct child_policy *policy, double now);
void child_policy_stop(struct child_policy *policy, double now,
    double timeout_s);
/* It serves: it is not replaced from now on, or again. */
void child_policy_drain(struct child_policy *policy);
void child_policy_undrain(struct child_policy *policy);
/* The master itself stood still: all that is due is postponed. */
void child_policy_postpone(struct child_policy *policy, double by_s);
/* One that is stopping is killed at once. */
void child_policy_hurry(struct child_policy *policy, double now);

/* True while there is a process. */
bool child_policy_is_filled(const struct child_policy *policy);
/* True while the process serves or is drained. */
bool child_policy_is_ready(const struct child_policy *policy);
/* True while a process serves, or is to. */
bool child_policy_is_active(const struct child_policy *policy);
const char *child_state_name(enum child_state state);

/* --- whether a process still runs its loop --- */

/* Judged by its heartbeat word in the region. Whose word it is and how often it
 * moves is the caller's matter. */
struct child_liveness {
	uint64_t word;
	double since; /* when it was seen moving last */
};

/* It is alive now, whatever the word was before. */
void child_liveness_start(struct child_liveness *liveness, uint64_t word,
    double now);

/* True when the word stands still for so long; once, until it moves again. */
bool child_liveness_is_lost(struct child_liveness *liveness, uint64_t word,
    double now, double timeout_s);

/* --- what waitpid() returned, in words, and whose doing it was --- */

#define CHILD_DEATH_TEXT_MAX 64

/* "exit code=1", "signal=SEGV core=yes". */
const char *child_death_print(int status, char text_out[CHILD_DEATH_TEXT_MAX]);
/* It ended because its configuration cannot work (heritage.h). */
bool child_death_is_final(int status);
/* It ended by itself or by a fault of its own: exit, SEGV, ABRT ... */
bool child_death_is_own_making(int status);

#endif
