/* SPDX-License-Identifier: Apache-2.0 */
/* tls_names - whom a certificate is for. Private to tls*.c. */
#ifndef COMMON_NET_TLS_NAMES_H
#define COMMON_NET_TLS_NAMES_H

#include "common/base/base.h"

#include <gnutls/x509.h>

/* Whether it is for this domain: as a DNS name, which may begin with `*.` (RFC
 * 6125), as an XmppAddr (RFC 6120 §13.7.1.4) or, where `service` is not NULL,
 * as an SRVName (RFC 4985) of that service, "_xmpp-client". */
bool tls_names_cover(gnutls_x509_crt_t certificate, const char *domain,
    const char *service);
/* The hosts it is for, each as host_name_normalise() has it, `*.` before it for
 * all directly below: of DNS names, XmppAddr and SRVName of `service`, in this
 * order and perhaps twice; without any, its common name. */
typedef void tls_host_fn(void *context, const char *host);
void tls_names_each_host(gnutls_x509_crt_t certificate, const char *service,
    tls_host_fn *fn, void *context);

/* All of these, ", " between; what does not fit is left out. "" for none. */
void tls_names_print(gnutls_x509_crt_t certificate, char *text_out, size_t cap);

/* Issued to itself, and signed with its own key. */
bool tls_is_selfsigned(gnutls_x509_crt_t certificate);

#endif
