/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_certificate.h"

#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/net/tls_context.h"
#include "common/net/tls_names.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE      "_xmpp-client"
#define RSA_BITS_MIN 2048u
#define ECC_BITS_MIN 256u

struct chain {
	gnutls_x509_crt_t *certificates;
	unsigned count;
};

/* --- one certificate --- */

static void
set_name(gnutls_x509_crt_t crt,
    int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned), char *text_out,
    size_t cap)
{
	gnutls_datum_t name;

	text_out[0] = '\0';
	if (get(crt, &name, 0) < 0)
		return;
	printable_copy(text_out, cap, (const char *)name.data, '?');
	gnutls_free(name.data);
}

static const char *
key_name(int algorithm)
{
	const char *name;

	if (algorithm == GNUTLS_PK_ECDSA)
		return "ECDSA";
	if (algorithm == GNUTLS_PK_EDDSA_ED25519)
		return "Ed25519";
	if (algorithm == GNUTLS_PK_EDDSA_ED448)
		return "Ed448";
	name = gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm);
	return name ? name : "unknown";
}

static bool
is_weak_key(int algorithm, unsigned bits)
{
	if (algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS)
		return bits < RSA_BITS_MIN;
	if (algorithm == GNUTLS_PK_ECDSA)
		return bits < ECC_BITS_MIN;
	return algorithm != GNUTLS_PK_EDDSA_ED25519 &&
	       algorithm != GNUTLS_PK_EDDSA_ED448;
}

static void
set_key(gnutls_x509_crt_t crt, struct certificate_facts *facts)
{
	unsigned bits = 0;
	int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

	snprintf(facts->key, sizeof(facts->key), "%s %u", key_name(algorithm),
	    bits);
	if (is_weak_key(algorithm, bits))
		facts->faults |= FINDING_MASK(WEAK_KEY);
}

/* Nobody looks at an authority's own. */
static void
set_signature(gnutls_x509_crt_t crt, bool selfsigned,
    struct certificate_facts *facts)
{
	int algorithm = gnutls_x509_crt_get_signature_algorithm(crt);
	const char *name =
	    gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm);

	snprintf(facts->signature, sizeof(facts->signature), "%s",
	    name ? name : "unknown");
	if (selfsigned && (facts->role == CERTIFICATE_INTERMEDIATE ||
			      facts->role == CERTIFICATE_HTTP_INTERMEDIATE ||
			      facts->role == CERTIFICATE_AUTHORITY))
		return;
	if (!gnutls_sign_is_secure2((gnutls_sign_algorithm_t)algorithm,
		GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
		facts->faults |= FINDING_MASK(WEAK_SIGNATURE);
}

static void
set_fingerprint(gnutls_x509_crt_t crt, struct certificate_facts *facts)
{
	uint8_t digest[32] = { 0 };
	size_t len = sizeof(digest), i;

	(void)gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest,
	    &len);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(facts->sha256 + 2 * i, 3, "%02x", digest[i]);
}

/* domain NULL: it is to be for nobody. */
static void
read_facts(gnutls_x509_crt_t crt, enum certificate_role role,
    const char *domain, struct certificate_facts *facts_out)
{
	bool selfsigned = tls_is_selfsigned(crt);
	const char *service = role == CERTIFICATE_CLIENTS ? SERVICE : NULL;

	*facts_out = (struct certificate_facts){
		.role = role,
		.not_before_s = gnutls_x509_crt_get_activation_time(crt),
		.not_after_s = gnutls_x509_crt_get_expiration_time(crt),
	};
	set_name(crt, gnutls_x509_crt_get_dn3, facts_out->subject,
	    sizeof(facts_out->subject));
	set_name(crt, gnutls_x509_crt_get_issuer_dn3, facts_out->issuer,
	    sizeof(facts_out->issuer));
	tls_names_print(crt, facts_out->names, sizeof(facts_out->names));
	set_fingerprint(crt, facts_out);
	set_key(crt, facts_out);
	set_signature(crt, selfsigned, facts_out);
	if (selfsigned &&
	    (role == CERTIFICATE_CLIENTS || role == CERTIFICATE_HTTP))
		facts_out->faults |= FINDING_MASK(SELF_SIGNED);
	if (domain && !tls_names_cover(crt, domain, service))
		facts_out->faults |= FINDING_MASK(WRONG_NAME);
}

