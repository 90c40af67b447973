/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_set - the credentials of one identity or of several, which clients are
 * shown for the same name. Private to tls*.c.
 *
 * A set is known by the digests of its identities, in their order. All contexts
 * that show the same hold one set: a reload takes over what has not changed.
 * Credentials are made when the first client needs them, of a copy of the
 * identities, which is wiped then, or when the last holder goes.
 */
#ifndef COMMON_NET_TLS_SET_H
#define COMMON_NET_TLS_SET_H

#include "common/net/tls.h"

#include <gnutls/gnutls.h>

struct tls_set;

/* Described identities (tls_identities_describe()), borrowed for the call. */
struct tls_members {
	const struct tls_identity **all;
	unsigned count; /* one at least */
};

/* With one holder, and empty: to be compared. */
struct tls_set *tls_set_new(const struct tls_members *members);
/* Copies what the same members have; it is TLS_SET_NEW then. */
void tls_set_fill(struct tls_set *set, const struct tls_members *members);
struct tls_set *tls_set_hold(struct tls_set *set);
void tls_set_drop(struct tls_set **set);

/* As memcmp(): an order of all sets, 0 for the same members. */
int tls_set_compare(const struct tls_set *a, const struct tls_set *b);

enum tls_set_state {
	TLS_SET_NEW,    /* no client has needed it yet */
	TLS_SET_MADE,   /* it has credentials */
	TLS_SET_FAILED, /* it has none, and nothing to make any of */
};
enum tls_set_state tls_set_state(const struct tls_set *set);

/* Makes the credentials of a new one; -EINVAL and why: it has failed. */
MUST_CHECK int tls_set_make(struct tls_set *set, struct tls_error *error_out);
/* NULL unless made; they stay the set's. */
gnutls_certificate_credentials_t tls_set_credentials(const struct tls_set *set);

#endif
