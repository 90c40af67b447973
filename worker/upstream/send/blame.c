/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/blame.h"

#include "worker/upstream/send/suspects.h"

#include <stdlib.h>

void
blame_init(struct blame *blame, uint32_t slot_count)
{
	*blame = (struct blame){
		.rows = xcalloc(slot_count, sizeof(struct blame_row)),
		.count = slot_count,
	};
}

void
blame_destroy(struct blame *blame)
{
	free(blame->rows);
	*blame = (struct blame){ 0 };
}

/* NULL: nothing is known of it. */
static struct blame_row *
row_of(const struct blame *blame, uint32_t slot, uint32_t generation)
{
	struct blame_row *row = slot < blame->count ? &blame->rows[slot] : NULL;

	return row && row->links && row->generation == generation ? row : NULL;
}

/* Harmless stanzas in between buy less and less. */
static uint32_t
price_of(uint32_t links)
{
	uint32_t tried = MAX(links, (uint32_t)SUSPECT_DEATHS) - SUSPECT_DEATHS;

	return 1u << 2 * MIN(tried, 15u);
}

void
blame_add(struct blame *blame, uint32_t slot, uint32_t generation, double now)
{
	struct blame_row *row = row_of(blame, slot, generation);

	if (slot >= blame->count || (row && row->since >= now))
		return;
	if (!row || now - row->since > BLAME_S) {
		row = &blame->rows[slot];
		*row = (struct blame_row){ .generation = generation };
	}
	row->since = now;
	row->links++;
	row->owed = price_of(row->links);
	if (row->links >= SUSPECT_DEATHS)
		blame->until = now + BLAME_S;
}

bool
blame_add_alone(struct blame *blame, uint32_t slot, uint32_t generation)
{
	struct blame_row *row = row_of(blame, slot, generation);
	bool again;

	if (!row)
		return false;
	again = row->alone && row->alone + 1 == row->links;
	row->alone = row->links;
	return again;
}

void
blame_pay(struct blame *blame, uint32_t slot, uint32_t generation)
{
	struct blame_row *row = row_of(blame, slot, generation);

	if (row && row->owed)
		row->owed--;
}

unsigned
blame_links(const struct blame *blame, uint32_t slot, uint32_t generation,
    double now)
{
	const struct blame_row *row = row_of(blame, slot, generation);

	if (!row || !row->owed || now - row->since > BLAME_S)
		return 0;
	return MIN(row->links, (unsigned)SUSPECT_COUNTED);
}
