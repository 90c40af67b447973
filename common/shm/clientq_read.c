/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the queue of another process, which may be dead or hostile. */
#include "common/shm/clientq.h"

#include "common/shm/clientq_layout.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct foreign {
	const struct clientq_block *blocks;
	uint32_t count;
	uint32_t last; /* block at which the queue ends */
	uint32_t owner;
	uint32_t *budget; /* blocks that may still be entered */
	struct clientq_place at;
};

/* Bytes at the place, at most max; 0 at the end, or -EPROTO. */
static int64_t
foreign_run(struct foreign *f, uint32_t max, const uint8_t **bytes_out)
{
	const struct clientq_block *block;
	uint32_t end;

	for (;;) {
		if (f->at.block == 0 || f->at.block > f->count)
			return -EPROTO;
		block = &f->blocks[f->at.block - 1];
		end = block->end;
		if (block->owner != f->owner || end > BLOCK_ROOM ||
		    f->at.offset > end)
			return -EPROTO;
		if (f->at.offset < end)
			break;
		if (f->at.block == f->last)
			return 0;
		if (*f->budget == 0)
			return -EPROTO;
		--*f->budget;
		f->at.block = block->next;
		f->at.offset = 0;
	}
	*bytes_out = block->bytes + f->at.offset;
	return MIN(max, end - f->at.offset);
}

/* 1; 0 when the queue ended before `len` bytes; or -EPROTO. */
static int
foreign_copy(struct foreign *f, void *bytes, uint32_t len)
{
	const uint8_t *run;
	uint8_t *to = bytes;
	int64_t now;

	while (len > 0) {
		now = foreign_run(f, len, &run);
		if (now <= 0)
			return (int)now;
		memcpy(to, run, (size_t)now);
		to += now;
		f->at.offset += (uint32_t)now;
		len -= (uint32_t)now;
	}
	return 1;
}

static int
foreign_each(struct foreign *f, clientq_each_fn *fn, void *context)
{
	uint64_t most = (uint64_t)f->count * BLOCK_ROOM;
	struct clientq_entry entry;
	uint8_t *bytes, kind;
	int more;

	for (;;) {
		more = foreign_copy(f, &entry, sizeof(entry));
		if (more <= 0)
			return more;
		if (entry.len == 0 || entry.len > ENTRY_MAX || entry.len > most)
			return -EPROTO;
		bytes = xmalloc(entry.len);
		more = foreign_copy(f, bytes, entry.len);
		kind = (uint8_t)entry.kind_and_seal;
		if (more == 1 &&
		    clientq_seal(kind, bytes, entry.len) != entry.kind_and_seal)
			more = -EPROTO;
		if (more == 1)
			fn(context, kind, bytes, entry.len);
		free(bytes);
		if (more <= 0) /* an append that its worker did not finish */
			return more;
	}
}

uint32_t
clientq_block_count(const struct region *region)
{
	return (uint32_t)(region_section_bytes(region, REGION_QUEUE) /
			  BLOCK_BYTES);
}

int
clientq_each_within(struct region *region, uint32_t partition,
    const struct session_info *info, uint32_t *blocks_io, clientq_each_fn *fn,
    void *context)
{
	struct foreign f = {
		.blocks = region_section(region, REGION_QUEUE, partition),
		.count = clientq_block_count(region),
	};

	f.budget = blocks_io;
	if (!f.blocks)
		return -EPROTO;
	f.at.block =
	    atomic_load_explicit(&info->queue_first, memory_order_acquire);
	f.last = atomic_load_explicit(&info->queue_last, memory_order_acquire);
	f.owner =
	    clientq_owner(region_section(region, REGION_INFO, partition), info);
	if (f.at.block == 0)
		return 0;
	if (f.at.block > f.count)
		return -EPROTO;
	f.at.offset = f.blocks[f.at.block - 1].first;
	return foreign_each(&f, fn, context);
}

int
clientq_each(struct region *region, uint32_t partition,
    const struct session_info *info, clientq_each_fn *fn, void *context)
{
	uint32_t blocks = clientq_block_count(region);

	return clientq_each_within(region, partition, info, &blocks, fn,
	    context);
}