/* --- the chain --- */

/* NULL when the system has no authorities. */
static gnutls_x509_trust_list_t
open_system(const char *pem)
{
	gnutls_x509_trust_list_t list;
	gnutls_datum_t bytes = { (void *)(uintptr_t)pem,
		pem ? (unsigned)strlen(pem) : 0 };
	int count;

	CHECK(gnutls_x509_trust_list_init(&list, 0) == 0);
	count = pem ? gnutls_x509_trust_list_add_trust_mem(list, &bytes, NULL,
			  GNUTLS_X509_FMT_PEM, 0, 0)
		    : gnutls_x509_trust_list_add_system_trust(list, 0, 0);
	if (count > 0)
		return list;
	gnutls_x509_trust_list_deinit(list, 1);
	return NULL;
}

static gnutls_x509_crt_t
issuer_in(const struct chain *chain, gnutls_x509_crt_t crt)
{
	unsigned i;

	for (i = 0; i < chain->count; i++)
		if (chain->certificates[i] != crt &&
		    gnutls_x509_crt_check_issuer(crt, chain->certificates[i]))
			return chain->certificates[i];
	return NULL;
}

/* The one whose issuer cannot be found, NULL when the chain is whole. Two may
 * have issued each other: no chain is longer than all that are there. */
static gnutls_x509_crt_t
find_break(const struct chain *chain, gnutls_x509_trust_list_t system)
{
	gnutls_x509_crt_t at = chain->certificates[0], issuer;
	unsigned steps;

	for (steps = 0; steps < chain->count; steps++) {
		if (gnutls_x509_crt_check_issuer(at, at) ||
		    gnutls_x509_trust_list_get_issuer(system, at, &issuer, 0) ==
			0)
			return NULL;
		issuer = issuer_in(chain, at);
		if (!issuer)
			return at;
		at = issuer;
	}
	return at;
}

/* `system` NULL: not known. */
static void
check_chain(const struct chain *chain, gnutls_x509_trust_list_t system,
    struct certificate_facts *facts)
{
	gnutls_x509_crt_t at;

	if (!system || gnutls_x509_crt_check_issuer(chain->certificates[0],
			   chain->certificates[0]))
		return;
	at = find_break(chain, system);
	if (!at)
		return;
	facts->faults |= FINDING_MASK(INCOMPLETE_CHAIN);
	set_name(at, gnutls_x509_crt_get_issuer_dn3, facts->missing,
	    sizeof(facts->missing));
}

/* --- texts --- */

static bool
open_chain(const void *pem, size_t len, struct chain *chain_out)
{
	gnutls_datum_t bytes = { (void *)(uintptr_t)pem, (unsigned)len };

	*chain_out = (struct chain){ 0 };
	return gnutls_x509_crt_list_import2(&chain_out->certificates,
		   &chain_out->count, &bytes, GNUTLS_X509_FMT_PEM, 0) >= 0 &&
	       chain_out->count > 0;
}

static void
close_chain(struct chain *chain)
{
	unsigned i;

	for (i = 0; i < chain->count; i++)
		gnutls_x509_crt_deinit(chain->certificates[i]);
	gnutls_free(chain->certificates);
}

static bool
has(const struct certificate_list *list, const struct certificate_facts *facts)
{
	unsigned i;

	for (i = 0; i < list->count; i++)
		if (list->rows[i].role == facts->role &&
		    strcmp(list->rows[i].sha256, facts->sha256) == 0)
			return true;
	return false;
}

/* A bit for each domain that it is for. */
static uint64_t
find_domains(gnutls_x509_crt_t crt, const struct certificate_domains *domains)
{
	uint64_t found = 0;
	unsigned i;

	for (i = 0; i < domains->count; i++)
		if (tls_names_cover(crt, domains->names[i], SERVICE))
			found |= 1ull << i;
	return found;
}

