/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificate a client is shown, by the name that it sends and by what it
 * can verify: seen by a GnuTLS client behind real handshakes.
 */
#include "common/net/tls.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"
#include "tests/unit/net/ocsp_answer.h"
#include "tests/unit/net/tls_peer.h"

#include <check.h>
#include <gnutls/gnutls.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DOMAIN "xmpp.example"
#define TLS12  "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13  "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define RSA \
	":-KX-ALL:+ECDHE-RSA:-SIGN-ALL:+SIGN-RSA-SHA256:+SIGN-RSA-PSS-RSAE-" \
	"SHA256"
#define ECDSA \
	":-KX-ALL:+ECDHE-ECDSA:-SIGN-ALL:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-" \
	"SECP256R1-SHA256"

static const char *const versions[] = { TLS12, TLS13 };

static struct tls_identities identities;
static struct tls_context *context;
static bool stapled;            /* an OCSP response */
static uint8_t ticket_byte = 1; /* of the server's key */
static char shown[128];         /* subject, "": nothing */

/* Its name is its subject; what it is for is in the wish. */
static void
add(const struct identity_wish *wish)
{
	struct tls_identity opened;
	struct tls_error error;
	struct identity made;
	struct tls_server_material material = { .path = "test" };

	identity_make_as(&made, wish);
	material.certificate = made.certificate;
	material.certificate_len = made.certificate_len;
	material.key = made.key;
	material.key_len = made.key_len;
	ck_assert_int_eq(tls_identity_open(&material, &opened, &error), 0);
	ck_assert_int_eq(tls_identities_add(&identities, &opened), true);
	identity_free(&made);
}

static void
add_for(const char *subject, const char *host)
{
	const struct identity_wish wish = { .name = subject, .dns_name = host };

	add(&wish);
}

static void
add_rsa(const char *subject, const char *host)
{
	const struct identity_wish wish = { .name = subject,
		.dns_name = host,
		.algorithm = GNUTLS_PK_RSA,
		.bits = 2048 };

	add(&wish);
}

static void
setup(void)
{
}

static void
teardown(void)
{
	tls_peer_forget_ticket();
	tls_context_free(&context);
	tls_identities_clear(&identities);
}

static void
serve(void)
{
	uint8_t key[TLS_TICKET_KEY_BYTES];
	struct tls_server_material material =
	    tls_identity_material(&identities.all[0]);
	struct tls_context *older = context;
	struct tls_error error;

	memset(key, ticket_byte, sizeof(key));
	material.ticket_key = key;
	material.ticket_lifetime_s = 3600;
	ck_assert_int_eq(tls_context_new_server(&material, &context, &error),
	    0);
	tls_identities_describe(&identities, DOMAIN);
	ck_assert_msg(tls_context_choose_from(context, &identities, older,
			  &error) == 0,
	    "%s", error.text);
	tls_context_free(&older);
}

static void
read_shown(gnutls_session_t client)
{
	unsigned count = 0;
	const gnutls_datum_t *peers =
	    gnutls_certificate_get_peers(client, &count);
	size_t len = sizeof(shown);
	gnutls_x509_crt_t leaf;

	shown[0] = '\0';
	if (!peers || count == 0)
		return;
	ck_assert_int_eq(gnutls_x509_crt_init(&leaf), 0);
	ck_assert_int_eq(gnutls_x509_crt_import(leaf, &peers[0],
			     GNUTLS_X509_FMT_DER),
	    0);
	ck_assert_int_eq(gnutls_x509_crt_get_dn_by_oid(leaf,
			     GNUTLS_OID_X520_COMMON_NAME, 0, 0, shown, &len),
	    0);
	gnutls_x509_crt_deinit(leaf);
}

/* Who the client sees; "": nobody, "-": it resumes. */
static const char *
visit(const char *priorities, const char *name)
{
	struct tls_peer peer;
	gnutls_datum_t response;

	shown[0] = '\0';
	if (tls_peer_begin(&peer, context, priorities, name)) {
		read_shown(peer.client);
		stapled =
		    gnutls_ocsp_status_request_get(peer.client, &response) == 0;
		if (transport_is_resumed(&peer.server))
			(void)snprintf(shown, sizeof(shown), "-");
	}
	tls_peer_end(&peer);
	return shown;
}

