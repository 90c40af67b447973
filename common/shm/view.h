/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - who maps what of the memory that processes share, and how: one table
 * (MEMORY.md §2), for the region and for the ledger.
 *
 * Both are files that the master maps as a whole before any fork. A file is a
 * list of areas. An area holds `count` equal parts, one behind the other, each
 * a whole number of pages, so that any part can be mapped or left out by
 * itself.
 */
#ifndef COMMON_SHM_VIEW_H
#define COMMON_SHM_VIEW_H

#include "common/base/base.h"

#define VIEW_PAGE 4096u

enum view_area {
	AREA_HEADER,
	AREA_STATS,
	AREA_SERVER_STATE,
	AREA_LINK_REPORTS,
	AREA_UPSTREAM_CONTROL,
	/* per partition, written by upstream */
	AREA_PAIR, /* struct upstream_page */
	AREA_ROUTING,
	AREA_DOWN_DATA,
	/* per partition, written by its worker */
	AREA_WORKER, /* struct worker_page */
	AREA_SLOTS,
	AREA_INFO,
	AREA_ARENA,
	AREA_QUEUE,
	AREA_UP_DATA, /* LANE_COUNT rings, one behind the other */
	/* upstream's own */
	AREA_LANES, /* per lane: lane_log.h */
	AREA_CTL_CURSORS,
	AREA_CTL_DATA,     /* per link */
	AREA_LINK,         /* per link */
	AREA_SUSPECTS,     /* a row of each lane */
	AREA_LINKS_MEMORY, /* link_memory.h */
	AREA_RECEIVE,      /* per link */
	AREA_MASTER_STATE, /* master_state.h; written by the master */
	AREA_CONTROL,      /* the control process's own page */
	AREA_COUNT,        /* of the region */

	LEDGER_HEADER = AREA_COUNT,
	LEDGER_PROCESSES,
	LEDGER_CLAIMS,      /* per partition, written by its worker */
	LEDGER_ENDS,        /* per partition, written by upstream */
	LEDGER_FORMER,      /* written by the master before any fork */
	LEDGER_FORMER_ENDS, /* written by upstream */
	VIEW_AREA_COUNT
};

struct view_span {
	uint64_t offset; /* of the first part, in the file */
	uint64_t part;   /* bytes, whole pages */
	uint64_t count;
};

/* The process that looks: none of the three is the master. */
struct viewer {
	int32_t worker; /* its partition; -1: none */
	bool upstream;
	bool control;
};

#define VIEWER_MASTER ((struct viewer){ .worker = -1 })

enum view_access { VIEW_NOTHING, VIEW_READ, VIEW_WRITE };

/* What a viewer may do with part `number` of `count` in an area. */
enum view_access view_access(const struct viewer *viewer, enum view_area area,
    uint64_t number, uint64_t count);

/* A file that is mapped as a whole. */
struct view_map {
	uint8_t *base;
	int readonly; /* a descriptor of it, opened for reading */
	enum view_area first;
	unsigned area_count;           /* from `first` on */
	const struct view_span *spans; /* one for each; in order, no gaps */
};

/*
 * Takes away what this viewer may not reach. What it may only read is mapped
 * anew through the descriptor for reading, so that it can never be made
 * writable again, whatever happens to the process. That no mapping grows over
 * the next part of the file is seen to by confine.h. Returns 0 or -errno; then
 * the process must end.
 */
MUST_CHECK int view_apply(const struct view_map *map,
    const struct viewer *viewer);

/* Opens the file of a descriptor once more, for reading only. The descriptor
 * or -errno. */
MUST_CHECK int view_open_readonly(int fd);

#endif
