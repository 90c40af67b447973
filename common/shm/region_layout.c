/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/region_layout.h"

#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/shm/lane_log.h"
#include "common/shm/link_report.h"
#include "common/shm/master_state.h"
#include "common/shm/process_page_layout.h"
#include "common/shm/server_state.h"

#include <errno.h>

#define PARTITION_MAX 65535u
#define SLOTS_MAX     (1u << 25)
#define BUFFER_MAX    (1ull << 32)

_Static_assert(sizeof(struct worker_page) <= REGION_PAGE, "one page");
_Static_assert(sizeof(struct upstream_page) <= REGION_PAGE, "one page");
_Static_assert(sizeof(struct inner_cursors) * LINKS_MAX <= REGION_PAGE,
    "one page");

static bool
is_size(uint64_t bytes)
{
	return bytes >= REGION_PAGE && bytes <= BUFFER_MAX &&
	       (bytes & (bytes - 1)) == 0;
}

static bool
is_sound(const struct region_geometry *g)
{
	uint64_t slots = (uint64_t)g->slots_per_partition * g->partition_count;

	return g->partition_count >= 1 && g->partition_count <= PARTITION_MAX &&
	       g->slots_per_partition >= 1 && slots <= SLOTS_MAX &&
	       (g->slots_per_partition & (g->slots_per_partition - 1)) == 0 &&
	       is_size(g->up_ring_bytes) && is_size(g->down_ring_bytes) &&
	       is_size(g->lane_bytes) && is_size(g->ctl_ring_bytes) &&
	       g->queue_bytes >= REGION_PAGE &&
	       g->queue_bytes <= 2 * BUFFER_MAX && is_size(g->arena_bytes) &&
	       is_size(g->receive_bytes);
}

static void
set_area(struct region_layout *layout, enum view_area area, uint64_t part,
    uint64_t count)
{
	layout->areas[area].part = align_up(part, REGION_PAGE);
	layout->areas[area].count = count;
}

static void
set_fixed_areas(const struct region_geometry *g, struct region_layout *layout)
{
	set_area(layout, AREA_HEADER, REGION_PAGE, 1);
	set_area(layout, AREA_STATS, sizeof(struct process_page),
	    (uint64_t)g->partition_count + REGION_PROCESS_MAX);
	set_area(layout, AREA_SERVER_STATE, SERVER_STATE_BYTES, 1);
	set_area(layout, AREA_LINK_REPORTS, LINK_REPORTS_BYTES, 1);
	set_area(layout, AREA_UPSTREAM_CONTROL, REGION_PAGE, 1);
	set_area(layout, AREA_LANES, lane_log_bytes_needed(g->lane_bytes),
	    LANE_COUNT);
	set_area(layout, AREA_CTL_CURSORS, REGION_PAGE, 1);
	set_area(layout, AREA_CTL_DATA, g->ctl_ring_bytes, LINKS_MAX);
	set_area(layout, AREA_LINK, JOURNAL_BYTES, LINKS_MAX);
	set_area(layout, AREA_SUSPECTS,
	    sizeof(uint64_t) * SUSPECT_WORDS * LANE_COUNT, 1);
	set_area(layout, AREA_LINKS_MEMORY, REGION_PAGE, 1);
	set_area(layout, AREA_RECEIVE, g->receive_bytes, LINKS_MAX);
	set_area(layout, AREA_MASTER_STATE,
	    master_state_bytes(g->partition_count), 1);
	set_area(layout, AREA_CONTROL, REGION_PAGE, 1);
}

static void
set_partition_areas(const struct region_geometry *g,
    struct region_layout *layout)
{
	uint64_t slots = g->slots_per_partition, n = g->partition_count;

	set_area(layout, AREA_PAIR, sizeof(struct upstream_page), n);
	set_area(layout, AREA_ROUTING, slots * sizeof(struct session_route), n);
	set_area(layout, AREA_DOWN_DATA, g->down_ring_bytes, n);
	set_area(layout, AREA_WORKER, sizeof(struct worker_page), n);
	set_area(layout, AREA_SLOTS, slots * sizeof(struct session_slot), n);
	set_area(layout, AREA_INFO, slots * sizeof(struct session_info), n);
	set_area(layout, AREA_ARENA, g->arena_bytes, n);
	set_area(layout, AREA_QUEUE, g->queue_bytes, n);
	set_area(layout, AREA_UP_DATA, g->up_ring_bytes * LANE_COUNT, n);
}

int
region_lay_out(const struct region_geometry *geometry,
    struct region_layout *layout_out)
{
	uint64_t whole, workers;
	int area;

	if (!is_sound(geometry))
		return -EINVAL;
	set_fixed_areas(geometry, layout_out);
	set_partition_areas(geometry, layout_out);
	/* partition_count is 3 * workers + 8 (region.h). */
	workers = MAX(geometry->partition_count / 3, 1u);
	layout_out->bytes = layout_out->realistic = 0;
	for (area = 0; area < AREA_COUNT; area++) {
		struct view_span *span = &layout_out->areas[area];

		span->offset = layout_out->bytes;
		whole = span->part * span->count;
		layout_out->bytes += whole;
		/* Few links ever receive an item of the largest size. */
		if (area == AREA_RECEIVE)
			whole = span->part;
		layout_out->realistic +=
		    span->count == geometry->partition_count
			? span->part * workers
			: whole;
	}
	return 0;
}
