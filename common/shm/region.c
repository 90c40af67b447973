/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/region.h"

#include "common/base/log.h"
#include "common/shm/lane_log.h"
#include "common/shm/region_layout.h"
#include "common/shm/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGION_MAGIC 0x00726567616E616Dull

static int
check_memory(const struct region_layout *layout)
{
	uint64_t memory =
	    (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	if (layout->realistic <= memory)
		return 0;
	log_at(LOG_ERROR,
	    "the shared region can grow beyond this machine's memory"
	    " need_mib=%llu memory_mib=%llu",
	    (unsigned long long)(layout->realistic >> 20),
	    (unsigned long long)(memory >> 20));
	return -ENOMEM;
}

static int
make_file(struct region *region)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	region->fd = memfd_create("cmanager", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (region->fd < 0)
		return -errno;
	if (ftruncate(region->fd, (off_t)region->layout.bytes) != 0 ||
	    fcntl(region->fd, F_ADD_SEALS, seals) != 0)
		return -errno;
	region->readonly = view_open_readonly(region->fd);
	return region->readonly < 0 ? region->readonly : 0;
}

static int
map_all(struct region *region)
{
	void *base = mmap(NULL, region->layout.bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, region->fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	region->base = base;
	/* Keys and stanzas have no place in a core file. */
	madvise(base, region->layout.bytes, MADV_DONTDUMP);
	return 0;
}

int
region_create(const struct region_geometry *geometry,
    struct region **region_out)
{
	struct region *region = xcalloc(1, sizeof(*region));
	struct region_header *header;
	int error;

	region->geometry = *geometry;
	region->fd = region->readonly = -1;
	region->viewer = VIEWER_MASTER;
	error = region_lay_out(geometry, &region->layout);
	if (!error)
		error = check_memory(&region->layout);
	if (!error)
		error = make_file(region);
	if (!error)
		error = map_all(region);
	if (error) {
		region_free(&region);
		return error;
	}
	header = (struct region_header *)(void *)region->base;
	header->magic = REGION_MAGIC;
	header->version = REGION_VERSION;
	header->geometry = *geometry;
	*region_out = region;
	return 0;
}

void
region_free(struct region **region)
{
	struct region *r = *region;

	if (!r)
		return;
	/* A child has holes in it that may be something else's by now. */
	if (r->base && r->fd >= 0)
		munmap(r->base, r->layout.bytes);
	if (r->fd >= 0)
		close(r->fd);
	if (r->readonly >= 0)
		close(r->readonly);
	free(r);
	*region = NULL;
}

/* --- views --- */

bool
region_maps(const struct region *region, enum view_area area, uint64_t number)
{
	return view_access(&region->viewer, area, number,
		   region->layout.areas[area].count) != VIEW_NOTHING;
}

static int
become(struct region *region, struct viewer viewer)
{
	const struct view_map map = {
		.base = region->base,
		.readonly = region->readonly,
		.first = AREA_HEADER,
		.area_count = AREA_COUNT,
		.spans = region->layout.areas,
	};
	int error = view_apply(&map, &viewer);

	if (error)
		return error;
	region->viewer = viewer;
	close(region->fd);
	close(region->readonly);
	region->fd = region->readonly = -1;
	return 0;
}

int
region_become_worker(struct region *region, uint32_t partition)
{
	if (partition >= region->geometry.partition_count)
		return -EINVAL;
	return become(region, (struct viewer){ .worker = (int32_t)partition });
}

int
region_become_upstream(struct region *region)
{
	return become(region,
	    (struct viewer){ .worker = -1, .upstream = true });
}

int
region_become_control(struct region *region)
{
	return become(region, (struct viewer){ .worker = -1, .control = true });
}

const struct region_geometry *
region_geometry(const struct region *region)
{
	return &region->geometry;
}

uint64_t
region_occupied_bytes(const struct region *region)
{
	struct stat status;

	if (region->fd < 0 || fstat(region->fd, &status) != 0)
		return 0;
	return (uint64_t)status.st_blocks * 512;
}

/* --- handles --- */

static void *
part_of(struct region *region, enum view_area area, uint64_t number)
{
	const struct view_span *span = &region->layout.areas[area];

	CHECK(number < span->count);
	return region->base + span->offset + number * span->part;
}

void
region_up_ring(struct region *region, uint32_t partition, unsigned lane,
    struct ring *out)
{
	struct worker_page *worker = part_of(region, AREA_WORKER, partition);
	struct upstream_page *upstream = part_of(region, AREA_PAIR, partition);
	uint8_t *data = part_of(region, AREA_UP_DATA, partition);

	CHECK(lane < LANE_COUNT);
	ring_attach(out, &worker->up_head[lane].value,
	    &upstream->up_sent[lane].value, &upstream->up_tail[lane].value,
	    data + lane * region->geometry.up_ring_bytes,
	    region->geometry.up_ring_bytes);
}

void
region_down_ring(struct region *region, uint32_t partition, struct ring *out)
{
	struct worker_page *worker = part_of(region, AREA_WORKER, partition);
	struct upstream_page *upstream = part_of(region, AREA_PAIR, partition);

	ring_attach(out, &upstream->down_head.value, &worker->down_sent.value,
	    &worker->down_tail.value,
	    part_of(region, AREA_DOWN_DATA, partition),
	    region->geometry.down_ring_bytes);
}

/* One of upstream to itself: all three cursors are its own. */
static void
inner_ring(struct region *region, enum view_area cursor_area,
    enum view_area data_area, unsigned number, struct ring *out)
{
	uint8_t *data = part_of(region, data_area, number);
	struct inner_cursors *cursors = part_of(region, cursor_area, 0);

	cursors += number;
	ring_attach(out, &cursors->head.value, &cursors->sent.value,
	    &cursors->tail.value, data, region->layout.areas[data_area].part);
}

void
region_lane_log(struct region *region, unsigned lane, struct lane_log *out)
{
	CHECK(lane < LANE_COUNT);
	lane_log_attach(out, part_of(region, AREA_LANES, lane),
	    region->geometry.lane_bytes);
}

void
region_ctl_ring(struct region *region, unsigned link, struct ring *out)
{
	CHECK(link < LINKS_MAX);
	inner_ring(region, AREA_CTL_CURSORS, AREA_CTL_DATA, link, out);
}

struct worker_control *
region_worker_control(struct region *region, uint32_t partition)
{
	struct worker_page *page = part_of(region, AREA_WORKER, partition);

	return &page->control;
}

struct upstream_control *
region_upstream_control(struct region *region)
{
	return part_of(region, AREA_UPSTREAM_CONTROL, 0);
}

struct control_page *
region_control_page(struct region *region)
{
	return part_of(region, AREA_CONTROL, 0);
}

struct upstream_pair_control *
region_pair_control(struct region *region, uint32_t partition)
{
	struct upstream_page *page = part_of(region, AREA_PAIR, partition);

	return &page->control;
}

static const enum view_area area_of_section[REGION_SECTION_COUNT] = {
	[REGION_SLOTS] = AREA_SLOTS,
	[REGION_INFO] = AREA_INFO,
	[REGION_ARENA] = AREA_ARENA,
	[REGION_QUEUE] = AREA_QUEUE,
	[REGION_ROUTING] = AREA_ROUTING,
	[REGION_SERVER_STATE] = AREA_SERVER_STATE,
	[REGION_LINK_REPORTS] = AREA_LINK_REPORTS,
	[REGION_STATS] = AREA_STATS,
	[REGION_LINK] = AREA_LINK,
	[REGION_SUSPECTS] = AREA_SUSPECTS,
	[REGION_LINKS_MEMORY] = AREA_LINKS_MEMORY,
	[REGION_RECEIVE] = AREA_RECEIVE,
	[REGION_MASTER_STATE] = AREA_MASTER_STATE,
};

void *
region_section(struct region *region, enum region_section section,
    uint32_t number)
{
	enum view_area area = area_of_section[section];

	if (number >= region->layout.areas[area].count ||
	    !region_maps(region, area, number))
		return NULL;
	return part_of(region, area, number);
}

uint64_t
region_section_bytes(const struct region *region, enum region_section section)
{
	return region->layout.areas[area_of_section[section]].part;
}
