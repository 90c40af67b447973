/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_layout - where each part of the region lies; private to region*.c.
 *
 * The file is a list of areas, which view.h names; their order is part of
 * REGION_VERSION.
 */
#ifndef COMMON_SHM_REGION_LAYOUT_H
#define COMMON_SHM_REGION_LAYOUT_H

#include "common/shm/region.h"
#include "common/shm/view.h"

#define REGION_PAGE VIEW_PAGE

struct region_layout {
	struct view_span areas[AREA_COUNT];
	uint64_t bytes;     /* of the file */
	uint64_t realistic; /* what can be resident with workers at their
			       maximum; the rest is for incarnations that
			       overlap */
};

/* A cursor has a cache line of its own. */
struct region_cursor {
	_Alignas(64) _Atomic uint64_t value;
};

/* First page of the worker's half: all that it publishes to upstream. */
struct worker_page {
	_Alignas(64) struct worker_control control;
	struct region_cursor up_head[LANE_COUNT];
	struct region_cursor down_sent;
	struct region_cursor down_tail;
};

/* Upstream's half of the same pair. */
struct upstream_page {
	_Alignas(64) struct upstream_pair_control control;
	struct region_cursor up_sent[LANE_COUNT];
	struct region_cursor up_tail[LANE_COUNT];
	struct region_cursor down_head;
};

/* Cursors of a ring with both ends in upstream. */
struct inner_cursors {
	struct region_cursor head, sent, tail;
};

struct region_header {
	uint64_t magic;
	uint32_t version;
	uint32_t reserved;
	struct region_geometry geometry;
};

struct region {
	struct region_geometry geometry;
	struct region_layout layout;
	uint8_t *base;
	int fd;       /* -1 in children */
	int readonly; /* the same file, opened for reading; -1 in children */
	struct viewer viewer; /* whose view this is */
};

/* 0 or -EINVAL when a size is no power of two, too small or too large. */
MUST_CHECK int region_lay_out(const struct region_geometry *geometry,
    struct region_layout *layout_out);

/* True when this process maps that part. */
bool region_maps(const struct region *region, enum view_area area,
    uint64_t number);

#endif
