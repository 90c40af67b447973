/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weights - which client lets the most wait: a heap of those for whom anything
 * does. Weights are in bytes of memory.
 */
#ifndef WORKER_CLIENT_WEIGHTS_H
#define WORKER_CLIENT_WEIGHTS_H

#include "common/base/base.h"

struct client_worker;
struct client;

struct weights {
	struct client **at; /* owned; places count from 1: [0] is not used */
	uint32_t count;
	uint32_t cap;
};

/* Bytes of memory that wait for the client, whoever wrote them: whole blocks of
 * the partition, and what came late. */
uint64_t client_weight(const struct client *client);
/* Of all clients of this worker. */
uint64_t weights_sum(struct client_worker *worker);
/* To be called each time that a client's weight may have changed; O(log n). */
void weights_update(struct client *client);
/* Before its object goes, whatever waits for it. */
void weights_forget(struct client *client);
/* The client with the most; NULL when nothing waits for anybody. */
struct client *weights_heaviest(struct client_worker *worker);
/* The memory of the heap; harmless twice. */
void weights_free(struct client_worker *worker);

#endif
