/* SPDX-License-Identifier: Apache-2.0 */
#include "master/partition_set.h"

#include <stdlib.h>

struct entry {
	enum partition_state state;
	uint32_t incarnation;
	uint64_t freed; /* turn at which it became free */
};

struct partition_set {
	uint32_t count;
	uint64_t turn;
	struct entry entries[];
};

struct partition_set *
partition_set_new(uint32_t count)
{
	struct partition_set *set =
	    xcalloc(1, sizeof(*set) + count * sizeof(set->entries[0]));

	set->count = count;
	return set;
}

void
partition_set_free(struct partition_set **set)
{
	free(*set);
	*set = NULL;
}

uint32_t
partition_set_count(const struct partition_set *set)
{
	return set->count;
}

int64_t
partition_set_claim(struct partition_set *set, uint32_t *incarnation_out)
{
	int64_t best = -1;
	uint32_t i;

	for (i = 0; i < set->count; i++)
		if (set->entries[i].state == PARTITION_FREE &&
		    (best < 0 ||
			set->entries[i].freed < set->entries[best].freed))
			best = i;
	if (best < 0)
		return -1;
	set->entries[best].state = PARTITION_STARTING;
	*incarnation_out = ++set->entries[best].incarnation;
	return best;
}

void
partition_set_ready(struct partition_set *set, uint32_t partition)
{
	CHECK(partition_set_state(set, partition) == PARTITION_STARTING);
	set->entries[partition].state = PARTITION_SERVING;
}

static void
release(struct partition_set *set, uint32_t partition)
{
	set->entries[partition].state = PARTITION_FREE;
	set->entries[partition].freed = ++set->turn;
}

bool
partition_set_dead(struct partition_set *set, uint32_t partition)
{
	if (partition_set_state(set, partition) == PARTITION_STARTING) {
		release(set, partition);
		return false;
	}
	CHECK(partition_set_state(set, partition) == PARTITION_SERVING);
	set->entries[partition].state = PARTITION_RECOVERING;
	return true;
}

bool
partition_set_recovered(struct partition_set *set, uint32_t partition)
{
	if (partition >= set->count ||
	    set->entries[partition].state != PARTITION_RECOVERING)
		return false;
	release(set, partition);
	return true;
}

enum partition_state
partition_set_state(const struct partition_set *set, uint32_t partition)
{
	CHECK(partition < set->count);
	return set->entries[partition].state;
}

uint32_t
partition_set_incarnation(const struct partition_set *set, uint32_t partition)
{
	CHECK(partition < set->count);
	return set->entries[partition].incarnation;
}
