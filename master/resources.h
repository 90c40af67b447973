/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resources - what the master owns and children inherit a share of: region,
 * ledger, doorbells, listening sockets. Opened once, before any fork.
 */
#ifndef MASTER_RESOURCES_H
#define MASTER_RESOURCES_H

#include "common/process/config.h"
#include "master/control_socket.h"
#include "master/listeners.h"

struct service_sockets;
struct ledger;
struct region;

/* The ledger's table of processes (ledger.h). */
#define RESOURCES_PROCESS_MASTER   0u
#define RESOURCES_PROCESS_UPSTREAM 1u
#define RESOURCES_PROCESS_CONTROL  2u
#define RESOURCES_PROCESS_WORKERS  3u

struct resources {
	const struct config *config;        /* borrowed */
	int snapshots[CONFIG_READER_COUNT]; /* borrowed; config_apart.h */
	struct region *region;
	struct ledger *ledger;
	struct listeners listeners;
	struct control_socket control; /* -1: there is none */
	int http_fd;                   /* likewise */
	struct access access;          /* who may ask, who may act */
	int upstream_doorbell;
	int *worker_doorbells;
	uint32_t partition_count;
};

/* Raises the limit of open files and logs what the system allows; ends orphan
 * processes; takes the inherited sockets. 0, or -errno after a line in the log.
 */
MUST_CHECK int resources_open(struct resources *resources,
    const struct config *config, const struct service_sockets *inherited);
void resources_close(struct resources *resources);

#endif
