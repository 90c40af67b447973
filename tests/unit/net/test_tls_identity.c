/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of the files that have a server's certificate and key. */
#include "common/base/log.h"
#include "common/net/tls.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD "correct horse"

static struct identity authority, own;
static struct tls_identity opened;
static struct tls_error why;

static void
setup(void)
{
	identity_make(&authority, "Authority", 0);
}

static void
teardown(void)
{
	tls_identity_clear(&opened);
	identity_free(&authority);
	identity_free(&own);
}

static void
make_own(int algorithm, unsigned bits)
{
	struct identity_wish wish = { .name = "xmpp.example",
		.issuer = &authority,
		.algorithm = algorithm,
		.bits = bits };

	identity_free(&own);
	identity_make_as(&own, &wish);
}

static int
open_pem(const char *certificate, const char *password)
{
	struct tls_server_material material = identity_pem(&own, password);

	material.certificate = (const uint8_t *)certificate;
	material.certificate_len = strlen(certificate);
	tls_identity_clear(&opened);
	return tls_identity_open(&material, &opened, &why);
}

static int
open_store(const char *password)
{
	struct tls_server_material material = { .path = "conf/store.p12",
		.password = password };
	uint8_t *store = identity_store(&own, PASSWORD, &material.store_len);
	int error;

	material.store = store;
	tls_identity_clear(&opened);
	error = tls_identity_open(&material, &opened, &why);
	free(store);
	return error;
}

static void
ck_opened(const char *chain, const char *key)
{
	struct tls_server_material material = tls_identity_material(&opened);
	struct tls_context *context;

	ck_assert_str_eq(opened.chain, chain);
	ck_assert_str_eq(opened.key, key);
	ck_assert_int_eq(tls_context_new_server(&material, &context, &why), 0);
	tls_context_free(&context);
}

static void
ck_refused(int error, const char *path, const char *reason)
{
	ck_assert_int_eq(error, -EINVAL);
	ck_assert_ptr_null(opened.chain);
	ck_assert_ptr_null(opened.key);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_ptr_nonnull(strstr(why.text, reason));
	ck_assert_ptr_null(strstr(why.text, PASSWORD));
}

static const struct {
	int algorithm;
	unsigned bits;
} kinds[] = {
	{ GNUTLS_PK_RSA, 2048 },
	{ GNUTLS_PK_RSA_PSS, 2048 },
	{ GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
	{ GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) },
	{ GNUTLS_PK_EDDSA_ED25519, 0 },
	{ GNUTLS_PK_EDDSA_ED448, 0 },
};

START_TEST(test_a_locked_key_comes_out_as_it_went_in)
{
	char *key;

	make_own(kinds[_i].algorithm, kinds[_i].bits);
	key = xstrdup((const char *)own.key);
	identity_lock_key(&own, PASSWORD);
	ck_assert_ptr_null(strstr((const char *)own.key, key));
	ck_assert_int_eq(open_pem((const char *)own.certificate, PASSWORD), 0);
	ck_opened((const char *)own.certificate, key);
	free(key);
}
END_TEST

START_TEST(test_a_key_comes_out_of_a_store)
{
	make_own(kinds[_i].algorithm, kinds[_i].bits);
	ck_assert_int_eq(open_store(PASSWORD), 0);
	ck_opened((const char *)own.certificate, (const char *)own.key);
}
END_TEST

/* And nothing else that stood in the file. */
START_TEST(test_a_chain_stays_whole_and_in_order)
{
	char chain[8192], file[16384];

	make_own(0, 0);
	(void)snprintf(chain, sizeof(chain), "%s%s",
	    (const char *)own.certificate, (const char *)authority.certificate);
	(void)snprintf(file, sizeof(file), "%sA remark.\n%s",
	    (const char *)own.key, chain);
	ck_assert_int_eq(open_pem(file, NULL), 0);
	ck_opened(chain, (const char *)own.key);
}
END_TEST

START_TEST(test_what_cannot_be_used_is_not_opened)
{
	make_own(0, 0);
	ck_refused(open_store("wrong"), "conf/store.p12", "password");
	ck_refused(open_store(NULL), "conf/store.p12", "password");
	ck_refused(open_pem("", NULL), "conf/certificate.pem",
	    "the certificate cannot be read");
	ck_refused(open_pem((const char *)authority.certificate, NULL),
	    "conf/key.pem", "does not belong to the certificate");
	identity_lock_key(&own, PASSWORD);
	ck_refused(open_pem((const char *)own.certificate, "wrong"),
	    "conf/key.pem", "cannot be opened with the password");
}
END_TEST

