/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/link_report.h"

#include "common/shm/region.h"

#include <string.h>

#define TRIES 100

/* Odd while it is being written; a writer that was killed then leaves it so,
 * and its successor begins anew. */
typedef _Atomic uint32_t sequence_word;

struct place {
	_Alignas(64) sequence_word sequence;
	struct link_report report;
};

struct shown {
	_Alignas(64) sequence_word sequence;
	struct certificate_facts facts;
};

struct lane_place {
	_Alignas(64) sequence_word sequence;
	struct lane_report report;
};

struct section {
	struct place places[LINKS_MAX];
	struct shown shown[LINKS_MAX];
	struct lane_place lanes[LANE_COUNT];
};

_Static_assert(sizeof(struct section) <= LINK_REPORTS_BYTES, "they fit");

static struct section *
section_of(struct region *region, unsigned number, unsigned count)
{
	struct section *section =
	    region_section(region, REGION_LINK_REPORTS, 0);

	CHECK(section && number < count);
	return section;
}

static void
put(sequence_word *word, void *at, const void *bytes, size_t len)
{
	uint32_t sequence =
	    atomic_load_explicit(word, memory_order_relaxed) | 1;

	atomic_store_explicit(word, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(at, bytes, len);
	atomic_store_explicit(word, sequence + 1, memory_order_release);
}

/* False when it changes at every try. */
static bool
take(const sequence_word *word, const void *at, void *bytes_out, size_t len)
{
	uint32_t before, after;
	unsigned tries;

	for (tries = 0; tries < TRIES; tries++) {
		before = atomic_load_explicit(word, memory_order_acquire);
		memcpy(bytes_out, at, len);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(word, memory_order_relaxed);
		if (before == after && before % 2 == 0)
			return true;
	}
	return false;
}

void
link_report_write(struct region *region, unsigned link,
    const struct link_report *report)
{
	struct place *place =
	    &section_of(region, link, LINKS_MAX)->places[link];

	put(&place->sequence, &place->report, report, sizeof(*report));
}

bool
link_report_read(struct region *region, unsigned link,
    struct link_report *report_out)
{
	struct place *place =
	    &section_of(region, link, LINKS_MAX)->places[link];

	if (!take(&place->sequence, &place->report, report_out,
		sizeof(*report_out)))
		return false;
	report_out->state[sizeof(report_out->state) - 1] = '\0';
	report_out->address[sizeof(report_out->address) - 1] = '\0';
	return report_out->state[0] != '\0';
}

void
lane_report_write(struct region *region, unsigned lane,
    const struct lane_report *report)
{
	struct lane_place *place =
	    &section_of(region, lane, LANE_COUNT)->lanes[lane];

	put(&place->sequence, &place->report, report, sizeof(*report));
}

bool
lane_report_read(struct region *region, unsigned lane,
    struct lane_report *report_out)
{
	struct lane_place *place =
	    &section_of(region, lane, LANE_COUNT)->lanes[lane];

	if (!take(&place->sequence, &place->report, report_out,
		sizeof(*report_out)))
		return false;
	report_out->state[sizeof(report_out->state) - 1] = '\0';
	report_out->link = MIN(report_out->link, LINKS_MAX);
	return report_out->state[0] != '\0';
}

void
link_report_write_certificate(struct region *region, unsigned link,
    const struct certificate_facts *facts)
{
	struct shown *shown = &section_of(region, link, LINKS_MAX)->shown[link];

	put(&shown->sequence, &shown->facts, facts, sizeof(*facts));
}

bool
link_report_read_certificate(struct region *region, unsigned link,
    struct certificate_facts *facts_out)
{
	struct shown *shown = &section_of(region, link, LINKS_MAX)->shown[link];

	if (!take(&shown->sequence, &shown->facts, facts_out,
		sizeof(*facts_out)))
		return false;
	certificate_sanitize(facts_out);
	facts_out->role = CERTIFICATE_SERVER;
	facts_out->ocsp = (struct ocsp_facts){ 0 }; /* we staple to ours */
	return facts_out->sha256[0] != '\0';
}
