/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dropped - nothing ends on its way in silence: what goes no further, whether
 * its sender is notified or not, is counted under its reason and gets a line at
 * info, a few a second for each reason.
 */
#ifndef WORKER_DROPPED_H
#define WORKER_DROPPED_H

#include "common/shm/stats.h"

/* The counter names the reason; kind: enum frame_kind; streamid: "-" for that
 * of nobody we know; address: the client's, NULL where it is not known. */
void dropped_note(enum statistic reason, uint8_t kind, const char *streamid,
    const char *address);

/* The same for what came for a client and has nobody to go to: a message, or
 * what nobody is notified of. Kinds that are no stanza are no loss. */
void dropped_note_late(uint8_t kind, const char *streamid, const char *address);

#endif
