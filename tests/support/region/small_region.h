/* SPDX-License-Identifier: Apache-2.0 */
/*
 * small_region - the sizes that the daemon would make of a small configuration.
 *
 * A test that needs other sizes changes the configuration, not the sizes: what
 * fits there is then what fits in the daemon.
 */
#ifndef TESTS_SUPPORT_REGION_SMALL_REGION_H
#define TESTS_SUPPORT_REGION_SMALL_REGION_H

#include "common/process/config.h"
#include "common/process/config_region.h"

#define SMALL_PARTITIONS 8u /* with no worker at all, config_region.c */

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

#endif
