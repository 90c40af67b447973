/* SPDX-License-Identifier: Apache-2.0 */
/* Judging the server's certificate on a link (RFC 6125, protocol.md §14). */
#include "common/net/tls_context.h"

#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALIDITY_FAULTS \
	(GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED | \
	    GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED)
#define CHAIN_FAULTS \
	(GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | \
	    GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE | \
	    GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_PURPOSE_MISMATCH)

static bool
is_selfsigned(gnutls_x509_crt_t certificate)
{
	unsigned status = 0;

	if (!gnutls_x509_crt_check_issuer(certificate, certificate))
		return false;
	return gnutls_x509_crt_verify(certificate, &certificate, 1,
		   GNUTLS_VERIFY_DISABLE_CA_SIGN |
		       GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
		   &status) == 0 &&
	       (status & GNUTLS_CERT_SIGNATURE_FAILURE) == 0;
}

/* id-on-xmppAddr (RFC 6120 §13.7.1.4) names the domain as it is. */
static bool
is_xmpp_address(gnutls_subject_alt_names_t names, unsigned index,
    const char *name)
{
	gnutls_datum_t san, oid, text;
	unsigned type, known;
	bool equal;

	if (gnutls_subject_alt_names_get(names, index, &type, &san, &oid) < 0 ||
	    type != GNUTLS_SAN_OTHERNAME)
		return false;
	if (gnutls_x509_othername_to_virtual((const char *)oid.data, &san,
		&known, &text) < 0)
		return false;
	equal = known == GNUTLS_SAN_OTHERNAME_XMPP &&
		text.size == strlen(name) &&
		strncasecmp((const char *)text.data, name, text.size) == 0;
	gnutls_free(text.data);
	return equal;
}

static bool
has_xmpp_address(gnutls_x509_crt_t certificate, const char *name)
{
	gnutls_subject_alt_names_t names;
	gnutls_datum_t extension, san;
	bool found = false;
	unsigned i, type;

	if (gnutls_x509_crt_get_extension_by_oid2(certificate,
		GNUTLS_X509EXT_OID_SAN, 0, &extension, NULL) < 0)
		return false;
	CHECK(gnutls_subject_alt_names_init(&names) == 0);
	if (gnutls_x509_ext_import_subject_alt_names(&extension, names, 0) == 0)
		for (i = 0; !found && gnutls_subject_alt_names_get(names, i,
					  &type, &san, NULL) >= 0;
		     i++)
			found = is_xmpp_address(names, i, name);
	gnutls_subject_alt_names_deinit(names);
	gnutls_free(extension.data);
	return found;
}

static unsigned
tolerated(const struct tls_context *context, gnutls_x509_crt_t certificate,
    unsigned chain_len)
{
	unsigned faults = 0;

	if (!context->verify.check_validity)
		faults |= VALIDITY_FAULTS;
	if (!context->verify.check_chain ||
	    (context->verify.accept_selfsigned && chain_len == 1 &&
		is_selfsigned(certificate)))
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
		tls_say(error, "the server's certificate", code);
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
	if (trusted && !gnutls_x509_crt_check_hostname(certificate, name) &&
	    !has_xmpp_address(certificate, name)) {
		snprintf(error_out->text, sizeof(error_out->text),
		    "the server's certificate is not for %.100s", name);
		trusted = false;
	}
	gnutls_x509_crt_deinit(certificate);
	return trusted;
}
