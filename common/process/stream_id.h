/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_id - the id that a client sees in the header of its stream.
 *
 * Until it has logged in that is the session's streamid, which the server knows
 * and XEP-0078's digest needs. The header after SASL needs another (RFC 6120
 * §6.4.6): it is made from the streamid by a keyed digest, so that nothing is
 * stored and whoever maps the directory can find the session by it. It tells
 * nothing of the streamid, and the server never hears it.
 */
#ifndef COMMON_PROCESS_STREAM_ID_H
#define COMMON_PROCESS_STREAM_ID_H

#include "common/shm/streamid.h"

struct directory;

/* That of the session's newest header, with a NUL; returns its length. */
size_t stream_id_print(struct directory *directory, uint32_t slot,
    char id_out[STREAMID_MAX + 1]);

/* The living session that has it, or this streamid. 0, or -ENOENT; accepts any
 * bytes. */
MUST_CHECK int stream_id_find(struct directory *directory, const char *id,
    size_t len, uint32_t *slot_out, uint32_t *generation_out);

#endif
