/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unauthenticated - who has not logged in uses up nothing that the next log-in
 * needs: when sessions or descriptors are few, one that has had its own for
 * long loses it, and its stream ends.
 */
#ifndef WORKER_CLIENT_UNAUTHENTICATED_H
#define WORKER_CLIENT_UNAUTHENTICATED_H

#include "common/base/base.h"

struct client_worker;
struct client;

struct unauthenticated {
	uint32_t hand; /* slot, within the partition, that was looked at last */
	bool was_scarce;
};

/* The newcomer has claimed a session. When few are left another client that has
 * not logged in loses its own. */
void unauthenticated_yield_session(const struct client *newcomer);
/* No descriptor is left: one who has had his for long gives it up. */
void unauthenticated_yield_descriptor(struct client_worker *worker);

#endif
