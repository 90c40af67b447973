/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which client lets the most wait: a binary heap of those for whom anything
 * waits, the heaviest on top. Most clients come in with a block or two and go
 * again, near the bottom, where that costs a comparison.
 */
#include "worker/client/weights.h"

#include "common/shm/clientq.h"
#include "worker/client/client.h"
#include "worker/client/stall.h"
#include "worker/client/state.h"

#include <stdlib.h>

/* As many as a region has slots (region_layout.c): nobody is cut. */
#define PLACE_BITS ((1u << 25) - 1)

uint64_t
client_weight(const struct client *client)
{
	return clientq_bytes(&client->queue) + stall_late_bytes(client);
}

uint64_t
weights_sum(struct client_worker *worker)
{
	return clientq_pool_used_bytes(worker->pool) + worker->late_bytes;
}

struct client *
weights_heaviest(struct client_worker *worker)
{
	const struct weights *heap = &worker->weights;

	return heap->count > 0 ? heap->at[1] : NULL;
}

static void
put(struct weights *heap, uint32_t place, struct client *client)
{
	heap->at[place] = client;
	client->heap_place = place & PLACE_BITS;
}

static void
sift_up(struct weights *heap, uint32_t place)
{
	struct client *client = heap->at[place];

	while (place > 1 &&
	       client_weight(heap->at[place / 2]) < client_weight(client)) {
		put(heap, place, heap->at[place / 2]);
		place /= 2;
	}
	put(heap, place, client);
}

static void
sift_down(struct weights *heap, uint32_t place)
{
	struct client *client = heap->at[place];
	uint32_t child;

	while ((child = 2 * place) <= heap->count) {
		if (child < heap->count &&
		    client_weight(heap->at[child]) <
			client_weight(heap->at[child + 1]))
			child++;
		if (client_weight(heap->at[child]) <= client_weight(client))
			break;
		put(heap, place, heap->at[child]);
		place = child;
	}
	put(heap, place, client);
}

static void
insert(struct weights *heap, struct client *client)
{
	if (heap->count + 1 >= heap->cap) {
		heap->cap = MAX(64u, heap->cap * 2);
		heap->at =
		    xrealloc(heap->at, heap->cap * sizeof(struct client *));
	}
	put(heap, ++heap->count, client);
	sift_up(heap, heap->count);
}

static void
take_out(struct weights *heap, struct client *client)
{
	uint32_t place = client->heap_place;
	struct client *last = heap->at[heap->count--];

	client->heap_place = 0;
	if (last == client)
		return;
	put(heap, place, last);
	sift_up(heap, place);
	sift_down(heap, last->heap_place);
}

void
weights_forget(struct client *client)
{
	if (client->heap_place)
		take_out(&worker_of(client)->weights, client);
}

void
weights_update(struct client *client)
{
	struct weights *heap = &worker_of(client)->weights;
	bool weighs = client_weight(client) > 0;

	if (!client->heap_place && weighs) {
		insert(heap, client);
	} else if (!weighs) {
		weights_forget(client);
	} else {
		sift_up(heap, client->heap_place);
		sift_down(heap, client->heap_place);
	}
}

void
weights_free(struct client_worker *worker)
{
	free(worker->weights.at);
	worker->weights = (struct weights){ 0 };
}
