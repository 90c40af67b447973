/* SPDX-License-Identifier: Apache-2.0 */
/* Judging the server's certificate on a link (RFC 6125, PROTOCOL.md §14). */
#include "common/net/tls_context.h"
#include "common/net/tls_names.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#define VALIDITY_FAULTS \
	(GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED | \
	    GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED)
#define CHAIN_FAULTS \
	(GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | \
	    GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE | \
	    GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_PURPOSE_MISMATCH)

static unsigned
tolerated(const struct tls_context *context, gnutls_x509_crt_t certificate,
    unsigned chain_len)
{
	unsigned faults = 0;

	if (!context->verify.check_validity)
		faults |= VALIDITY_FAULTS;
	if (!context->verify.check_chain ||
	    (context->verify.accept_selfsigned && chain_len == 1 &&
		tls_is_selfsigned(certificate)))
		faults |= CHAIN_FAULTS;
	return faults;
}

static bool
check_chain(const struct tls_context *context, gnutls_session_t session,
    gnutls_x509_crt_t certificate, unsigned chain_len, struct tls_error *error)
{
	gnutls_datum_t text = { NULL, 0 };
	unsigned status = 0;
	int code;

	code = gnutls_certificate_verify_peers2(session, &status);
	if (code < 0) {
		tls_set_error(error, "the server's certificate", code);
		return false;
	}
	status &= ~(unsigned)tolerated(context, certificate, chain_len);
	status &= ~(unsigned)GNUTLS_CERT_INVALID;
	if (status == 0)
		return true;
	gnutls_certificate_verification_status_print(status |
							 GNUTLS_CERT_INVALID,
	    GNUTLS_CRT_X509, &text, 0);
	snprintf(error->text, sizeof(error->text),
	    "the server's certificate is not accepted: %s",
	    text.data ? (const char *)text.data : "");
	gnutls_free(text.data);
	return false;
}

bool
tls_peer_is_trusted(const struct tls_context *context, gnutls_session_t session,
    const char *name, struct tls_error *error_out)
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t certificate;
	unsigned chain_len = 0;
	bool trusted;

	if (!context->verify.verify)
		return true;
	chain = gnutls_certificate_get_peers(session, &chain_len);
	if (!chain || chain_len == 0 ||
	    gnutls_x509_crt_init(&certificate) != 0) {
		snprintf(error_out->text, sizeof(error_out->text),
		    "the server shows no certificate");
		return false;
	}
	trusted =
	    gnutls_x509_crt_import(certificate, &chain[0],
		GNUTLS_X509_FMT_DER) == 0 &&
	    check_chain(context, session, certificate, chain_len, error_out);
	if (trusted && !tls_names_cover(certificate, name, NULL)) {
		snprintf(error_out->text, sizeof(error_out->text),
		    "the server's certificate is not for %s", name);
		trusted = false;
	}
	gnutls_x509_crt_deinit(certificate);
	return trusted;
}
