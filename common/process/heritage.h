/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heritage - all that a child inherits from the master; every other descriptor
 * is closed at its birth and the closing verified (worker/worker.c).
 */
#ifndef COMMON_PROCESS_HERITAGE_H
#define COMMON_PROCESS_HERITAGE_H

#include "common/base/base.h"
#include "common/process/access.h"

struct config;
struct ledger;
struct region;

/* A child's exit code: the configuration cannot work, no use in trying again
 * (EX_CONFIG of sysexits.h). What is wrong is in its log. */
#define CHILD_EXIT_CONFIG 78

/* What it shares with another process was found damaged, for good: a successor
 * begins anew (EX_SOFTWARE). */
#define CHILD_EXIT_DAMAGED 70

/* The connection of a link that an earlier upstream process has left: a
 * duplicate of its socket, which the master holds, too. */
struct heritage_link {
	int fd;           /* -1: none */
	uint32_t attempt; /* of the link, in the process that connected it */
	uint64_t cookie;  /* of the socket (endpoint_cookie()) */
};

enum child_role { CHILD_CLIENT, CHILD_UPSTREAM, CHILD_CONTROL };

struct heritage {
	enum child_role role;
	uint32_t partition; /* worker's; 0 for the others */
	uint32_t incarnation;
	bool background; /* standard descriptors belong to somebody else */
	/* Upstream's alone: it touches nothing that is shared until it is told
	 * to take its predecessor's place (channel.def). */
	bool standby;
	int channel_fd;
	int upstream_doorbell; /* eventfd upstream sleeps on */
	int *worker_doorbells; /* eventfd of each; a worker keeps its own
				*/
	uint32_t partition_count;
	struct region *region;
	struct ledger *ledger; /* NULL in tests of a child alone */
	/* Upstream's alone; by the link's number, or none at all. */
	const struct heritage_link *links;
	unsigned link_count;
	/* Control's alone. */
	int control_fd; /* listening sockets; -1: there is none */
	int http_fd;
	struct access access; /* who may ask */
	int snapshot_fd;      /* what this role may know of the configuration */
	struct config *config; /* taken from there; worker/worker.c */
};

/* The entry points; they never return. worker/client, worker/upstream,
 * worker/control. */
typedef void child_main_fn(struct heritage *heritage);

#endif
