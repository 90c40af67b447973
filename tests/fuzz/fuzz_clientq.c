/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientq: whatever blocks a worker left, its queue is read to an end.
 *
 * Input: first and last block (4 bytes each), then the blocks.
 */
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/support/region/small_region.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define QUEUE_BYTES 16384u /* small_region.h */

static struct region *region;

static void
make_region(void)
{
	region = small_region(1, 4096);
}

static volatile uint32_t sum;

/* No block is entered more often than there are blocks, plus the first. */
static void
add(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	size_t *total = context;

	CHECK(len > 0);
	*total += len;
	CHECK(*total <= 2 * QUEUE_BYTES);
	sum += kind;
	while (len-- > 0)
		sum += *bytes++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct session_info info = { .generation = 1 };
	uint32_t ends[2];
	size_t total = 0;
	uint8_t *blocks;
	int error;

	if (!region)
		make_region();
	if (len < sizeof(ends))
		return 0;
	memcpy(ends, bytes, sizeof(ends));
	bytes += sizeof(ends);
	len -= sizeof(ends);
	info.queue_first = ends[0];
	info.queue_last = ends[1];
	blocks = region_section(region, REGION_QUEUE, 0);
	memset(blocks, 0, QUEUE_BYTES);
	memcpy(blocks, bytes, MIN(len, QUEUE_BYTES));
	error = clientq_each(region, 0, &info, add, &total);
	CHECK(error == 0 || error == -EPROTO);
	return 0;
}
