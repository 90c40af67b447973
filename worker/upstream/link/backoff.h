/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff - how long to wait before the next attempt: nothing after a link that
 * had served, then doubling from the minimum to the maximum, each time a random
 * part between half and all of it, so that many managers do not come back in
 * the same instant. Pure.
 */
#ifndef WORKER_UPSTREAM_LINK_BACKOFF_H
#define WORKER_UPSTREAM_LINK_BACKOFF_H

#include "common/base/base.h"

/* failures: in a row. random: any 32 bits. Seconds. */
double backoff_delay(double min_s, double max_s, unsigned failures,
    uint32_t random);

#endif
