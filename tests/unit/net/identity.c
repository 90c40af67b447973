/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/identity.h"

#include "common/base/base.h"
#include "common/net/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/pkcs12.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *
take(gnutls_datum_t datum, size_t *len_out)
{
	uint8_t *copy = xcalloc((size_t)datum.size + 1, 1);

	memcpy(copy, datum.data, datum.size);
	*len_out = datum.size;
	gnutls_free(datum.data);
	return copy;
}

static void
set_other_name(gnutls_x509_crt_t crt, const struct identity_wish *wish)
{
	gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
	const char *name = wish->dns_name ? wish->dns_name : wish->name;

	if (wish->xmpp_address) {
		type = GNUTLS_SAN_OTHERNAME_XMPP;
		name = wish->xmpp_address;
	} else if (wish->srv_name) {
		type = GNUTLS_SAN_OTHERNAME_SRV;
		name = wish->srv_name;
	}
	CHECK(gnutls_x509_crt_set_subject_alt_name(crt, type, name,
		  (unsigned)strlen(name), 0) == 0);
}

static void
fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
    const struct identity_wish *wish)
{
	static uint8_t serial[] = { 1, 0, 0 };
	time_t now = time(NULL) + wish->shift_s;

	if (++serial[2] == 0)
		serial[1]++;
	CHECK(gnutls_x509_crt_set_version(crt, 3) == 0);
	CHECK(gnutls_x509_crt_set_key(crt, key) == 0);
	CHECK(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) == 0);
	CHECK(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
		  wish->name, (unsigned)strlen(wish->name)) == 0);
	set_other_name(crt, wish);
	CHECK(gnutls_x509_crt_set_basic_constraints(crt,
		  !wish->issuer || wish->may_issue, -1) == 0);
	CHECK(gnutls_x509_crt_set_activation_time(crt, now - 86400) == 0);
	CHECK(gnutls_x509_crt_set_expiration_time(crt,
		  wish->shift_s < 0 ? now - 60 : now + 86400) == 0);
}

static void
sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
    const struct identity *issuer, bool sha1)
{
	gnutls_digest_algorithm_t digest =
	    sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256;

	gnutls_x509_privkey_t issuer_key = key;
	gnutls_x509_crt_t issuer_crt = crt;
	gnutls_datum_t pem;

	if (issuer) {
		CHECK(gnutls_x509_crt_init(&issuer_crt) == 0);
		CHECK(gnutls_x509_privkey_init(&issuer_key) == 0);
		pem.data = issuer->certificate;
		pem.size = (unsigned)issuer->certificate_len;
		CHECK(gnutls_x509_crt_import(issuer_crt, &pem,
			  GNUTLS_X509_FMT_PEM) == 0);
		pem.data = issuer->key;
		pem.size = (unsigned)issuer->key_len;
		CHECK(gnutls_x509_privkey_import(issuer_key, &pem,
			  GNUTLS_X509_FMT_PEM) == 0);
	}
	if (gnutls_x509_privkey_get_pk_algorithm(issuer_key) ==
	    GNUTLS_PK_EDDSA_ED25519)
		digest = GNUTLS_DIG_SHA512; /* it has no other */
	CHECK(gnutls_x509_crt_sign2(crt, issuer_crt, issuer_key, digest, 0) ==
	      0);
	if (issuer) {
		gnutls_x509_crt_deinit(issuer_crt);
		gnutls_x509_privkey_deinit(issuer_key);
	}
}

static gnutls_x509_privkey_t
load_key(const struct identity *identity)
{
	gnutls_datum_t pem = { identity->key, (unsigned)identity->key_len };
	gnutls_x509_privkey_t key;

	CHECK(gnutls_x509_privkey_init(&key) == 0);
	CHECK(gnutls_x509_privkey_import(key, &pem, GNUTLS_X509_FMT_PEM) == 0);
	return key;
}

