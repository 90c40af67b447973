/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/link_report.h"

#include "common/shm/region.h"

#include <string.h>

#define TRIES 100

/* Odd while it is being written; a writer that was killed then leaves it so,
 * and its successor begins anew. */
struct place {
	_Alignas(64) _Atomic uint32_t sequence;
	struct link_report report;
};

_Static_assert(sizeof(struct place) * LINKS_MAX <= 4096, "they share a page");

static struct place *
place_of(struct region *region, unsigned link)
{
	struct place *places = region_section(region, REGION_LINK_REPORTS, 0);

	CHECK(places && link < LINKS_MAX);
	return &places[link];
}

void
link_report_write(struct region *region, unsigned link,
    const struct link_report *report)
{
	struct place *place = place_of(region, link);
	uint32_t sequence =
	    atomic_load_explicit(&place->sequence, memory_order_relaxed) | 1;

	atomic_store_explicit(&place->sequence, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(&place->report, report, sizeof(*report));
	atomic_store_explicit(&place->sequence, sequence + 1,
	    memory_order_release);
}

bool
link_report_read(struct region *region, unsigned link,
    struct link_report *report_out)
{
	struct place *place = place_of(region, link);
	uint32_t before, after;
	unsigned tries;

	for (tries = 0; tries < TRIES; tries++) {
		before = atomic_load_explicit(&place->sequence,
		    memory_order_acquire);
		memcpy(report_out, &place->report, sizeof(*report_out));
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&place->sequence,
		    memory_order_relaxed);
		if (before != after || before % 2 != 0)
			continue;
		report_out->state[sizeof(report_out->state) - 1] = '\0';
		report_out->address[sizeof(report_out->address) - 1] = '\0';
		return report_out->state[0] != '\0';
	}
	return false;
}
