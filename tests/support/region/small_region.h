/* SPDX-License-Identifier: Apache-2.0 */
/*
 * small_region - a region as the daemon would make it of a small configuration.
 *
 * A test that needs other sizes changes the configuration, not the sizes: what
 * fits there is then what fits in the daemon.
 */
#ifndef TESTS_SUPPORT_REGION_SMALL_REGION_H
#define TESTS_SUPPORT_REGION_SMALL_REGION_H

#include "common/base/base.h"
#include "common/process/config.h"
#include "common/shm/region.h"

#define SMALL_PARTITIONS 8u /* with no worker at all, config.c */

/* Slots of one partition and rings as given, all else as small as it gets. */
static inline struct config
small_config(unsigned slots, size_t ring_bytes)
{
	return (struct config){
		.sessions_per_worker = slots,
		.up_ring_bytes = ring_bytes,
		.down_ring_bytes = ring_bytes,
	};
}

static inline struct region_geometry
small_geometry(unsigned slots, size_t ring_bytes)
{
	struct config config = small_config(slots, ring_bytes);
	struct region_geometry geometry;

	config_region_geometry(&config, &geometry);
	return geometry;
}

/* The region of a configuration; to be freed by region_free(). */
static inline struct region *
region_of(const struct config *config)
{
	struct region_geometry geometry;
	struct region *region;

	config_region_geometry(config, &geometry);
	CHECK(region_create(&geometry, &region) == 0);
	return region;
}

static inline struct region *
small_region(unsigned slots, size_t ring_bytes)
{
	struct config config = small_config(slots, ring_bytes);

	return region_of(&config);
}

#endif
