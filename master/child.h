/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child - one child process and what is shared about it. Private to children.c,
 * child_*.c.
 */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H

#include "common/process/channel.h"
#include "master/child_policy.h"
#include "master/children.h"
#include "master/liveness.h"
#include "master/partition_set.h"
#include "master/resources.h"

#include <sys/types.h>

struct child {
	struct children *all;
	enum child_role role;
	unsigned number; /* of its place: workers from 0 */
	struct child_policy policy;
	struct liveness liveness; /* while it serves */
	pid_t pid;                /* 0: none */
	uint32_t partition, incarnation;
	struct channel *channel;
	ev_io read_io, write_io;
};

struct children {
	struct children_setup setup;
	struct resources *resources;
	struct partition_set *partitions;
	struct child_policy_rate rate, control_rate;
	bool were_killed;
	bool gave_up;             /* on one without which there is no service */
	bool no_partition_logged; /* once, until one is free */
	bool log_lost;            /* by one of them */
	unsigned wanted;          /* workers that are to serve */
	bool closed;              /* none is, until all are taken back */
	struct child upstream;
	struct child control;  /* unused where nothing listens */
	unsigned worker_count; /* places: one for each partition */
	struct child *workers; /* most of them unused */
};

/* child_spawn.c: forks. 0 or -errno. The child never returns from here. */
MUST_CHECK int child_spawn(struct child *child);
/* As its own log lines have it, quoted for a value; until the next call. */
const char *child_name(const struct child *child);

/* child_spawn.c: its number in the ledger's table of processes. */
uint32_t child_process_number(const struct child *child);

/* child_facts.c: whose extract of the configuration it is given. */
enum config_reader children_reader(enum child_role role);

/* child_talk.c: takes over the master's end of the channel. */
void child_listen(struct child *child, int fd);
/* Takes what it has sent so far, though the loop has not seen it yet. */
void child_receive(struct child *child);
void child_hang_up(struct child *child);
/* Nothing when it is gone. */
void child_send(struct child *child, const struct channel_message *message);
void child_send_listener(struct child *child, const struct listener *listener);
void child_drop_listener(struct child *child, const struct listener *listener);

/* child_death.c: it was reaped with this status. */
void child_bury(struct child *child, int status, double now);

/* child_watch.c: it serves now, or its deadlines start again. */
void child_watch_begin(struct child *child, double now);
/* True when it stands still for hang.timeout; once. */
bool child_watch_is_lost(struct child *child, double now);

/* child_listeners.c: those whose address is wanted no more, when they are due.
 */
void children_close_listeners(struct children *children, double now);

/* child_count.c: starts as many children as are wanted. */
void children_begin(struct children *children, double now);

/* children.c: notifies upstream of a partition. */
void children_notify_upstream(struct children *children, enum channel_type type,
    uint32_t partition);

/* children.c: a partition of the region is free; a worker that waits for one
 * may start. */
void children_have_partition(struct children *children);

/* children.c: what child_talk.c receives. */
void children_on_ready(struct child *child);
void children_on_partition_free(struct children *children, uint32_t partition);
void children_on_hung(struct children *children, uint32_t partition,
    uint32_t incarnation);
/* It does not speak our language: it is killed. */
void children_on_bad_channel(struct child *child);
/* What a death looks like first; one that lives on is killed soon. */
void children_on_channel_end(struct child *child);

#endif
