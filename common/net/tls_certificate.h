/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_certificate - reads what is known of certificates, and what is wrong with
 * them at any time (common/base/certificate.h). Of public certificates alone:
 * it is given no key and no password.
 */
#ifndef COMMON_NET_TLS_CERTIFICATE_H
#define COMMON_NET_TLS_CERTIFICATE_H

#include "common/base/certificate.h"

struct transport;

/* One that clients are shown, and its chain behind it. */
struct certificate_source {
	const char *pem;
	const char *file; /* in the directory of certificates, or NULL */
	struct ocsp_facts ocsp;
};

/* Whose clients these are: 1 to 64. */
struct certificate_domains {
	char *const *names;
	unsigned count;
};

/*
 * Adds those that clients are shown, the main one first: it has the wrong name
 * when there is a domain that none of them is for. Whose issuer is neither
 * there nor among the authorities of `system`, in PEM (NULL: what lies on this
 * machine), has an incomplete chain; where the system has none, this is not
 * known. What stands behind several is added once; what cannot be read adds
 * nothing.
 */
void tls_certificates_shown(const struct certificate_source *sources,
    size_t count, const struct certificate_domains *domains, const char *system,
    struct certificate_list *list);
/* Adds those that are shown by HTTP, in PEM. Who asks knows by which name, and
 * has been told whom to trust: name and chain are not looked at. */
void tls_certificates_of_http(const char *pem, struct certificate_list *list);
/* Adds authorities, those that expire first where there are too many. */
void tls_certificates_trusted(const uint8_t *pem, size_t len,
    struct certificate_list *list);

/* What the server has shown, to be for `name`, be it accepted or not; false:
 * nothing, or it cannot be read. The chain is looked at where it is verified.
 * For a client's side of TLS. */
MUST_CHECK bool transport_peer_certificate(const struct transport *transport,
    const char *name, struct certificate_facts *facts_out);

#endif
