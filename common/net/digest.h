/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest - the few things besides TLS that come from GnuTLS.
 */
#ifndef COMMON_NET_DIGEST_H
#define COMMON_NET_DIGEST_H

#include "common/base/base.h"

#define DIGEST_SHA1_HEX 40

/* Lower-case hex of SHA-1 over a then b, NUL-terminated (PROTOCOL.md §2.8). */
void digest_sha1_hex(const char *a, const char *b,
    char hex_out[DIGEST_SHA1_HEX + 1]);

#define DIGEST_KEY_BYTES 32
/* The first out_len bytes of HMAC-SHA-256, at most 32. */
void digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], const void *bytes,
    size_t len, void *out, size_t out_len);

/* SHA-256 of several pieces, one behind the other. */
#define DIGEST_SHA256_BYTES 32
struct digest_piece {
	const void *bytes;
	size_t len;
};
void digest_sha256(const struct digest_piece *pieces, size_t count,
    uint8_t digest_out[DIGEST_SHA256_BYTES]);

/* In a time that tells nothing of where they differ. */
bool digest_is_same(const void *a, const void *b, size_t len);

/* Cryptographically strong random bytes. */
void digest_random(void *bytes, size_t len);

#endif
