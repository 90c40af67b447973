/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streamid - the text that names a session on the wire: the manager's name, 5
 * digits of the slot, 16 of the session's 80-bit nonce, in base 32 with the
 * digits 0-9 a-v (PROTOCOL.md §12).
 *
 * Who knows the nonce may speak for the session, so it is compared in time that
 * does not tell how much was right.
 *
 * Pure: no fd, no clock.
 */
#ifndef COMMON_SHM_STREAMID_H
#define COMMON_SHM_STREAMID_H

#include "common/base/base.h"

#define SESSION_NONCE_BYTES 10
#define STREAMID_TAIL_LEN   (5 + 16)
#define MANAGER_NAME_MAX    64
#define STREAMID_MAX        (MANAGER_NAME_MAX + STREAMID_TAIL_LEN)

/* Writes the streamid and a NUL; returns its length. */
size_t streamid_print(const char *name, uint32_t slot,
    const uint8_t nonce[SESSION_NONCE_BYTES],
    char streamid_out[STREAMID_MAX + 1]);

/* The slot in any bytes; -ENOENT when they are no streamid of this name. */
MUST_CHECK int streamid_slot(const char *streamid, size_t len, const char *name,
    uint32_t *slot_out);

/* Of bytes in which streamid_slot() found a slot: is this their nonce? */
bool streamid_has_nonce(const char *streamid, size_t len,
    const uint8_t nonce[SESSION_NONCE_BYTES]);

/* Writes another nonce into the text of a streamid of `len` bytes. */
void streamid_put_nonce(char *streamid, size_t len,
    const uint8_t nonce[SESSION_NONCE_BYTES]);

/* False for the one text in four thousand millions that the server cannot
 * choose a link for (PROTOCOL.md §2.9). */
bool streamid_is_routable(const char *name, uint32_t slot,
    const uint8_t nonce[SESSION_NONCE_BYTES]);

#endif
