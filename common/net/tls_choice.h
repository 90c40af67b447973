/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_choice - which of a server's certificates a client is shown, by the name
 * that it sends. Private to tls*.c and transport_tls.c.
 *
 * Names stand sorted, each with the set that holds all certificates for it
 * (tls_set.h); GnuTLS then chooses among these by what the client can verify.
 */
#ifndef COMMON_NET_TLS_CHOICE_H
#define COMMON_NET_TLS_CHOICE_H

#include "common/net/tls.h"

#include <gnutls/gnutls.h>

struct tls_choice;

/* As tls_context_choose_from(), at least one. */
MUST_CHECK int tls_choice_new(const struct tls_identities *identities,
    const struct tls_choice *older, struct tls_choice **choice_out,
    struct tls_error *error_out);
void tls_choice_free(struct tls_choice **choice);

/* Those for this host, as host_name_normalise() has it; for "" or another, or
 * if they cannot be made, the default. */
gnutls_certificate_credentials_t
tls_choice_find(const struct tls_choice *choice, const char *host);

#endif
