/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_hello - what a client's first message decides, before GnuTLS reads it:
 * the certificate it is shown, and whose tickets count. Private to
 * transport_tls.c.
 *
 * Both follow from the name in this very message (SNI), never from a ticket.
 * GnuTLS resumes with TLS 1.3 whatever name a ticket was given under; so each
 * name has a ticket key of its own, derived from the one of the context, and
 * another name's ticket is one of an unknown key. No name and one that no host
 * can have (host_name_normalise()) are the same here.
 */
#ifndef COMMON_NET_TLS_HELLO_H
#define COMMON_NET_TLS_HELLO_H

#include "common/net/host_name.h"

#include <gnutls/gnutls.h>

struct tls_context;

/* 0, or GnuTLS's error. `again`: it is the one that a client sends when it was
 * asked to begin again, and which must have the same name (RFC 8446 §4.1.2). */
int tls_hello_take(struct tls_context *context, gnutls_session_t session,
    const gnutls_datum_t *hello, bool again);

/* The name in the last message that GnuTLS has read, normal; "": none. */
void tls_hello_host(gnutls_session_t session,
    char host_out[HOST_NAME_TEXT_MAX]);

#endif
