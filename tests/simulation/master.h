/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master - the policy of the master, as far as upstream meets it: it holds
 * duplicates of the links' sockets, names the workers to a new upstream
 * (briefs it), and gives a dead worker's partition to no other before it is
 * recovered.
 */
#ifndef TESTS_SIMULATION_MASTER_H
#define TESTS_SIMULATION_MASTER_H

#include "common/base/base.h"

struct channel_message;
struct heritage_link;

void master_begin(void);
/* Upstream has sent it; read later, but before a successor is born. */
void master_receive(const struct channel_message *message);
/* Reads some. */
void master_step(bool all);

/* What the next upstream inherits, with descriptors of its own; how many. */
unsigned master_heritage(struct heritage_link *links_out);
/* It is born. */
void master_brief(void);

/* Starts a worker where a partition is free; false where none is. */
bool master_start_worker(void);
void master_kill_worker(unsigned partition);
bool master_partition_serves(unsigned partition);

#endif
