/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig_wire - a worker's frames as the server would see them: the rig stands in
 * for upstream, which writes what is around a stanza.
 */
#ifndef TESTS_UNIT_CLIENT_RIG_WIRE_H
#define TESTS_UNIT_CLIENT_RIG_WIRE_H

#include "common/base/buf.h"
#include "common/shm/ring.h"

struct config;

/* Into `out`; facts: whether the server wants to know them. */
void rig_wire(struct buf *out, const struct config *config,
    const struct frame *frame, const char *streamid, bool facts);

#endif
