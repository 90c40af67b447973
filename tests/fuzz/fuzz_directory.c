/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory: any bytes are a streamid of a living session or of none, whatever
 * a worker wrote into its slots.
 *
 * Input: a slot and a generation as from a ring (4 bytes each), all slots,
 * all routing, and the streamid. Shorter input: zeros, and no streamid.
 */
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/support/region/small_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define PARTITIONS SMALL_PARTITIONS
#define SLOTS      8u

static struct region *region;
static struct directory *directory;

static void
make_directory(void)
{
	region = small_region(SLOTS, 4096);
	directory = directory_new(region, NULL, "cm", NULL);
}

/* Takes up to `len` bytes of the input; the rest of `to` is zero. */
static void
take(void *to, size_t len, const uint8_t **bytes, size_t *left)
{
	size_t now = MIN(len, *left);

	memset(to, 0, len);
	memcpy(to, *bytes, now);
	*bytes += now;
	*left -= now;
}

static void
count_live(void *context, uint32_t slot, uint32_t generation)
{
	uint32_t *count = context;

	CHECK(directory_generation(directory, slot) == generation);
	CHECK(++*count <= PARTITIONS * SLOTS);
}

static void
look_up(const uint8_t *bytes, size_t len)
{
	char again[STREAMID_MAX + 1];
	char *exact = malloc(len ? len : 1); /* seen by the sanitizer */
	uint32_t slot, generation, nonce32;
	uint8_t lane;

	CHECK(exact);
	memcpy(exact, bytes, len);
	if (directory_find(directory, exact, len, &slot, &generation) == 0) {
		CHECK(slot < PARTITIONS * SLOTS);
		CHECK(directory_is_live(directory, slot));
		CHECK(directory_check(directory, slot, generation, &nonce32,
			  &lane) == 0);
		CHECK(lane < LANE_COUNT);
		CHECK(directory_streamid(directory, slot, again) == len);
		CHECK(memcmp(again, exact, len) == 0);
	}
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint32_t named[2], live = 0, nonce32, i;
	uint8_t lane;
	int error;

	if (!directory)
		make_directory();
	take(named, sizeof(named), &bytes, &len);
	for (i = 0; i < PARTITIONS; i++)
		take(region_section(region, REGION_SLOTS, i),
		    SLOTS * sizeof(struct session_slot), &bytes, &len);
	for (i = 0; i < PARTITIONS; i++)
		take(region_section(region, REGION_ROUTING, i),
		    SLOTS * sizeof(struct session_route), &bytes, &len);
	error = directory_check(directory, named[0], named[1], &nonce32, &lane);
	CHECK(error == 0 || error == -ERANGE || error == -ENOENT);
	CHECK(error || named[0] < PARTITIONS * SLOTS);
	look_up(bytes, len);
	directory_each_live(directory, -1, count_live, &live);
	directory_end(directory, named[0], named[1]);
	CHECK(directory_check(directory, named[0], named[1], &nonce32, &lane) !=
	      0);
	return 0;
}
