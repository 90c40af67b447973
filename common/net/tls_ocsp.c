/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an OCSP response may be stapled to the certificate it lies beside. */
#include "common/net/tls_context.h"

#include <errno.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the clocks of those who sign and of us. */
#define SKEW_S 300

struct chain {
	gnutls_x509_crt_t *certificates;
	unsigned count;
};

/* The chain is complete or not; the issuer follows the certificate if it is
 * there, and a self-signed one is its own. */
static gnutls_x509_crt_t
issuer_of(const struct chain *chain)
{
	gnutls_x509_crt_t leaf = chain->certificates[0];
	unsigned i;

	for (i = 0; i < chain->count; i++)
		if (gnutls_x509_crt_check_issuer(leaf, chain->certificates[i]))
			return chain->certificates[i];
	return NULL;
}

/* By the issuer itself, or who may for it (RFC 6960 §4.2.2.2). */
static bool
is_signed(gnutls_ocsp_resp_t response, const struct chain *chain)
{
	gnutls_x509_crt_t issuer = issuer_of(chain);
	gnutls_x509_trust_list_t trusted;
	unsigned verify = 0;
	bool good;

	if (!issuer)
		return true;
	if (gnutls_ocsp_resp_verify_direct(response, issuer, &verify, 0) == 0 &&
	    verify == 0)
		return true;
	CHECK(gnutls_x509_trust_list_init(&trusted, 0) == 0);
	verify = 0;
	good = gnutls_x509_trust_list_add_cas(trusted, &issuer, 1, 0) == 1 &&
	       gnutls_ocsp_resp_verify(response, trusted, &verify, 0) == 0 &&
	       verify == 0;
	gnutls_x509_trust_list_deinit(trusted, 0);
	return good;
}

/* Whether the one answer, or the first, is good and of this time. */
static const char *
fault_of_answer(gnutls_ocsp_resp_t response, int64_t now_s)
{
	time_t from, until;
	unsigned status;

	if (gnutls_ocsp_resp_get_single(response, 0, NULL, NULL, NULL, NULL,
		&status, &from, &until, NULL, NULL) != 0)
		return "it has no answer";
	if (status == GNUTLS_OCSP_CERT_REVOKED)
		return "it says that the certificate is revoked";
	if (status != GNUTLS_OCSP_CERT_GOOD)
		return "it does not say that the certificate is good";
	if (from > now_s + SKEW_S)
		return "it is not valid yet";
	return until != (time_t)-1 && until <= now_s ? "it is out of date"
						     : NULL;
}

static const char *
fault_of(gnutls_ocsp_resp_t response, const struct chain *chain, int64_t now_s)
{
	if (gnutls_ocsp_resp_get_status(response) !=
	    GNUTLS_OCSP_RESP_SUCCESSFUL)
		return "the responder reports an error";
	if (gnutls_ocsp_resp_check_crt(response, 0, chain->certificates[0]) !=
	    0)
		return "it is of another certificate";
	if (!is_signed(response, chain))
		return "the certificate's issuer has not signed it";
	return fault_of_answer(response, now_s);
}

static const char *
fault_of_bytes(const uint8_t *bytes, size_t len, const struct chain *chain,
    int64_t now_s)
{
	gnutls_datum_t der = { (void *)(uintptr_t)bytes, (unsigned)len };
	gnutls_ocsp_resp_t response;
	const char *fault = "it is no OCSP response in DER";

	CHECK(gnutls_ocsp_resp_init(&response) == 0);
	if (gnutls_ocsp_resp_import(response, &der) == 0)
		fault = fault_of(response, chain, now_s);
	gnutls_ocsp_resp_deinit(response);
	return fault;
}

static const char *
fault_for(const char *pem, const uint8_t *bytes, size_t len, int64_t now_s)
{
	gnutls_datum_t text = { (void *)(uintptr_t)pem, (unsigned)strlen(pem) };
	const char *fault = "the certificate cannot be read";
	struct chain chain = { 0 };
	unsigned i;

	if (gnutls_x509_crt_list_import2(&chain.certificates, &chain.count,
		&text, GNUTLS_X509_FMT_PEM, 0) < 0)
		return fault;
	if (chain.count > 0)
		fault = fault_of_bytes(bytes, len, &chain, now_s);
	for (i = 0; i < chain.count; i++)
		gnutls_x509_crt_deinit(chain.certificates[i]);
	gnutls_free(chain.certificates);
	return fault;
}

int
tls_identity_staple(struct tls_identity *identity, const uint8_t *ocsp,
    size_t len, int64_t now_s, struct tls_error *error_out)
{
	const char *fault = fault_for(identity->chain, ocsp, len, now_s);

	error_out->text[0] = '\0';
	if (fault) {
		snprintf(error_out->text, sizeof(error_out->text), "%s", fault);
		return -EINVAL;
	}
	free(identity->ocsp);
	identity->ocsp = xmalloc(len);
	memcpy(identity->ocsp, ocsp, len);
	identity->ocsp_len = len;
	return 0;
}