/* Without a ticket. */
static const char *
visit_anew(const char *priorities, const char *name)
{
	tls_peer_forget_ticket();
	return visit(priorities, name);
}

static const struct {
	const char *name, *expected;
} rows[] = {
	{ DOMAIN, "own" },
	{ NULL, "own" },
	{ "nobody.example", "own" },
	{ "other.example", "other" },
	{ "OTHER.Example", "other" },
	{ "other.example.", "other" },
	{ "a.wild.example", "wild" },
	{ "A.WILD.EXAMPLE", "wild" },
	{ "exact.wild.example", "exact" },
	{ "a.b.wild.example", "own" }, /* one label and no more */
	{ "wild.example", "own" },
	{ "xn--bcher-kva.example", "idn" },
	{ "service.example", "service" },
};

START_TEST(the_name_decides)
{
	const struct identity_wish idn = { .name = "idn",
		.xmpp_address = "b\xC3\xBC"
				"cher.example" };
	const struct identity_wish service = { .name = "service",
		.srv_name = "_xmpp-client.service.example" };

	add_for("main", "www.example");
	add_for("wild", "*.wild.example");
	add_for("exact", "exact.wild.example");
	add_for("own", DOMAIN);
	add_for("other", "other.example");
	add(&idn);
	add(&service);
	serve();
	ck_assert_msg(strcmp(visit(versions[_i % 2], rows[_i / 2].name),
			  rows[_i / 2].expected) == 0,
	    "%s is shown \"%s\", expected \"%s\"", rows[_i / 2].name, shown,
	    rows[_i / 2].expected);
}
END_TEST

START_TEST(without_one_for_the_domain_the_first_is_shown)
{
	add_for("first", "first.example");
	add_for("second", "second.example");
	serve();
	ck_assert_str_eq(visit_anew(versions[_i], NULL), "first");
	ck_assert_str_eq(visit_anew(versions[_i], DOMAIN), "first");
	ck_assert_str_eq(visit_anew(versions[_i], "second.example"), "second");
}
END_TEST

/* The two of a domain, never another domain's of the right algorithm. */
START_TEST(of_two_algorithms_the_client_chooses)
{
	char rsa[256], ecdsa[256];

	(void)snprintf(rsa, sizeof(rsa), "%s" RSA, versions[_i]);
	(void)snprintf(ecdsa, sizeof(ecdsa), "%s" ECDSA, versions[_i]);
	add_rsa("own RSA", DOMAIN);
	add_for("own ECDSA", DOMAIN);
	add_rsa("other RSA", "other.example");
	add_for("other ECDSA", "other.example");
	add_for("alone", "alone.example");
	serve();
	ck_assert_str_eq(visit_anew(rsa, DOMAIN), "own RSA");
	ck_assert_str_eq(visit_anew(ecdsa, DOMAIN), "own ECDSA");
	ck_assert_str_eq(visit_anew(rsa, NULL), "own RSA");
	ck_assert_str_eq(visit_anew(ecdsa, "nobody.example"), "own ECDSA");
	ck_assert_str_eq(visit_anew(rsa, "other.example"), "other RSA");
	ck_assert_str_eq(visit_anew(ecdsa, "other.example"), "other ECDSA");
	ck_assert_str_eq(visit_anew(ecdsa, "alone.example"), "alone");
	ck_assert_str_eq(visit_anew(rsa, "alone.example"), "");
}
END_TEST

/* It does not bring back the name it was given under, nor does one of an
 * earlier key. */
