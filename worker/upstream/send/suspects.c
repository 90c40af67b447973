/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/suspects.h"

#include "common/shm/store.h"

/* A server that ends for reasons of its own may do so at any moment once. */
#define POISON_DEATHS 4

/* Of the first trial; halved with each death. */
#define PART_MAX 4096u

_Static_assert(PART_MAX >> (SUSPECT_LINKS_MAX - 2 - SUSPECT_DEATHS) == 1,
    "a frame goes alone before it has cost too many links");

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
set(_Atomic uint64_t *word, uint64_t value)
{
	shm_store(word, value, memory_order_relaxed);
}

void
suspects_clear(struct suspect_row *row)
{
	for (unsigned i = 0; i < SUSPECT_COUNTED; i++)
		set(&row->left_end[i], 0);
	set(&row->given_up, 0);
}

void
suspects_bound(struct suspect_row *row, uint64_t head)
{
	for (unsigned i = 0; i < SUSPECT_COUNTED; i++)
		set(&row->left_end[i], MIN(get(&row->left_end[i]), head));
	if (get(&row->given_up) > head)
		set(&row->given_up, 0);
}

void
suspects_left(struct suspect_row *row, uint64_t end)
{
	/* The most frequent first: each is raised by what the one below was. */
	for (unsigned i = SUSPECT_COUNTED - 1; i > 0; i--) {
		uint64_t again = MIN(get(&row->left_end[i - 1]), end);

		set(&row->left_end[i], MAX(get(&row->left_end[i]), again));
	}
	set(&row->left_end[0], MAX(get(&row->left_end[0]), end));
}

unsigned
suspects_deaths(const struct suspect_row *row, uint64_t cursor)
{
	unsigned deaths = 0;

	while (deaths < SUSPECT_COUNTED && cursor < get(&row->left_end[deaths]))
		deaths++;
	return deaths;
}

uint64_t
suspects_end(const struct suspect_row *row, unsigned deaths)
{
	CHECK(deaths >= 1 && deaths <= SUSPECT_COUNTED);
	return get(&row->left_end[deaths - 1]);
}

uint32_t
suspects_part(unsigned deaths, uint32_t count)
{
	uint32_t half = count / 2 + count % 2;
	unsigned tried = MAX(deaths, (unsigned)SUSPECT_DEATHS) - SUSPECT_DEATHS;

	return MAX(MIN(half, PART_MAX >> tried), 1u);
}

bool
suspects_is_poison(unsigned deaths)
{
	return deaths >= POISON_DEATHS;
}

void
suspects_give_up(struct suspect_row *row, uint64_t end)
{
	set(&row->given_up, end);
}

bool
suspects_is_given_up(const struct suspect_row *row, uint64_t end)
{
	return get(&row->given_up) == end;
}
