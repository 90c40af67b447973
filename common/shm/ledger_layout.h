/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_layout - the bytes of the ledger's file; private to ledger*.c.
 *
 * Numbers are in the machine's byte order. Version 2, each part whole pages:
 *
 *   header        struct ledger_header
 *   processes     struct ledger_process_entry[]
 *   claims        per partition: uint32_t generation[slots],
 *                 uint8_t nonce[slots][10]
 *   ends          per partition: uint16_t ended[slots]
 *   former        struct ledger_former[former_count]
 *   former ends   uint16_t ended[former_count]
 *
 * Version 1, which is only read: one page struct ledger_header_1, then
 * struct ledger_row_1[].
 */
#ifndef COMMON_SHM_LEDGER_LAYOUT_H
#define COMMON_SHM_LEDGER_LAYOUT_H

#include "common/shm/ledger.h"
#include "common/shm/view.h"

#include <stdatomic.h>

#define LEDGER_FILE              "ledger"
#define LEDGER_MAGIC             "cmledger"
#define LEDGER_VERSION           2u
#define LEDGER_PROCESS_MAX       200u
#define LEDGER_NAMES             4u /* the own, and those of former rows */
#define LEDGER_NAME_ROOM         (MANAGER_NAME_MAX + 8)
#define LEDGER_PARTITION_MAX     65535u
#define LEDGER_SLOT_MAX          (1u << 25) /* a streamid has 25 bits for it */
#define LEDGER_FORMER_MAX        (2u * LEDGER_SLOT_MAX)
#define LEDGER_FORMER_GENERATION 1u /* the only one of a former row */
#define LEDGER_PARTS             (VIEW_AREA_COUNT - LEDGER_HEADER)
#define LEDGER_PART_OF(area)     ((area)-LEDGER_HEADER)

struct ledger_process_entry {
	uint64_t start_ticks;
	uint32_t pid;
	uint32_t reserved;
};

struct ledger_header {
	char magic[8];
	uint32_t version;
	uint32_t partition_count;
	uint32_t slots_per_partition;
	uint32_t former_count;
	char names[LEDGER_NAMES][LEDGER_NAME_ROOM]; /* first the own */
};

struct ledger_former {
	uint32_t slot;
	uint16_t name; /* number in the header's table */
	uint8_t nonce[SESSION_NONCE_BYTES];
};

struct ledger_header_1 {
	char magic[8];
	uint32_t version;
	uint32_t row_count;
	char name[LEDGER_NAME_ROOM];
	struct ledger_process_entry processes[LEDGER_PROCESS_MAX];
};

struct ledger_row_1 {
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint16_t ended;
	uint32_t generation;
};

/* What a header says, checked; of version 1 one partition, no former rows. */
struct ledger_shape {
	uint32_t version;
	uint32_t partition_count;
	uint32_t slots_per_partition;
	uint32_t former_count;
	char names[LEDGER_NAMES][MANAGER_NAME_MAX + 1]; /* "": none */
};

struct ledger {
	struct ledger_shape shape;
	struct view_span spans[LEDGER_PARTS];
	uint8_t *base; /* NULL: there is no file yet */
	size_t bytes;
	struct viewer viewer;
	char *path;    /* of the directory, for the log */
	int directory; /* locked until it is settled; -1: volatile, or is */
	int fd;        /* holds the lock of the file; -1 in children */
	int readonly;  /* the same, opened for reading; -1 in children */
};

/* Why a header is not to be used, or NULL and what it says. `page` is a copy of
 * the first page, `bytes` the size of the file. */
const char *ledger_shape_read(const uint8_t page[VIEW_PAGE], uint64_t bytes,
    struct ledger_shape *shape_out);

/* Where the parts lie; returns the size of the file. */
uint64_t ledger_lay_out(const struct ledger_shape *shape,
    struct view_span spans_out[LEDGER_PARTS]);

/* True for a name as a configuration may have it. */
bool ledger_is_name(const char *name);

/* A part of the mapped file; NULL when this process does not map it. */
void *ledger_part(const struct ledger *ledger, enum view_area area,
    uint32_t number);

/* ledger_make.c: a ledger without anything in it, for ledger_free(); the lock
 * against a second instance, 0, -EBUSY or -errno; room for all of the file,
 * taken at once; the mapping; and all of it zero but for the header, in the
 * open descriptor that becomes its own. */
struct ledger *ledger_new(void);
MUST_CHECK int ledger_lock(int fd, const char *path);
MUST_CHECK int ledger_take_room(int fd, uint64_t bytes);
MUST_CHECK int ledger_map(struct ledger *ledger);
MUST_CHECK int ledger_make(struct ledger *ledger);

#endif
