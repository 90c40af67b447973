/* SPDX-License-Identifier: Apache-2.0 */
/* What keys and stores are taken, and whom a client trusts. */
#include "common/base/log.h"
#include "common/net/tls.h"
#include "common/net/tls_certificate.h"
#include "common/net/transport.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PASSWORD "correct horse"

static struct identity authority, own;
static struct tls_error why;
static struct certificate_facts shown; /* by the server; no subject: nothing */

static void
setup(void)
{
	struct identity_wish wish = { .name = "xmpp.example",
		.issuer = &authority };

	identity_make(&authority, "Authority", 0);
	identity_make_as(&own, &wish);
}

static void
teardown(void)
{
	identity_free(&authority);
	identity_free(&own);
}

/* 0, or the error with its reason in `why` and no context. */
static int
load(const struct tls_server_material *material)
{
	struct tls_context *context;
	int error = tls_context_new_server(material, &context, &why);

	if (error)
		ck_assert_ptr_null(context);
	ck_assert_int_eq(error != 0, why.text[0] != '\0');
	ck_assert_ptr_null(strstr(why.text, PASSWORD));
	tls_context_free(&context);
	return error;
}

START_TEST(test_a_locked_key_needs_its_password)
{
	struct tls_server_material material;

	identity_lock_key(&own, PASSWORD);
	material = identity_pem(&own, PASSWORD);
	ck_assert_int_eq(load(&material), 0);
	material = identity_pem(&own, "wrong");
	ck_assert_int_eq(load(&material), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "conf/key.pem"));
	ck_assert_ptr_nonnull(strstr(why.text, "password"));
	material = identity_pem(&own, NULL);
	ck_assert_int_eq(load(&material), -EINVAL);
}
END_TEST

START_TEST(test_a_store_needs_its_password)
{
	struct tls_server_material material = { .path = "conf/store.p12",
		.password = PASSWORD };
	uint8_t *store = identity_store(&own, PASSWORD, &material.store_len);

	material.store = store;
	ck_assert_int_eq(load(&material), 0);
	material.password = "wrong";
	ck_assert_int_eq(load(&material), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "conf/store.p12"));
	ck_assert_ptr_nonnull(strstr(why.text, "password"));
	material.password = NULL;
	ck_assert_int_eq(load(&material), -EINVAL);
	free(store);
}
END_TEST

START_TEST(test_a_store_cut_short_is_refused)
{
	struct tls_server_material material = { .path = "conf/store.p12",
		.password = PASSWORD };
	size_t whole;
	uint8_t *store = identity_store(&own, PASSWORD, &whole);

	material.store = store;
	for (material.store_len = 0; material.store_len < whole;
	     material.store_len += 7)
		ck_assert_int_eq(load(&material), -EINVAL);
	free(store);
}
END_TEST

START_TEST(test_what_is_no_pem_is_refused)
{
	static const uint8_t junk[] = "-----BEGIN CERTIFICATE-----\nAA\n";
	struct tls_server_material material = identity_pem(&own, NULL);

	material.certificate = junk;
	material.certificate_len = sizeof(junk) - 1;
	ck_assert_int_eq(load(&material), -EINVAL);
	material.certificate_len = 0;
	ck_assert_int_eq(load(&material), -EINVAL);
	material = identity_pem(&own, NULL);
	material.key = junk;
	material.key_len = sizeof(junk) - 1;
	ck_assert_int_eq(load(&material), -EINVAL);
}
END_TEST

static const uint8_t java_stores[][5] = {
	{ 0xFE, 0xED, 0xFE, 0xED, 0 },
	{ 0xCE, 0xCE, 0xCE, 0xCE, 0 },
};

START_TEST(test_java_stores_are_known_by_their_magic)
{
	struct tls_server_material material = identity_pem(&own, NULL);

	material.certificate = java_stores[_i];
	material.certificate_len = sizeof(java_stores[_i]);
	material.path = "security/keystore";
	ck_assert_int_eq(load(&material), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text,
	    "keytool -importkeystore -srckeystore security/keystore "
	    "-destkeystore security/keystore.p12 -deststoretype pkcs12"));
	material.certificate_len = 3;
	ck_assert_int_eq(load(&material), -EINVAL);
	ck_assert_ptr_null(strstr(why.text, "keytool"));
}
END_TEST