/* The domains that its first certificate is for. */
static uint64_t
add_shown(const struct certificate_source *source,
    const struct certificate_domains *domains, gnutls_x509_trust_list_t system,
    struct certificate_list *list)
{
	struct certificate_facts facts;
	struct chain chain;
	uint64_t covered;
	unsigned i;

	if (!open_chain(source->pem, strlen(source->pem), &chain))
		return 0;
	for (i = 0; i < chain.count; i++) {
		read_facts(chain.certificates[i],
		    i == 0 ? CERTIFICATE_CLIENTS : CERTIFICATE_INTERMEDIATE,
		    NULL, &facts);
		(void)snprintf(facts.file, sizeof(facts.file), "%s",
		    source->file ? source->file : "");
		if (i == 0) {
			facts.ocsp = source->ocsp;
			check_chain(&chain, system, &facts);
		}
		if (i == 0 || !has(list, &facts))
			certificate_list_add(list, &facts);
	}
	covered = find_domains(chain.certificates[0], domains);
	close_chain(&chain);
	return covered;
}

void
tls_certificates_shown(const struct certificate_source *sources, size_t count,
    const struct certificate_domains *domains, const char *system_pem,
    struct certificate_list *list)
{
	gnutls_x509_trust_list_t system = open_system(system_pem);
	unsigned first = list->count;
	uint64_t covered = 0, all = UINT64_MAX >> (64 - domains->count);
	size_t i;

	for (i = 0; i < count; i++)
		covered |= add_shown(&sources[i], domains, system, list);
	if (covered != all && list->count > first)
		list->rows[first].faults |= FINDING_MASK(WRONG_NAME);
	if (system)
		gnutls_x509_trust_list_deinit(system, 1);
}

void
tls_certificates_of_http(const char *pem, struct certificate_list *list)
{
	struct certificate_facts facts;
	struct chain chain;
	unsigned i;

	if (!open_chain(pem, strlen(pem), &chain))
		return;
	for (i = 0; i < chain.count; i++) {
		read_facts(chain.certificates[i],
		    i == 0 ? CERTIFICATE_HTTP : CERTIFICATE_HTTP_INTERMEDIATE,
		    NULL, &facts);
		certificate_list_add(list, &facts);
	}
	close_chain(&chain);
}

static int
by_end(const void *a, const void *b)
{
	time_t x, y;

	x = gnutls_x509_crt_get_expiration_time(*(const gnutls_x509_crt_t *)a);
	y = gnutls_x509_crt_get_expiration_time(*(const gnutls_x509_crt_t *)b);
	return (x > y) - (x < y);
}

void
tls_certificates_trusted(const uint8_t *pem, size_t len,
    struct certificate_list *list)
{
	struct certificate_facts facts;
	struct chain chain;
	unsigned i;

	if (!open_chain(pem, len, &chain))
		return;
	qsort(chain.certificates, chain.count, sizeof(gnutls_x509_crt_t),
	    by_end);
	for (i = 0; i < chain.count; i++) {
		read_facts(chain.certificates[i], CERTIFICATE_AUTHORITY, NULL,
		    &facts);
		certificate_list_add(list, &facts);
	}
	close_chain(&chain);
}

/* --- the server's --- */

bool
tls_peer_facts(const struct tls_context *context, gnutls_session_t session,
    const char *name, struct certificate_facts *facts_out)
{
	unsigned count = 0, status = 0;
	const gnutls_datum_t *shown =
	    gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t crt;
	bool read;

	if (!shown || count == 0 || gnutls_x509_crt_init(&crt) != 0)
		return false;
	read = gnutls_x509_crt_import(crt, &shown[0], GNUTLS_X509_FMT_DER) == 0;
	if (read)
		read_facts(crt, CERTIFICATE_SERVER, name, facts_out);
	if (read && context->verify.verify && context->verify.check_chain &&
	    !tls_is_selfsigned(crt) &&
	    gnutls_certificate_verify_peers2(session, &status) == 0 &&
	    (status & GNUTLS_CERT_SIGNER_NOT_FOUND)) {
		facts_out->faults |= FINDING_MASK(INCOMPLETE_CHAIN);
		memcpy(facts_out->missing, facts_out->issuer,
		    sizeof(facts_out->missing));
	}
	gnutls_x509_crt_deinit(crt);
	return read;
}
