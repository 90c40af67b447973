/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child - one child process: forked, sent what concerns it, buried; and what is
 * shared about all. Private to child.c, messages.c, worker_pool.c, children.c.
 */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include "common/process/act.h"
#include "common/process/channel.h"
#include "master/child_policy.h"
#include "master/children.h"
#include "master/link_sockets.h"
#include "master/partition_set.h"
#include "master/resources.h"

#include <sys/types.h>

struct child {
	struct children *all;
	enum child_role role;
	unsigned number; /* of its place: workers from 0 */
	struct child_policy policy;
	struct child_liveness liveness; /* while it serves */
	pid_t pid;                      /* 0: none */
	uint32_t partition, incarnation;
	bool standby;  /* standby.h */
	bool stood_by; /* was one, and ready, before it was this */
	struct channel *channel;
	ev_io read_io, write_io;
};

struct children {
	struct children_setup setup;
	struct resources *resources;
	struct partition_set *partitions;
	struct child_policy_rate rate, control_rate, standby_rate;
	bool were_killed;
	bool gave_up;             /* on one without which there is no service */
	bool no_partition_logged; /* once, until one is free */
	bool log_lost;            /* by one of them */
	bool changed;             /* one came, served or went */
	bool is_asked;            /* control waits for this act */
	struct act act;           /* its asker's descriptor is owned */
	unsigned wanted;          /* workers that are to serve */
	bool closed;              /* none is, until all are taken back */
	double closes_at; /* all are drained then; HUGE_VAL: not planned */
	unsigned closing_window_s; /* with this window */
	struct link_sockets links; /* upstream's */
	struct child upstream;
	uint32_t upstream_count; /* the last incarnation */
	struct child standby;    /* of upstream; unused: none is kept now */
	struct child control;    /* unused where nothing listens */
	unsigned worker_count;   /* places: one for each partition */
	struct child *workers;   /* most of them unused */
};

/* As its own log lines have it, quoted for a value; until the next call. */
const char *child_name(const struct child *child);
/* Whose extract of the configuration it is given. */
enum config_reader child_reader(enum child_role role);

/* Its number in the ledger's table of processes. */
uint32_t child_process_number(const struct child *child);

/* Forks, with a channel between. 0 or -errno. The child never returns from
 * here. */
MUST_CHECK int child_spawn(struct child *child);
void child_hang_up(struct child *child);
/* It becomes the process that the other was, which is none from now on. */
void child_become(struct child *child, struct child *other);
/* For what it must not miss: a child that cannot be sent it is killed. Nothing
 * when it is gone. */
void child_send(struct child *child, const struct channel_message *message);
/* For an order that can wait: 0, -ESRCH when the child is gone, or -EAGAIN
 * while it is behind in its reading or no descriptor is free; nobody is killed.
 */
MUST_CHECK int child_try_send(struct child *child,
    const struct channel_message *message);
void child_send_listener(struct child *child, const struct listener *listener);
void child_drop_listener(struct child *child, const struct listener *listener);
/* At once, with a line that has the reason; nothing when it is dead. */
void child_kill(struct child *child, const char *why);

/* --- standing still: a SIGSTOP, a busy loop or a call that never returns
 * leaves its heartbeat word where it is --- */

/* It serves now, or its deadlines start again. */
void child_watch_begin(struct child *child, double now);
/* True when it stands still for hang.timeout; once. */
bool child_watch_is_lost(struct child *child, double now);

/* --- ending --- */

/* It has been told to. */
bool child_is_to_end(const struct child *child);
/* It was reaped with this status: its death is logged, its channel closed, and
 * nothing of it is left but its policy. */
void child_end(struct child *child, int status);

#endif
