/* SPDX-License-Identifier: Apache-2.0 */
/* What of the region each role maps, and how: one table (design.md §3). */
#include "common/shm/region_layout.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum access { NOTHING, READ, WRITE };

struct view {
	enum access worker; /* of its own index's part */
	enum access upstream;
	bool per_index;
};

static const struct view views[AREA_COUNT] = {
	[AREA_HEADER] = { READ, READ, false },
	[AREA_STATS] = { WRITE, WRITE, true },
	[AREA_SERVER_STATE] = { READ, WRITE, false },
	[AREA_LINK_REPORTS] = { NOTHING, WRITE, false },
	[AREA_UPSTREAM_CONTROL] = { READ, WRITE, false },
	[AREA_PAIR] = { READ, WRITE, true },
	[AREA_ROUTES] = { READ, WRITE, true },
	[AREA_DOWN_DATA] = { READ, WRITE, true },
	[AREA_WORKER] = { WRITE, READ, true },
	[AREA_ROWS] = { WRITE, READ, true },
	[AREA_BODIES] = { WRITE, READ, true },
	[AREA_TLS_STATES] = { WRITE, NOTHING, true },
	[AREA_ARENA] = { WRITE, NOTHING, true },
	[AREA_QUEUE] = { WRITE, READ, true },
	[AREA_UP_DATA] = { WRITE, READ, true },
	[AREA_OWN_CURSORS] = { NOTHING, WRITE, false },
	[AREA_OWN_DATA] = { NOTHING, WRITE, false },
	[AREA_CTL_CURSORS] = { NOTHING, WRITE, false },
	[AREA_CTL_DATA] = { NOTHING, WRITE, false },
	[AREA_LINK] = { NOTHING, WRITE, false },
};

static enum access
access_to(const struct region *region, enum region_area area, uint64_t number)
{
	const struct view *view = &views[area];

	if (region->upstream) {
		/* Of the statistics only its own row, the last. */
		if (area == AREA_STATS &&
		    number != region->layout.areas[area].count - 1)
			return NOTHING;
		return view->upstream;
	}
	if (region->worker < 0)
		return WRITE;
	if (view->per_index && number != (uint64_t)region->worker)
		return NOTHING;
	return view->worker;
}

bool
region_maps(const struct region *region, enum region_area area, uint64_t number)
{
	return access_to(region, area, number) != NOTHING;
}

/* A run of bytes with the same access; adjacent parts are mapped at once. */
struct run {
	uint64_t from, to;
	enum access access;
};

static int
apply(struct region *region, const struct run *run)
{
	uint8_t *at = region->base + run->from;
	size_t len = run->to - run->from;

	if (len == 0 || run->access == WRITE)
		return 0;
	if (run->access == NOTHING)
		return munmap(at, len) == 0 ? 0 : -errno;
	if (mmap(at, len, PROT_READ, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
		region->readonly, (off_t)run->from) == MAP_FAILED)
		return -errno;
	return 0;
}

static int
apply_all(struct region *region)
{
	const struct region_span *span;
	struct run run = { 0, 0, WRITE };
	uint64_t number, at;
	int area, error;

	for (area = 0; area < AREA_COUNT; area++) {
		span = &region->layout.areas[area];
		for (number = 0; number < span->count; number++) {
			enum access access =
			    access_to(region, (enum region_area)area, number);

			at = span->offset + number * span->part;
			if (access != run.access) {
				error = apply(region, &run);
				if (error)
					return error;
				run = (struct run){ at, at, access };
			}
			run.to = at + span->part;
		}
	}
	return apply(region, &run);
}

static int
become(struct region *region)
{
	int error = apply_all(region);

	if (error)
		return error;
	close(region->fd);
	close(region->readonly);
	region->fd = region->readonly = -1;
	return 0;
}

int
region_become_worker(struct region *region, uint32_t index)
{
	if (index >= region->geometry.index_count)
		return -EINVAL;
	region->worker = (int32_t)index;
	return become(region);
}

int
region_become_upstream(struct region *region)
{
	region->upstream = true;
	return become(region);
}
