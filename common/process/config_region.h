/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_region - the shared region's sizes that follow from the configuration.
 *
 * The one place that derives them: the master makes its region so, and each
 * test does, so that what a test finds room for the daemon has room for.
 */
#ifndef COMMON_PROCESS_CONFIG_REGION_H
#define COMMON_PROCESS_CONFIG_REGION_H

#include "common/shm/region.h"

struct config;

/*
 * Fills in all sizes. A worker's client queues may hold more than
 * xmpp.client.output.worker lets wait: the limit is enforced behind an append,
 * so the largest item of the server, and words of our own, always find room.
 */
void config_region_geometry(const struct config *config,
    struct region_geometry *geometry_out);

#endif
