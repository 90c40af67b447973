/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region - the sealed memfd that all processes share (MEMORY.md §2).
 *
 * Made by the master before any fork. Sections are page-aligned and have one
 * writing process each; a child maps only what region_become_*() leaves it and
 * then closes the descriptor. No pointers inside: offsets only. Pages come when
 * first touched, so the sizes are bounds, not costs.
 *
 *   header           master writes, all read    magic, version, geometry
 *   process pages    a row each                 one writer each
 *   server state     upstream writes, all read  server_state.h
 *   link reports     upstream writes            for operators: link_report.h
 *   per partition, the place of a worker:
 *     its half       worker writes              control page, up ring heads and
 *                                               data, down ring tail, slots,
 *                                               session info, JID arena,
 *                                               queue pages
 *     the other half upstream writes            up ring sent/tail, down ring
 *                                               head and data, wants-room
 *     routing        upstream writes, worker reads
 *   upstream's own   lane logs, ctl[link], link journals, suspects, what
 *                    its successor needs of links
 *   master state     master writes              for operators: master_state.h
 *   control's page   control writes             its heartbeat
 *
 * Of a partition, upstream maps the control page, up rings, slots, session info
 * and queue pages read-only, the JID arena not at all; a worker maps
 * nothing of another's. Control maps what operators are told of: statistics,
 * reports, slots, routing, session info and JID arenas, all read-only (view.c).
 */
#ifndef COMMON_SHM_REGION_H
#define COMMON_SHM_REGION_H

#include "common/base/base.h"

#include <stdatomic.h>

#define LANE_COUNT     16
#define LINKS_MAX      16
#define REGION_VERSION 6
#define SUSPECT_WORDS  16 /* 64 bits each; worker/upstream/send/suspects.h */
#define REGION_PROCESS_MAX \
	3 /* stats rows beside the partitions: master, control, upstream */

struct lane_log;
struct ring;
struct region;

/* What fixes the layout (common/process/config.h derives it); sizes in
 * bytes, a page at least, powers of two but for queue_bytes. */
struct region_geometry {
	uint32_t partition_count;     /* 3 * workers.max + 8 */
	uint32_t slots_per_partition; /* power of two */
	uint64_t up_ring_bytes;
	uint64_t down_ring_bytes;
	uint64_t lane_bytes; /* of a lane's log */
	uint64_t ctl_ring_bytes;
	uint64_t queue_bytes;   /* client queue pages of one partition */
	uint64_t arena_bytes;   /* JID arena of one partition */
	uint64_t receive_bytes; /* receive buffer of a link */
};

/*
 * The control words of a worker; only it writes them. `published`
 * counts how often it has made frames visible in its up rings, so that upstream
 * need look at the heads of these only when the count has changed. The worker
 * adds one after it has moved the heads and before it rings the doorbell.
 */
struct worker_control {
	_Atomic uint32_t asleep;     /* ring my doorbell when down moves */
	_Atomic uint32_t wants_room; /* lane mask: ring me when there is room */
	_Atomic uint64_t published;
	_Atomic uint64_t heartbeat;
	_Atomic uint32_t incarnation;
};

/* The control words of upstream, the same for all partitions. */
struct upstream_control {
	_Atomic uint32_t asleep;
	_Atomic uint64_t heartbeat;
};

/* The control process's own page. */
struct control_page {
	_Atomic uint64_t heartbeat;
};

struct upstream_pair_control {
	_Atomic uint32_t
	    wants_room; /* ring upstream when the down ring drains */
	/* What a dead worker left has gone back up to there, with a check:
	 * worker/upstream/recovery/partition_recovery.c. 0: nothing has. */
	_Atomic uint64_t recovered;
};

/*
 * Master: makes the memfd, sizes and seals it, maps all of it. Returns 0 or
 * -errno; -EINVAL for a geometry that cannot be, -ENOMEM with a log line naming
 * need and memory when it cannot fit.
 */
MUST_CHECK int region_create(const struct region_geometry *geometry,
    struct region **region_out);

/*
 * Child, after fork: replaces the master's mapping by the child's own sections
 * and closes the descriptor. Returns 0 or -errno.
 */
MUST_CHECK int region_become_worker(struct region *region, uint32_t partition);
MUST_CHECK int region_become_upstream(struct region *region);
MUST_CHECK int region_become_control(struct region *region);
void region_free(struct region **region);

const struct region_geometry *region_geometry(const struct region *region);

/* Bytes of blocks that the memfd really occupies (fstat). Master only. */
uint64_t region_occupied_bytes(const struct region *region);

/* Handles over sections; the caller must be a process that maps them. */
void region_up_ring(struct region *region, uint32_t partition, unsigned lane,
    struct ring *out);
void region_down_ring(struct region *region, uint32_t partition,
    struct ring *out);
void region_lane_log(struct region *region, unsigned lane,
    struct lane_log *out);
void region_ctl_ring(struct region *region, unsigned link, struct ring *out);

struct worker_control *region_worker_control(struct region *region,
    uint32_t partition);
struct upstream_control *region_upstream_control(struct region *region);
struct control_page *region_control_page(struct region *region);
struct upstream_pair_control *region_pair_control(struct region *region,
    uint32_t partition);

/*
 * Raw sections for the modules that lay them out: directory.h, clientq.h,
 * server_state.h, journal.h, stats.h. NULL where this process maps none.
 */
enum region_section {
	REGION_SLOTS,   /* per partition: struct session_slot[...] */
	REGION_INFO,    /* per partition: struct session_info[...] */
	REGION_ARENA,   /* per partition */
	REGION_QUEUE,   /* per partition */
	REGION_ROUTING, /* per partition: struct session_route[...]; a worker
			  has its own only */
	REGION_SERVER_STATE, /* whole */
	REGION_LINK_REPORTS, /* whole; link_report.h */
	REGION_STATS,        /* a row for each process; process_page.h */
	REGION_LINK,         /* per link: journal.h */
	REGION_SUSPECTS,     /* a row of SUSPECT_WORDS for each lane */
	REGION_LINKS_MEMORY, /* whole; link_memory.h */
	REGION_RECEIVE,      /* per link: its receive buffer */
	REGION_MASTER_STATE, /* whole; master_state.h */
	REGION_SECTION_COUNT
};
void *region_section(struct region *region, enum region_section section,
    uint32_t number);
uint64_t region_section_bytes(const struct region *region,
    enum region_section section);

#endif
