/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - the master's life once the configuration is read.
 *
 *   starting --all ready--> running
 *   starting, running --signal--> stopping workers --gone--> stopping upstream
 *   stopping upstream --gone--> stopping control --gone--> over
 *
 *   starting --too late, in the background--> stopping workers
 *
 * Workers end first, so that each stream is closed on the server before the
 * links are; control last, to answer until then. Each stage is bounded; a
 * second signal ends the stage at once, if it does not belong to the first.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "master/children.h"

struct service_sockets;

struct supervisor_setup {
	struct child_mains mains;
	/* In the background somebody waits: it is ready in time, or ends. */
	bool background;
	const struct service_sockets *inherited;
	const int *snapshots; /* of the configuration, for children; borrowed;
			       * enum config_reader; NULL: they need none */
};

/* Returns the process's exit code: 0 after an orderly stop, 1 when it could not
 * start or a child had to be killed at the end. */
MUST_CHECK int supervisor_run(const struct config *config,
    const struct supervisor_setup *setup);

#endif
