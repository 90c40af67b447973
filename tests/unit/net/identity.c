/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/identity.h"

#include "common/base/base.h"
#include "common/net/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *
take(gnutls_datum_t datum, size_t *len_out)
{
	uint8_t *copy = xmalloc(datum.size);

	memcpy(copy, datum.data, datum.size);
	*len_out = datum.size;
	gnutls_free(datum.data);
	return copy;
}

void
identity_make(struct identity *identity, const char *name, long shift_s)
{
	static const uint8_t serial[] = { 1, 2, 3 };
	time_t now = time(NULL) + shift_s;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;

	CHECK(gnutls_x509_privkey_init(&key) == 0);
	CHECK(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
	CHECK(gnutls_x509_crt_init(&crt) == 0);
	CHECK(gnutls_x509_crt_set_version(crt, 3) == 0);
	CHECK(gnutls_x509_crt_set_key(crt, key) == 0);
	CHECK(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) == 0);
	CHECK(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
		  name, (unsigned)strlen(name)) == 0);
	CHECK(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME,
		  name, (unsigned)strlen(name), 0) == 0);
	CHECK(gnutls_x509_crt_set_basic_constraints(crt, 1, 0) == 0);
	CHECK(gnutls_x509_crt_set_activation_time(crt, now - 86400) == 0);
	CHECK(gnutls_x509_crt_set_expiration_time(crt,
		  shift_s < 0 ? now - 60 : now + 86400) == 0);
	CHECK(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0);
	CHECK(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0);
	identity->certificate = take(pem, &identity->certificate_len);
	CHECK(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) == 0);
	identity->key = take(pem, &identity->key_len);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void
identity_free(struct identity *identity)
{
	free(identity->certificate);
	free(identity->key);
}

int
identity_server(const struct identity *identity,
    struct tls_context **context_out, struct tls_error *error_out)
{
	struct tls_server_material material = {
		.certificate = identity->certificate,
		.certificate_len = identity->certificate_len,
		.key = identity->key,
		.key_len = identity->key_len,
		.path = "test",
	};

	return tls_context_new_server(&material, context_out, error_out);
}
