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
/* How long GnuTLS staples and believes what does not say until when. */
#define WITHOUT_END_S (15 * 86400)

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

/* Of the one answer, or the first. */
static enum ocsp_state
state_of_answer(gnutls_ocsp_resp_t response, int64_t now_s,
    int64_t *until_s_out)
{
	time_t from, until;
	unsigned status;

	if (gnutls_ocsp_resp_get_single(response, 0, NULL, NULL, NULL, NULL,
		&status, &from, &until, NULL, NULL) != 0)
		return OCSP_EMPTY;
	*until_s_out = until == (time_t)-1 ? from + WITHOUT_END_S : until;
	if (status == GNUTLS_OCSP_CERT_REVOKED)
		return OCSP_REVOKED;
	if (status != GNUTLS_OCSP_CERT_GOOD)
		return OCSP_UNKNOWN;
	if (from > now_s + SKEW_S)
		return OCSP_EARLY;
	return *until_s_out <= now_s ? OCSP_STALE : OCSP_FRESH;
}

static enum ocsp_state
state_of(gnutls_ocsp_resp_t response, const struct chain *chain, int64_t now_s,
    int64_t *until_s_out)
{
	if (gnutls_ocsp_resp_get_status(response) !=
	    GNUTLS_OCSP_RESP_SUCCESSFUL)
		return OCSP_ERROR;
	if (gnutls_ocsp_resp_check_crt(response, 0, chain->certificates[0]) !=
	    0)
		return OCSP_FOREIGN;
	if (!is_signed(response, chain))
		return OCSP_UNTRUSTED;
	return state_of_answer(response, now_s, until_s_out);
}

static enum ocsp_state
state_of_bytes(const uint8_t *bytes, size_t len, const struct chain *chain,
    int64_t now_s, int64_t *until_s_out)
{
	gnutls_datum_t der = { (void *)(uintptr_t)bytes, (unsigned)len };
	gnutls_ocsp_resp_t response;
	enum ocsp_state state = OCSP_UNREADABLE;

	CHECK(gnutls_ocsp_resp_init(&response) == 0);
	if (gnutls_ocsp_resp_import(response, &der) == 0)
		state = state_of(response, chain, now_s, until_s_out);
	gnutls_ocsp_resp_deinit(response);
	return state;
}

static struct ocsp_facts
read_facts(const char *pem, const uint8_t *bytes, size_t len, int64_t now_s)
{
	gnutls_datum_t text = { (void *)(uintptr_t)pem, (unsigned)strlen(pem) };
	struct ocsp_facts facts = { .state = OCSP_NO_CERTIFICATE };
	struct chain chain = { 0 };
	unsigned i;

	if (gnutls_x509_crt_list_import2(&chain.certificates, &chain.count,
		&text, GNUTLS_X509_FMT_PEM, 0) < 0)
		return facts;
	if (chain.count > 0)
		facts.state =
		    state_of_bytes(bytes, len, &chain, now_s, &facts.until_s);
	for (i = 0; i < chain.count; i++)
		gnutls_x509_crt_deinit(chain.certificates[i]);
	gnutls_free(chain.certificates);
	return facts;
}

static void
keep(struct tls_identity *identity, const uint8_t *ocsp, size_t len)
{
	free(identity->ocsp);
	identity->ocsp = len > 0 ? xmalloc(len) : NULL;
	if (len > 0)
		memcpy(identity->ocsp, ocsp, len);
	identity->ocsp_len = len;
}

int
tls_identity_staple(struct tls_identity *identity, const uint8_t *ocsp,
    size_t len, int64_t now_s, struct tls_error *error_out)
{
	const char *fault;

	identity->ocsp_facts = read_facts(identity->chain, ocsp, len, now_s);
	fault = ocsp_state_fault(identity->ocsp_facts.state);
	error_out->text[0] = '\0';
	if (fault)
		snprintf(error_out->text, sizeof(error_out->text), "%s", fault);
	keep(identity, ocsp, fault ? 0 : len);
	return fault ? -EINVAL : 0;
}
