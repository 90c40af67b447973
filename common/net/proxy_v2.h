/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_v2 - the binary header of the PROXY protocol; private to
 * proxy_header.c.
 */
#ifndef COMMON_NET_PROXY_V2_H
#define COMMON_NET_PROXY_V2_H

#include "common/net/proxy_header.h"

#define PROXY_V2_SIGNATURE_BYTES 12u
#define PROXY_V2_FIXED_BYTES     16u

extern const uint8_t proxy_v2_signature[PROXY_V2_SIGNATURE_BYTES];

/* Of the whole header, in bytes, from its first PROXY_V2_FIXED_BYTES. */
size_t proxy_v2_length(const uint8_t *fixed);
/* A whole one, which begins with the signature: NULL, or what is wrong in a
 * few words. */
MUST_CHECK const char *proxy_v2_parse(const uint8_t *bytes, size_t len,
    struct proxy_header *header_out);

#endif
