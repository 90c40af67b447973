/* SPDX-License-Identifier: Apache-2.0 */
/* Opened certificates as they are held, listed and described; tls_identity.c
 * opens them. */
#include "common/base/buf.h"
#include "common/net/digest.h"
#include "common/net/tls_context.h"
#include "common/net/tls_names.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "_xmpp-client"

_Static_assert(TLS_IDENTITY_DIGEST_BYTES == DIGEST_SHA256_BYTES,
    "an identity's digest is one of SHA-256");

static void
drop(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void
tls_identity_clear(struct tls_identity *identity)
{
	drop(identity->chain);
	drop(identity->key);
	free(identity->ocsp);
	free(identity->file);
	free(identity->hosts);
	*identity = (struct tls_identity){ 0 };
}

/* --- several --- */

bool
tls_identities_add(struct tls_identities *identities,
    struct tls_identity *identity)
{
	if (identities->count == TLS_IDENTITIES_MAX)
		return false;
	identities->all = xrealloc(identities->all,
	    (identities->count + 1) * sizeof(*identities->all));
	identities->all[identities->count++] = *identity;
	*identity = (struct tls_identity){ 0 };
	return true;
}

void
tls_identities_clear(struct tls_identities *identities)
{
	unsigned i;

	for (i = 0; i < identities->count; i++)
		tls_identity_clear(&identities->all[i]);
	free(identities->all);
	*identities = (struct tls_identities){ 0 };
}

/* --- what is known of them --- */

static void
add_host(void *context, const char *host)
{
	struct buf *hosts = context;

	if (buf_len(hosts) > 0)
		(void)buf_append_char(hosts, ' ');
	(void)buf_append_str(hosts, host);
}

static void
set_names(struct tls_identity *identity, const char *domain)
{
	gnutls_datum_t pem = { (void *)identity->chain,
		(unsigned)strlen(identity->chain) };
	gnutls_x509_crt_t leaf;
	struct buf hosts;

	buf_init(&hosts, 0);
	CHECK(gnutls_x509_crt_init(&leaf) == 0);
	identity->for_domain = false;
	if (gnutls_x509_crt_import(leaf, &pem, GNUTLS_X509_FMT_PEM) == 0) {
		tls_names_each_host(leaf, SERVICE, add_host, &hosts);
		identity->for_domain =
		    domain && tls_names_cover(leaf, domain, SERVICE);
	}
	gnutls_x509_crt_deinit(leaf);
	(void)buf_append_char(&hosts, '\0');
	free(identity->hosts);
	identity->hosts = xstrdup((const char *)buf_bytes(&hosts));
	buf_destroy(&hosts);
}

/* The NULs keep apart what changes place. */
static void
set_digest(struct tls_identity *identity)
{
	const struct digest_piece pieces[] = {
		{ identity->chain, strlen(identity->chain) + 1 },
		{ identity->key, strlen(identity->key) + 1 },
		{ identity->ocsp, identity->ocsp_len },
	};

	digest_sha256(pieces, ARRAY_LEN(pieces), identity->digest);
}

void
tls_identities_describe(struct tls_identities *identities, const char *domain)
{
	unsigned i;

	for (i = 0; i < identities->count; i++) {
		set_names(&identities->all[i], domain);
		set_digest(&identities->all[i]);
	}
}