static gnutls_x509_privkey_t
make_key(const struct identity_wish *wish)
{
	int algorithm = wish->algorithm ? wish->algorithm : GNUTLS_PK_ECDSA;
	unsigned bits = wish->algorithm
			    ? wish->bits
			    : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	gnutls_x509_privkey_t key;

	if (wish->key_of)
		return load_key(wish->key_of);
	CHECK(gnutls_x509_privkey_init(&key) == 0);
	CHECK(gnutls_x509_privkey_generate(key,
		  (gnutls_pk_algorithm_t)algorithm, bits, 0) == 0);
	return key;
}

void
identity_make_as(struct identity *identity, const struct identity_wish *wish)
{
	gnutls_x509_privkey_t key = make_key(wish);
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;

	CHECK(gnutls_x509_crt_init(&crt) == 0);
	fill(crt, key, wish);
	sign(crt, key, wish->issuer, wish->sha1);
	CHECK(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0);
	identity->certificate = take(pem, &identity->certificate_len);
	CHECK(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
		  GNUTLS_PKCS_PLAIN, &pem) == 0);
	identity->key = take(pem, &identity->key_len);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void
identity_make(struct identity *identity, const char *name, long shift_s)
{
	struct identity_wish wish = { .name = name, .shift_s = shift_s };

	identity_make_as(identity, &wish);
}

void
identity_lock_key(struct identity *identity, const char *password)
{
	gnutls_x509_privkey_t key = load_key(identity);
	gnutls_datum_t pem;

	CHECK(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM,
		  password, GNUTLS_PKCS_PBES2_AES_256, &pem) == 0);
	free(identity->key);
	identity->key = take(pem, &identity->key_len);
	gnutls_x509_privkey_deinit(key);
}

static void
put_bag(gnutls_pkcs12_t store, gnutls_pkcs12_bag_type_t type,
    gnutls_datum_t content, const char *password)
{
	gnutls_datum_t id = { (unsigned char *)(uintptr_t) "1", 1 };
	gnutls_pkcs12_bag_t bag;
	int index;

	CHECK(gnutls_pkcs12_bag_init(&bag) == 0);
	index = gnutls_pkcs12_bag_set_data(bag, type, &content);
	CHECK(index >= 0);
	CHECK(gnutls_pkcs12_bag_set_key_id(bag, (unsigned)index, &id) == 0);
	if (type == GNUTLS_BAG_CERTIFICATE)
		CHECK(gnutls_pkcs12_bag_encrypt(bag, password,
			  GNUTLS_PKCS_PBES2_AES_256) == 0);
	CHECK(gnutls_pkcs12_set_bag(store, bag) == 0);
	gnutls_pkcs12_bag_deinit(bag);
}

uint8_t *
identity_store(const struct identity *identity, const char *password,
    size_t *len_out)
{
	gnutls_datum_t pem = { identity->certificate,
		(unsigned)identity->certificate_len };
	gnutls_x509_privkey_t key = load_key(identity);
	gnutls_datum_t der;
	gnutls_pkcs12_t store;

	CHECK(gnutls_pkcs12_init(&store) == 0);
	CHECK(gnutls_pem_base64_decode2("CERTIFICATE", &pem, &der) == 0);
	put_bag(store, GNUTLS_BAG_CERTIFICATE, der, password);
	gnutls_free(der.data);
	CHECK(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER,
		  password, GNUTLS_PKCS_PBES2_AES_256, &der) == 0);
	put_bag(store, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, der, password);
	gnutls_free(der.data);
	CHECK(gnutls_pkcs12_generate_mac2(store, GNUTLS_MAC_SHA256, password) ==
	      0);
	CHECK(gnutls_pkcs12_export2(store, GNUTLS_X509_FMT_DER, &der) == 0);
	gnutls_pkcs12_deinit(store);
	gnutls_x509_privkey_deinit(key);
	return take(der, len_out);
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

struct tls_server_material
identity_pem(const struct identity *identity, const char *password)
{
	struct tls_server_material material = {
		.certificate = identity->certificate,
		.certificate_len = identity->certificate_len,
		.key = identity->key,
		.key_len = identity->key_len,
		.password = password,
		.path = "conf/certificate.pem",
		.key_path = "conf/key.pem",
	};

	return material;
}
