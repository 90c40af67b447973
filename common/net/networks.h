/* SPDX-License-Identifier: Apache-2.0 */
/*
 * networks - a short list of networks in the notation of RFC 4632 and RFC 4291,
 * such as "192.0.2.0/24 2001:db8::/32 10.1.2.3"; an address alone is a network
 * of one. Pure.
 */
#ifndef COMMON_NET_NETWORKS_H
#define COMMON_NET_NETWORKS_H

#include "common/net/endpoint.h"

#define NETWORKS_MAX      64u
#define NETWORKS_TEXT_MAX 64u /* of one, with the final NUL */

struct network {
	uint8_t address[16]; /* IPv4 as mapped; bits behind the prefix are 0 */
	uint8_t bits;        /* of those 16 bytes */
};

struct networks {
	unsigned count;
	struct network all[NETWORKS_MAX];
};

/* Separated by blanks or commas. 0; -EINVAL, and the first that is none, cut
 * where it is long; -E2BIG when there are more than NETWORKS_MAX. "" is an
 * empty list. */
MUST_CHECK int networks_parse(const char *text, struct networks *networks_out,
    char wrong_out[NETWORKS_TEXT_MAX]);
/* True when the address lies in one of them, whatever its port. */
bool networks_have(const struct networks *networks,
    const struct endpoint *endpoint);

#endif