START_TEST(a_ticket_does_not_choose)
{
	add_for("own", DOMAIN);
	add_for("other", "other.example");
	serve();
	ck_assert_str_eq(visit(versions[_i], "other.example"), "other");
	ck_assert_str_eq(visit(versions[_i], "other.example"), "-");
	ck_assert_str_eq(visit(versions[_i], DOMAIN), "own");
	ck_assert_str_eq(visit(versions[_i], "other.example"), "other");
	ck_assert_str_eq(visit(versions[_i], NULL), "own");
	ck_assert_str_eq(visit(versions[_i], "other.example"), "other");
	ck_assert_str_eq(visit(versions[_i], "other.example"), "-");
	ticket_byte++;
	serve();
	ck_assert_str_eq(visit(versions[_i], DOMAIN), "own");
}
END_TEST

START_TEST(there_are_no_more_than_fit)
{
	struct tls_identity one;
	unsigned i;

	for (i = 0; i < TLS_IDENTITIES_MAX; i++) {
		one = (struct tls_identity){ .chain = strdup("x") };
		ck_assert_int_eq(tls_identities_add(&identities, &one), true);
		ck_assert_ptr_null(one.chain);
	}
	one = (struct tls_identity){ .chain = strdup("x") };
	ck_assert_int_eq(tls_identities_add(&identities, &one), false);
	tls_identity_clear(&one);
}
END_TEST

static long later_s; /* than it is */

static time_t
tell_time(time_t *time_out)
{
	time_t now = time(NULL) + later_s;

	if (time_out)
		*time_out = now;
	return now;
}

/* A certificate that has signed itself answers for itself. */
static void
answer_for(struct tls_identity *identity, bool endless)
{
	const struct ocsp_wish wish = { .status = "V", .endless = endless };
	uint8_t response[8192];
	size_t len = ocsp_answer(identity, &wish, response);
	struct tls_error error;

	ck_assert_msg(tls_identity_staple(identity, response, len, time(NULL),
			  &error) == 0,
	    "%s", error.text);
}

/* GnuTLS itself looks at the time. */
START_TEST(what_goes_out_of_date_is_stapled_no_more)
{
	add_for("own", DOMAIN);
	add_for("other", "other.example");
	answer_for(&identities.all[0], false);
	later_s = 0;
	gnutls_global_set_time_function(tell_time);
	serve();
	ck_assert_str_eq(visit_anew(versions[_i], DOMAIN), "own");
	ck_assert_int_eq(stapled, true);
	ck_assert_str_eq(visit_anew(versions[_i], "other.example"), "other");
	ck_assert_msg(!stapled, "nothing should be stapled");
	later_s = 7200;
	ck_assert_str_eq(visit_anew(versions[_i], DOMAIN), "own");
	ck_assert_msg(!stapled, "nothing should be stapled");
}
END_TEST

/* As `ocsp_until` says of it. */
START_TEST(one_without_an_end_is_not_stapled_after_15_days)
{
	const struct ocsp_facts *facts;

	add_for("own", DOMAIN);
	answer_for(&identities.all[0], true);
	facts = &identities.all[0].ocsp_facts;
	gnutls_global_set_time_function(tell_time);
	for (later_s = 14L * 86400; later_s < 17L * 86400; later_s += 172800) {
		tls_context_free(&context); /* GnuTLS counts from its loading */
		serve();
		ck_assert_str_eq(visit_anew(versions[_i], DOMAIN), "own");
		ck_assert_int_eq(stapled,
		    ocsp_judge(facts, tell_time(NULL)) == OCSP_FRESH);
	}
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("tls_choice");
	TCase *tests = tcase_create("tls_choice");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_name_decides, 0,
	    2 * (int)ARRAY_LEN(rows));
	tcase_add_loop_test(tests,
	    without_one_for_the_domain_the_first_is_shown, 0, 2);
	tcase_add_loop_test(tests, of_two_algorithms_the_client_chooses, 0, 2);
	tcase_add_loop_test(tests, a_ticket_does_not_choose, 0, 2);
	tcase_add_test(tests, there_are_no_more_than_fit);
	tcase_add_loop_test(tests, what_goes_out_of_date_is_stapled_no_more, 0,
	    2);
	tcase_add_loop_test(tests,
	    one_without_an_end_is_not_stapled_after_15_days, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return run_suite(make_suite());
}