/* Each worker does this at each reload, in one piece. */
START_TEST(test_what_has_been_opened_is_not_tried_again)
{
	struct tls_server_material material;
	struct tls_context *context;

	make_own(GNUTLS_PK_RSA, 2048);
	ck_assert_int_eq(open_pem((const char *)own.certificate, NULL), 0);
	free(opened.chain);
	opened.chain = xstrdup((const char *)authority.certificate);
	material = tls_identity_material(&opened);
	ck_assert_int_eq(tls_context_new_server(&material, &context, &why), 0);
	tls_context_free(&context);
	material.opened = false;
	ck_assert_int_eq(tls_context_new_server(&material, &context, &why),
	    -EINVAL);
}
END_TEST

/* The one that is opened, for this domain. */
static void
describe(const char *domain)
{
	struct tls_identities identities = { .all = &opened, .count = 1 };

	tls_identities_describe(&identities, domain);
}

static const struct {
	struct identity_wish wish;
	const char *hosts;
	bool for_domain;
} described[] = {
	{ { .name = "IM.xmpp.example" }, "im.xmpp.example", true },
	{ { .name = "x", .dns_name = "*.Xmpp.Example" }, "*.xmpp.example",
	    true },
	{ { .name = "x", .dns_name = "a.example" }, "a.example", false },
	{ { .name = "x", .xmpp_address = "im.xmpp.example" }, "im.xmpp.example",
	    true },
	{ { .name = "x", .srv_name = "_xmpp-client.im.xmpp.example" },
	    "im.xmpp.example", true },
	{ { .name = "x", .srv_name = "_xmpp-server.im.xmpp.example" }, "x",
	    false },
	{ { .name = "no host", .dns_name = "no host" }, "", false },
};

START_TEST(test_it_is_known_whom_one_is_for)
{
	identity_make_as(&own, &described[_i].wish);
	ck_assert_int_eq(open_pem((const char *)own.certificate, NULL), 0);
	describe("im.xmpp.example");
	ck_assert_str_eq(opened.hosts, described[_i].hosts);
	ck_assert_int_eq(opened.for_domain, described[_i].for_domain);
	describe("elsewhere.test");
	ck_assert_str_eq(opened.hosts, described[_i].hosts);
	ck_assert_int_eq(opened.for_domain, false);
	describe(NULL);
	ck_assert_int_eq(opened.for_domain, false);
}
END_TEST

static void
ck_digest_is(const uint8_t *before, bool same)
{
	describe("im.xmpp.example");
	ck_assert_int_eq(memcmp(opened.digest, before, sizeof(opened.digest)) ==
			     0,
	    same);
}

/* And by nothing else, such as the domain or its file. */
START_TEST(test_it_is_known_again_by_all_that_is_shown)
{
	uint8_t before[TLS_IDENTITY_DIGEST_BYTES];

	make_own(0, 0);
	ck_assert_int_eq(open_pem((const char *)own.certificate, NULL), 0);
	describe("elsewhere.test");
	memcpy(before, opened.digest, sizeof(before));
	opened.file = xstrdup("other.pem");
	ck_digest_is(before, true);
	opened.ocsp = (uint8_t *)xstrdup("of it");
	opened.ocsp_len = 5;
	ck_digest_is(before, false);
	opened.ocsp_len = 0;
	ck_digest_is(before, true);
	opened.chain[strlen(opened.chain) - 1] = ' ';
	ck_digest_is(before, false);
	opened.chain[strlen(opened.chain) - 1] = '\n';
	opened.key[strlen(opened.key) - 1] = ' ';
	ck_digest_is(before, false);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_identity");
	TCase *tcase = tcase_create("tls_identity");
	int count = (int)ARRAY_LEN(kinds);

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_a_locked_key_comes_out_as_it_went_in, 0,
	    count);
	tcase_add_loop_test(tcase, test_a_key_comes_out_of_a_store, 0, count);
	tcase_add_test(tcase, test_a_chain_stays_whole_and_in_order);
	tcase_add_test(tcase, test_what_cannot_be_used_is_not_opened);
	tcase_add_test(tcase, test_what_has_been_opened_is_not_tried_again);
	tcase_add_loop_test(tcase, test_it_is_known_whom_one_is_for, 0,
	    (int)ARRAY_LEN(described));
	tcase_add_test(tcase, test_it_is_known_again_by_all_that_is_shown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
