/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children - the child processes: upstream, control and the workers. Starts,
 * hears, reaps and replaces them as child_policy.h says. How many workers serve
 * is the matter of worker_pool.h.
 */
#ifndef MASTER_CHILDREN_H
#define MASTER_CHILDREN_H

#include "common/process/heritage.h"

#include <ev.h>
#include <sys/types.h>

struct act;
struct children;
struct resources;
struct master_process;

/* What each kind of child runs. The only calls of the master that lead out of
 * its folder, set by its entry file; none may return. */
struct child_mains {
	child_main_fn *worker;
	child_main_fn *upstream;
	child_main_fn *standby; /* of upstream; NULL: none is kept */
	child_main_fn *control; /* only if there is something to listen on */
};

struct children_setup {
	struct ev_loop *loop;
	struct resources *resources; /* borrowed */
	struct child_mains mains;
	bool background; /* heritage.h */
};

struct children *children_new(const struct children_setup *setup);
/* All must be gone. */
void children_free(struct children **children);

/* Does what is due; returns when to be called again, HUGE_VAL: not needed. */
double children_tend(struct children *children, double now);
/* The master itself stood still: all deadlines start later by so much, and
 * nobody's silence of that time counts. */
void children_resume(struct children *children, double now, double pause_s);
/* Buries the dead. Whoever is no child of ours but has come to us, as the
 * orphans of a container come to its first process, is let go. */
void children_reap(struct children *children, double now);

/* --- what they bring, for the end of each turn of the loop --- */

/* True once after a child has come, serves or has gone: what follows from it is
 * due. */
MUST_CHECK bool children_take_change(struct children *children);
/* True once after one of them found nobody who takes its lines. */
bool children_lost_log(struct children *children);

/* --- what operators ask about --- */

/* True for the process of one of them. */
bool children_have(const struct children *children, pid_t pid);
/* A row for upstream, one for control if it is wanted, and for every worker's
 * place that is not unused, in this order; there is room for
 * master_state_room(). */
uint32_t children_describe(const struct children *children,
    struct master_process *rows_out);
/* Orders those of a role to end; killed when they take longer. No successors
 * from now on. */
void children_stop(struct children *children, enum child_role role, double now,
    double timeout_s);
/* Kills those that are stopping. */
void children_hurry(struct children *children, double now);

/* Processes of the role that are not reaped. */
unsigned children_alive(const struct children *children, enum child_role role);
bool children_all_serve(const struct children *children);
/* True when upstream or every worker ended for a configuration that cannot
 * work: none of them comes again. */
bool children_are_lost(const struct children *children);
/* True when a stop had to be enforced. */
bool children_were_killed(const struct children *children);

#endif