/* Shakes hands with a server of `identity`; the reason of a refusal in why. */
static bool
is_trusted(const struct identity *identity, const struct tls_verify *verify,
    const char *name)
{
	enum io_result a = IO_AGAIN, b = IO_AGAIN;
	struct tls_context *server, *client;
	struct transport one, two;
	int ends[2], turns;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	ck_assert_int_eq(identity_server(identity, &server, &why), 0);
	ck_assert_int_eq(tls_context_new_client(verify, &client, &why), 0);
	transport_init(&one, ends[0]);
	transport_init(&two, ends[1]);
	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, name);
	for (turns = 0; turns < 100 && b == IO_AGAIN; turns++) {
		if (a == IO_AGAIN)
			a = transport_handshake(&one, NULL);
		b = transport_handshake(&two, &why);
	}
	ck_assert_msg(b == IO_OK || b == IO_FAILED,
	    "the handshake should come to an end, not to %d", (int)b);
	ck_assert_int_eq(b == IO_FAILED, why.text[0] != '\0');
	if (!transport_peer_certificate(&two, name, &shown))
		shown = (struct certificate_facts){ 0 };
	ck_assert_msg(!transport_peer_certificate(&one, name,
			  &(struct certificate_facts){ 0 }),
	    "the client should have shown no certificate");
	transport_destroy(&one);
	transport_destroy(&two);
	tls_context_free(&server);
	tls_context_free(&client);
	close(ends[0]);
	close(ends[1]);
	return b == IO_OK;
}

static void
expect_trusted(const struct identity *identity, const struct tls_verify *verify,
    const char *name)
{
	ck_assert_msg(is_trusted(identity, verify, name),
	    "the server should be trusted as %s, not refused: %s", name,
	    why.text);
}

static void
expect_refused(const struct identity *identity, const struct tls_verify *verify,
    const char *name)
{
	ck_assert_msg(!is_trusted(identity, verify, name),
	    "the server should be refused as %s", name);
}

static struct tls_verify
strict(const struct identity *trusted)
{
	struct tls_verify verify = {
		.verify = true, .check_chain = true, .check_validity = true
	};

	if (trusted) {
		verify.authorities = trusted->certificate;
		verify.authorities_len = trusted->certificate_len;
	}
	return verify;
}

static void
make_expired(struct identity *identity_out)
{
	const struct identity_wish wish = {
		.name = "xmpp.example", .issuer = &authority, .shift_s = -86400
	};

	identity_make_as(identity_out, &wish);
}

START_TEST(test_trust_comes_from_the_signer_not_from_being_selfsigned)
{
	struct tls_verify verify = strict(&authority);
	struct tls_verify strange = strict(NULL);

	expect_trusted(&own, &verify, "xmpp.example");
	expect_refused(&own, &strange, "xmpp.example");
	ck_assert_ptr_nonnull(strstr(why.text, "not accepted"));
	/* Not its own signer: the option does not help it. */
	strange.accept_selfsigned = true;
	expect_refused(&own, &strange, "xmpp.example");
}
END_TEST

/* Above all where it was refused. */
START_TEST(test_what_the_server_shows_is_looked_at_whatever_comes_of_it)
{
	struct tls_verify verify = strict(&authority);
	struct identity old;

	expect_trusted(&own, &verify, "xmpp.example");
	ck_assert_str_eq(shown.subject, "CN=xmpp.example");
	ck_assert_uint_eq(shown.role, CERTIFICATE_SERVER);
	ck_assert_uint_eq(shown.faults, 0);
	expect_refused(&own, &verify, "other.example");
	ck_assert_uint_eq(shown.faults, FINDING_MASK(WRONG_NAME));
	make_expired(&old);
	expect_refused(&old, &verify, "xmpp.example");
	ck_assert_uint_eq(certificate_judge(&shown, time(NULL), 0),
	    FINDING_MASK(EXPIRED));
	identity_free(&old);
	verify = strict(NULL);
	expect_refused(&own, &verify, "xmpp.example");
	ck_assert_uint_eq(shown.faults, FINDING_MASK(INCOMPLETE_CHAIN));
	ck_assert_str_eq(shown.missing, "CN=Authority");
	verify.verify = false;
	expect_trusted(&own, &verify, "xmpp.example");
	ck_assert_uint_eq(shown.faults, 0);
	ck_assert_str_eq(shown.subject, "CN=xmpp.example");
}
END_TEST

