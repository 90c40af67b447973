/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chain and key, from PEM or PKCS#12 into credentials of GnuTLS. */
#include "common/base/log.h"
#include "common/net/tls_context.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

void
tls_set_error(struct tls_error *error, const char *what, int code)
{
	if (error)
		snprintf(error->text, sizeof(error->text), "%s: %s", what,
		    gnutls_strerror(code));
}

/* By its first bytes. */
static bool
is_java_store(const uint8_t *bytes, size_t len)
{
	static const uint8_t jks[4] = { 0xFE, 0xED, 0xFE, 0xED };
	static const uint8_t jceks[4] = { 0xCE, 0xCE, 0xCE, 0xCE };

	return len >= 4 &&
	       (memcmp(bytes, jks, 4) == 0 || memcmp(bytes, jceks, 4) == 0);
}

struct tls_server_material
tls_identity_material(const struct tls_identity *identity)
{
	return (struct tls_server_material){
		.certificate = (const uint8_t *)identity->chain,
		.certificate_len = strlen(identity->chain),
		.key = (const uint8_t *)identity->key,
		.key_len = strlen(identity->key),
		.ocsp = identity->ocsp,
		.ocsp_len = identity->ocsp_len,
		.path = "certificate and key",
		.opened = true,
	};
}

static gnutls_datum_t
datum(const uint8_t *bytes, size_t len)
{
	gnutls_datum_t datum = { .data = (unsigned char *)(uintptr_t)bytes,
		.size = (unsigned)len };

	return datum;
}

static int
refuse_jks(const char *path, struct tls_error *error)
{
	snprintf(error->text, sizeof(error->text),
	    "%s is a Java key store (JKS); convert it: keytool"
	    " -importkeystore -srckeystore %s -destkeystore %s.p12"
	    " -deststoretype pkcs12",
	    path, path, path);
	return -EINVAL;
}

static int
refuse(struct tls_error *error, const char *path, const char *what, int code)
{
	snprintf(error->text, sizeof(error->text), "%s: %s: %s", path, what,
	    gnutls_strerror(code));
	return -EINVAL;
}

static int
load_store(gnutls_certificate_credentials_t credentials,
    const struct tls_server_material *m, struct tls_error *error)
{
	gnutls_datum_t store = datum(m->store, m->store_len);
	int code;

	if (is_java_store(m->store, m->store_len))
		return refuse_jks(m->path, error);
	code = gnutls_certificate_set_x509_simple_pkcs12_mem(credentials,
	    &store, GNUTLS_X509_FMT_DER, m->password ? m->password : "");
	if (code < 0)
		return refuse(error, m->path,
		    "cannot be opened as PKCS#12 with the password given",
		    code);
	return 0;
}

static int
set_key(gnutls_certificate_credentials_t credentials,
    const struct tls_server_material *m, gnutls_x509_crt_t *chain,
    unsigned chain_len, struct tls_error *error)
{
	gnutls_datum_t bytes = datum(m->key, m->key_len);
	const char *path = m->key_path ? m->key_path : m->path;
	gnutls_x509_privkey_t key;
	int code;

	CHECK(gnutls_x509_privkey_init(&key) == 0);
	code = gnutls_x509_privkey_import2(key, &bytes, GNUTLS_X509_FMT_PEM,
	    m->password, 0);
	if (code < 0) {
		gnutls_x509_privkey_deinit(key);
		return refuse(error, path,
		    code == GNUTLS_E_DECRYPTION_FAILED
			? "the key cannot be opened with the password given"
			: "the key cannot be read",
		    code);
	}
	code = gnutls_certificate_set_x509_key(credentials, chain,
	    (int)chain_len, key);
	gnutls_x509_privkey_deinit(key);
	if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return refuse(error, path,
		    "the key does not belong to the certificate", code);
	return code < 0 ? refuse(error, path, "unusable", code) : 0;
}

static int
load_pem(gnutls_certificate_credentials_t credentials,
    const struct tls_server_material *m, struct tls_error *error)
{
	gnutls_datum_t bytes = datum(m->certificate, m->certificate_len);
	gnutls_x509_crt_t *chain = NULL;
	unsigned chain_len = 0, i;
	int code;

	if (is_java_store(m->certificate, m->certificate_len))
		return refuse_jks(m->path, error);
	code = gnutls_x509_crt_list_import2(&chain, &chain_len, &bytes,
	    GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
	if (code < 0)
		return refuse(error, m->path, "the certificate cannot be read",
		    code);
	code = set_key(credentials, m, chain, chain_len, error);
	for (i = 0; i < chain_len; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return code;
}

/* GnuTLS leaves it out when its time is over. */
static void
staple(gnutls_certificate_credentials_t credentials, unsigned index,
    const struct tls_server_material *m)
{
	gnutls_datum_t response = datum(m->ocsp, m->ocsp_len);
	int code = gnutls_certificate_set_ocsp_status_request_mem(credentials,
	    &response, index, GNUTLS_X509_FMT_DER);

	if (code < 0)
		log_at(LOG_WARNING, "no OCSP response is stapled error=\"%s\"",
		    gnutls_strerror(code));
}

int
tls_load_material(gnutls_certificate_credentials_t credentials, unsigned index,
    const struct tls_server_material *material, struct tls_error *error)
{
	int code;

	/* To try it is to sign and to verify: most of the work with RSA. */
	if (material->opened)
		gnutls_certificate_set_flags(credentials,
		    GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	code = material->store ? load_store(credentials, material, error)
			       : load_pem(credentials, material, error);

	if (code == 0 && material->ocsp)
		staple(credentials, index, material);
	return code;
}
