/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wiring - what happens above a layer that does not know it: the link layer's
 * and the send layer's callbacks.
 */
#ifndef WORKER_UPSTREAM_WIRING_H
#define WORKER_UPSTREAM_WIRING_H

struct upstream;

void wiring_connect(struct upstream *up);

#endif