START_TEST(test_an_option_lifts_the_chain_but_not_the_name)
{
	struct tls_verify verify = strict(NULL);

	verify.check_chain = false;
	expect_trusted(&own, &verify, "xmpp.example");
	expect_refused(&own, &verify, "other.example");
	verify.verify = false;
	expect_trusted(&own, &verify, "other.example");
}
END_TEST

START_TEST(test_an_option_lifts_the_dates_alone)
{
	struct tls_verify verify = strict(&authority);
	struct identity old;

	make_expired(&old);
	expect_refused(&old, &verify, "xmpp.example");
	ck_assert_ptr_nonnull(strstr(why.text, "expired"));
	verify.check_validity = false;
	expect_trusted(&old, &verify, "xmpp.example");
	verify = strict(NULL);
	verify.check_validity = false;
	expect_refused(&old, &verify, "xmpp.example");
	identity_free(&old);
}
END_TEST

START_TEST(test_a_star_stands_for_one_label_on_the_left)
{
	struct identity_wish wish = { .name = "*.example.org",
		.issuer = &authority };
	struct tls_verify verify = strict(&authority);
	struct identity star;

	identity_make_as(&star, &wish);
	expect_trusted(&star, &verify, "xmpp.example.org");
	expect_refused(&star, &verify, "example.org");
	expect_refused(&star, &verify, "a.b.example.org");
	identity_free(&star);
	wish.name = "xmpp.*.org";
	identity_make_as(&star, &wish);
	expect_refused(&star, &verify, "xmpp.example.org");
	identity_free(&star);
}
END_TEST

START_TEST(test_an_xmpp_address_names_the_domain)
{
	struct identity_wish wish = { .name = "host.example",
		.issuer = &authority,
		.xmpp_address = "xmpp.example" };
	struct tls_verify verify = strict(&authority);
	struct identity named;

	identity_make_as(&named, &wish);
	expect_trusted(&named, &verify, "xmpp.example");
	expect_trusted(&named, &verify, "XMPP.example");
	expect_refused(&named, &verify, "xmpp.exampl");
	expect_refused(&named, &verify, "a.xmpp.example");
	identity_free(&named);
}
END_TEST

START_TEST(test_a_bundle_without_certificates_is_refused)
{
	static const uint8_t junk[] = "no certificate here\n";
	struct tls_verify verify = strict(NULL);
	struct tls_context *client;

	verify.authorities = junk;
	verify.authorities_len = sizeof(junk) - 1;
	ck_assert_int_eq(tls_context_new_client(&verify, &client, &why),
	    -EINVAL);
	ck_assert_ptr_null(client);
	ck_assert_ptr_nonnull(strstr(why.text, "authorities"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tcase = tcase_create("tls");

	log_init("test", LOG_ERROR);
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_a_locked_key_needs_its_password);
	tcase_add_test(tcase, test_a_store_needs_its_password);
	tcase_add_test(tcase, test_a_store_cut_short_is_refused);
	tcase_add_test(tcase, test_what_is_no_pem_is_refused);
	tcase_add_loop_test(tcase, test_java_stores_are_known_by_their_magic, 0,
	    ARRAY_LEN(java_stores));
	tcase_add_test(tcase,
	    test_trust_comes_from_the_signer_not_from_being_selfsigned);
	tcase_add_test(tcase,
	    test_what_the_server_shows_is_looked_at_whatever_comes_of_it);
	tcase_add_test(tcase, test_an_option_lifts_the_chain_but_not_the_name);
	tcase_add_test(tcase, test_an_option_lifts_the_dates_alone);
	tcase_add_test(tcase, test_a_star_stands_for_one_label_on_the_left);
	tcase_add_test(tcase, test_an_xmpp_address_names_the_domain);
	tcase_add_test(tcase, test_a_bundle_without_certificates_is_refused);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
