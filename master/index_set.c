/* SPDX-License-Identifier: Apache-2.0 */
#include "master/index_set.h"

#include <stdlib.h>

struct entry {
	enum index_state state;
	uint32_t incarnation;
	uint64_t freed; /* turn at which it became free */
};

struct index_set {
	uint32_t count;
	uint64_t turn;
	struct entry entries[];
};

struct index_set *
index_set_new(uint32_t count)
{
	struct index_set *set =
	    xcalloc(1, sizeof(*set) + count * sizeof(set->entries[0]));

	set->count = count;
	return set;
}

void
index_set_free(struct index_set **set)
{
	free(*set);
	*set = NULL;
}

uint32_t
index_set_count(const struct index_set *set)
{
	return set->count;
}

int64_t
index_set_claim(struct index_set *set, uint32_t *incarnation_out)
{
	int64_t best = -1;
	uint32_t i;

	for (i = 0; i < set->count; i++)
		if (set->entries[i].state == INDEX_FREE &&
		    (best < 0 ||
			set->entries[i].freed < set->entries[best].freed))
			best = i;
	if (best < 0)
		return -1;
	set->entries[best].state = INDEX_STARTING;
	*incarnation_out = ++set->entries[best].incarnation;
	return best;
}

void
index_set_ready(struct index_set *set, uint32_t index)
{
	CHECK(index_set_state(set, index) == INDEX_STARTING);
	set->entries[index].state = INDEX_SERVING;
}

static void
release(struct index_set *set, uint32_t index)
{
	set->entries[index].state = INDEX_FREE;
	set->entries[index].freed = ++set->turn;
}

bool
index_set_dead(struct index_set *set, uint32_t index)
{
	if (index_set_state(set, index) == INDEX_STARTING) {
		release(set, index);
		return false;
	}
	CHECK(index_set_state(set, index) == INDEX_SERVING);
	set->entries[index].state = INDEX_RECOVERING;
	return true;
}

bool
index_set_recovered(struct index_set *set, uint32_t index)
{
	if (index >= set->count ||
	    set->entries[index].state != INDEX_RECOVERING)
		return false;
	release(set, index);
	return true;
}

enum index_state
index_set_state(const struct index_set *set, uint32_t index)
{
	CHECK(index < set->count);
	return set->entries[index].state;
}

uint32_t
index_set_incarnation(const struct index_set *set, uint32_t index)
{
	CHECK(index < set->count);
	return set->entries[index].incarnation;
}
