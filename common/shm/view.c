/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define NOTHING VIEW_NOTHING
#define READ    VIEW_READ
#define WRITE   VIEW_WRITE

struct view {
	enum view_access worker; /* of its own partition */
	enum view_access upstream;
	enum view_access control; /* of all parts */
	bool per_partition;
};

static const struct view views[VIEW_AREA_COUNT] = {
	[AREA_HEADER] = { READ, READ, READ, false },
	[AREA_STATS] = { WRITE, WRITE, READ, true },
	[AREA_SERVER_STATE] = { READ, WRITE, READ, false },
	[AREA_LINK_REPORTS] = { NOTHING, WRITE, READ, false },
	[AREA_UPSTREAM_CONTROL] = { READ, WRITE, NOTHING, false },
	[AREA_PAIR] = { READ, WRITE, NOTHING, true },
	[AREA_ROUTING] = { READ, WRITE, READ, true },
	[AREA_DOWN_DATA] = { READ, WRITE, NOTHING, true },
	[AREA_WORKER] = { WRITE, READ, NOTHING, true },
	[AREA_SLOTS] = { WRITE, READ, READ, true },
	[AREA_INFO] = { WRITE, READ, READ, true },
	[AREA_ARENA] = { WRITE, NOTHING, READ, true },
	[AREA_QUEUE] = { WRITE, READ, NOTHING, true },
	[AREA_UP_DATA] = { WRITE, READ, NOTHING, true },
	[AREA_LANES] = { NOTHING, WRITE, NOTHING, false },
	[AREA_CTL_CURSORS] = { NOTHING, WRITE, NOTHING, false },
	[AREA_CTL_DATA] = { NOTHING, WRITE, NOTHING, false },
	[AREA_LINK] = { NOTHING, WRITE, NOTHING, false },
	[AREA_SUSPECTS] = { NOTHING, WRITE, NOTHING, false },
	[AREA_LINKS_MEMORY] = { NOTHING, WRITE, NOTHING, false },
	[AREA_RECEIVE] = { NOTHING, WRITE, NOTHING, false },
	[AREA_MASTER_STATE] = { NOTHING, NOTHING, READ, false },
	[AREA_CONTROL] = { NOTHING, NOTHING, WRITE, false },
	[LEDGER_HEADER] = { NOTHING, NOTHING, NOTHING, false },
	[LEDGER_PROCESSES] = { NOTHING, NOTHING, NOTHING, false },
	[LEDGER_CLAIMS] = { WRITE, READ, NOTHING, true },
	[LEDGER_ENDS] = { READ, WRITE, NOTHING, true },
	[LEDGER_FORMER] = { NOTHING, READ, NOTHING, false },
	[LEDGER_FORMER_ENDS] = { NOTHING, WRITE, NOTHING, false },
};

enum view_access
view_access(const struct viewer *viewer, enum view_area area, uint64_t number,
    uint64_t count)
{
	const struct view *view = &views[area];

	if (viewer->upstream) {
		/* Of the statistics only its own row, the last. */
		if (area == AREA_STATS && number != count - 1)
			return VIEW_NOTHING;
		return view->upstream;
	}
	if (viewer->control) {
		/* Its own row is the last but one. */
		if (area == AREA_STATS && number == count - 2)
			return VIEW_WRITE;
		return view->control;
	}
	if (viewer->worker < 0)
		return VIEW_WRITE;
	if (view->per_partition && number != (uint64_t)viewer->worker)
		return VIEW_NOTHING;
	return view->worker;
}

/* A run of bytes with the same access; adjacent parts are mapped at once. */
struct run {
	uint64_t from, to;
	enum view_access access;
};

static int
apply(const struct view_map *map, const struct run *run)
{
	uint8_t *at = map->base + run->from;
	size_t len = run->to - run->from;

	if (len == 0 || run->access == VIEW_WRITE)
		return 0;
	if (run->access == VIEW_NOTHING)
		return munmap(at, len) == 0 ? 0 : -errno;
	if (mmap(at, len, PROT_READ, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
		map->readonly, (off_t)run->from) == MAP_FAILED)
		return -errno;
	return 0;
}

/* Takes a part into the run, or ends that and begins the next. */
static int
extend(const struct view_map *map, struct run *run, const struct run *part)
{
	int error = 0;

	if (part->access != run->access) {
		error = apply(map, run);
		*run = *part;
	}
	run->to = part->to;
	return error;
}

int
view_apply(const struct view_map *map, const struct viewer *viewer)
{
	struct run run = { 0, 0, VIEW_WRITE }, part;
	const struct view_span *span;
	uint64_t number;
	unsigned i;
	int error;

	for (i = 0; i < map->area_count; i++) {
		span = &map->spans[i];
		for (number = 0; number < span->count; number++) {
			part.from = span->offset + number * span->part;
			part.to = part.from + span->part;
			part.access = view_access(viewer,
			    (enum view_area)(map->first + i), number,
			    span->count);
			error = extend(map, &run, &part);
			if (error)
				return error;
		}
	}
	return apply(map, &run);
}

int
view_open_readonly(int fd)
{
	char path[32];
	int readonly;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readonly = open(path, O_RDONLY | O_CLOEXEC);
	return readonly < 0 ? -errno : readonly;
}
