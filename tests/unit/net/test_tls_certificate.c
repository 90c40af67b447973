/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from certificates made on the spot, a row for each finding. */
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/tls_certificate.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOMAIN "xmpp.example.org"
#define DAY    86400L

/* root -> middle -> own */
static struct identity root, middle, own;
static struct certificate_list list;

static void
setup(void)
{
	identity_make(&root, "Root", 0);
	identity_make_as(&middle,
	    &(struct identity_wish){
		.name = "Middle", .issuer = &root, .may_issue = true });
}

static void
teardown(void)
{
	certificate_list_clear(&list);
	identity_free(&root);
	identity_free(&middle);
	identity_free(&own);
	own = (struct identity){ 0 };
}

static const char *
text_of(const struct identity *identity)
{
	return (const char *)identity->certificate;
}

/* For this domain, and `second` where that is not NULL. */
static void
shown_for(const struct certificate_source *sources, size_t count,
    const char *domain, const char *second, const char *system)
{
	char *names[] = { xstrdup(domain), xstrdup(second ? second : "") };
	const struct certificate_domains domains = { names, second ? 2 : 1 };

	tls_certificates_shown(sources, count, &domains, system, &list);
	free(names[0]);
	free(names[1]);
}

static void
shown(const char *chain, const char *domain, const char *system)
{
	const struct certificate_source source = { .pem = chain };

	shown_for(&source, 1, domain, NULL, system);
}

/* With this behind it, NULL: nothing; the system has `system`. */
static uint32_t
look(const struct identity *behind, const char *system)
{
	char chain[8192];

	(void)snprintf(chain, sizeof(chain), "%s%s", text_of(&own),
	    behind ? text_of(behind) : "");
	certificate_list_clear(&list);
	shown(chain, DOMAIN, system);
	ck_assert_uint_ge(list.count, 1);
	ck_assert_uint_eq(list.rows[0].role, CERTIFICATE_CLIENTS);
	return certificate_judge(&list.rows[0], time(NULL), 0);
}

#define SELF FINDING_MASK(SELF_SIGNED)
#define NAME FINDING_MASK(WRONG_NAME)

static const struct {
	struct identity_wish wish;
	uint32_t findings;
} rows[] = {
	{ { .name = DOMAIN }, SELF },
	{ { .name = DOMAIN, .shift_s = -2 * DAY },
	    SELF | FINDING_MASK(EXPIRED) },
	{ { .name = DOMAIN, .shift_s = 2 * DAY },
	    SELF | FINDING_MASK(NOT_YET_VALID) },
	{ { .name = "www.example" }, SELF | NAME },
	{ { .name = "any", .dns_name = "XMPP.Example.ORG" }, SELF },
	{ { .name = "any", .dns_name = "*.example.org" }, SELF },
	{ { .name = "any", .dns_name = "*.org" }, SELF | NAME },
	{ { .name = "any", .dns_name = "*." DOMAIN }, SELF | NAME },
	{ { .name = "any", .dns_name = "chat." DOMAIN }, SELF | NAME },
	{ { .name = "any", .xmpp_address = DOMAIN }, SELF },
	{ { .name = "any", .xmpp_address = "other.example" }, SELF | NAME },
	{ { .name = "any", .srv_name = "_xmpp-client." DOMAIN }, SELF },
	{ { .name = "any", .srv_name = "_XMPP-client.XMPP.example.org" },
	    SELF },
	{ { .name = "any", .srv_name = "_xmpp-server." DOMAIN }, SELF | NAME },
	{ { .name = "any", .srv_name = "_xmpp-client.example.org" },
	    SELF | NAME },
	{ { .name = DOMAIN, .algorithm = GNUTLS_PK_RSA, .bits = 1024 },
	    SELF | FINDING_MASK(WEAK_KEY) },
	{ { .name = DOMAIN, .algorithm = GNUTLS_PK_RSA, .bits = 2048 }, SELF },
	{ { .name = DOMAIN, .algorithm = GNUTLS_PK_EDDSA_ED25519 }, SELF },
	{ { .name = DOMAIN,
	      .algorithm = GNUTLS_PK_RSA,
	      .bits = 2048,
	      .sha1 = true },
	    SELF | FINDING_MASK(WEAK_SIGNATURE) },
};

START_TEST(each_fault_is_found_and_no_other)
{
	identity_make_as(&own, &rows[_i].wish);
	ck_assert_uint_eq(look(NULL, text_of(&root)), rows[_i].findings);
}
END_TEST

/* A name of other letters has two forms, which are one domain: DNS names and
 * SRVNames have that of ASCII, addresses the other (RFC 5890). */
#define IDN_ASCII   "xn--bcher-kva.example"
#define IDN_UNICODE "b\303\274cher.example"

static const struct identity_wish idn_rows[] = {
	{ .name = "any", .dns_name = IDN_ASCII },
	{ .name = "any", .srv_name = "_xmpp-client." IDN_ASCII },
	{ .name = "any", .xmpp_address = IDN_UNICODE },
	{ .name = "any", .xmpp_address = IDN_ASCII },
	{ .name = "any", .xmpp_address = "B\303\234CHER.example" },
};

START_TEST(both_forms_of_a_domain_are_one)
{
	identity_make_as(&own, &idn_rows[_i]);
	shown(text_of(&own), IDN_UNICODE, "");
	shown(text_of(&own), IDN_ASCII, "");
	shown(text_of(&own), "bucher.example", "");
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.rows[0].faults, SELF);
	ck_assert_uint_eq(list.rows[1].faults, SELF);
	ck_assert_uint_eq(list.rows[2].faults, SELF | NAME);
}
END_TEST

START_TEST(what_it_is_stands_in_words)
{
	const struct certificate_facts *facts;

	identity_make_as(&own, &(struct identity_wish){ .name = "any",
				   .dns_name = DOMAIN,
				   .issuer = &middle,
				   .algorithm = GNUTLS_PK_RSA,
				   .bits = 2048 });
	(void)look(&middle, text_of(&root));
	ck_assert_uint_eq(list.count, 2);
	facts = &list.rows[0];
	ck_assert_str_eq(facts->subject, "CN=any");
	ck_assert_str_eq(facts->issuer, "CN=Middle");
	ck_assert_str_eq(facts->names, DOMAIN);
	ck_assert_str_eq(facts->key, "RSA 2048");
	ck_assert_str_eq(facts->signature, "ECDSA-SHA256");
	ck_assert_uint_eq(strlen(facts->sha256), 64);
	ck_assert_int_gt(facts->not_after_s, facts->not_before_s);
	ck_assert_uint_eq(list.rows[1].role, CERTIFICATE_INTERMEDIATE);
	ck_assert_str_eq(list.rows[1].key, "ECDSA 256");
	ck_assert_uint_eq(list.rows[1].faults, 0);
}
END_TEST

/* Written as SRVName and XmppAddr are shown. */
START_TEST(other_names_are_shown_too)
{
	identity_make_as(&own,
	    &(struct identity_wish){ .name = "any", .xmpp_address = DOMAIN });
	(void)look(NULL, NULL);
	ck_assert_str_eq(list.rows[0].names, "xmpp:" DOMAIN);
	identity_free(&own);
	identity_make_as(&own, &(struct identity_wish){ .name = "any",
				   .srv_name = "_xmpp-client." DOMAIN });
	(void)look(NULL, NULL);
	ck_assert_str_eq(list.rows[0].names, "_xmpp-client." DOMAIN);
}
END_TEST

/* --- chains --- */

static void
make_own(const struct identity *issuer)
{
	identity_make_as(&own,
	    &(struct identity_wish){ .name = DOMAIN, .issuer = issuer });
}

START_TEST(a_chain_that_reaches_the_systems_authorities_is_whole)
{
	make_own(&middle);
	ck_assert_uint_eq(look(&middle, text_of(&root)), 0);
	ck_assert_uint_eq(look(NULL, text_of(&middle)), 0);
}
END_TEST

START_TEST(a_chain_that_ends_in_the_file_is_whole)
{
	struct identity unrelated;

	identity_make(&unrelated, "Unrelated", 0);
	make_own(&root);
	ck_assert_uint_eq(look(&root, text_of(&unrelated)), 0);
	identity_free(&unrelated);
}
END_TEST

START_TEST(an_issuer_that_is_missing_is_named)
{
	make_own(&middle);
	ck_assert_uint_eq(look(NULL, text_of(&root)),
	    FINDING_MASK(INCOMPLETE_CHAIN));
	ck_assert_str_eq(list.rows[0].missing, "CN=Middle");
	identity_free(&own);
	make_own(&root);
	ck_assert_uint_eq(look(&middle, text_of(&middle)),
	    FINDING_MASK(INCOMPLETE_CHAIN));
	ck_assert_str_eq(list.rows[0].missing, "CN=Root");
}
END_TEST

START_TEST(where_the_system_trusts_nobody_no_chain_is_judged)
{
	make_own(&middle);
	ck_assert_uint_eq(look(NULL, ""), 0);
}
END_TEST

START_TEST(an_intermediate_is_looked_at_too)
{
	identity_free(&middle);
	identity_make_as(&middle, &(struct identity_wish){ .name = "Middle",
				      .issuer = &root,
				      .may_issue = true,
				      .algorithm = GNUTLS_PK_RSA,
				      .bits = 1024,
				      .shift_s = -2 * DAY });
	make_own(&middle);
	ck_assert_uint_eq(look(&middle, text_of(&root)), 0);
	ck_assert_uint_eq(certificate_judge(&list.rows[1], time(NULL), 21),
	    FINDING_MASK(EXPIRED) | FINDING_MASK(WEAK_KEY));
}
END_TEST

/* Whoever asks knows the name and whom to trust. */
START_TEST(of_http_neither_name_nor_chain_is_judged)
{
	identity_free(&middle);
	identity_make_as(&middle, &(struct identity_wish){ .name = "Middle",
				      .issuer = &root,
				      .may_issue = true,
				      .algorithm = GNUTLS_PK_RSA,
				      .bits = 1024 });
	make_own(&root);
	tls_certificates_of_http(text_of(&own), &list);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.rows[0].role, CERTIFICATE_HTTP);
	ck_assert_uint_eq(list.rows[0].faults, 0);
	tls_certificates_of_http(text_of(&root), &list);
	ck_assert_uint_eq(list.rows[1].faults, FINDING_MASK(SELF_SIGNED));
	tls_certificates_of_http(text_of(&middle), &list);
	ck_assert_uint_eq(list.rows[2].faults, FINDING_MASK(WEAK_KEY));
}
END_TEST

/* --- several --- */

START_TEST(one_of_several_is_enough_for_the_domain)
{
	struct identity_wish wish = { .name = "www.example",
		.issuer = &middle };
	struct certificate_source sources[2];
	struct identity other;
	char chains[2][8192];
	unsigned i;

	identity_make_as(&other, &wish);
	wish.name = DOMAIN;
	identity_make_as(&own, &wish);
	(void)snprintf(chains[0], sizeof(chains[0]), "%s%s", text_of(&other),
	    text_of(&middle));
	(void)snprintf(chains[1], sizeof(chains[1]), "%s%s", text_of(&own),
	    text_of(&middle));
	for (i = 0; i < 2; i++)
		sources[i] = (struct certificate_source){ .pem = chains[i],
			.file = i == 1 ? "own.pem" : NULL };
	shown_for(sources, 2, DOMAIN, NULL, "");
	/* The one behind both stands there once. */
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.rows[0].faults & NAME, 0);
	ck_assert_str_eq(list.rows[0].file, "");
	ck_assert_uint_eq(list.rows[1].role, CERTIFICATE_INTERMEDIATE);
	ck_assert_str_eq(list.rows[2].subject, "CN=" DOMAIN);
	ck_assert_str_eq(list.rows[2].file, "own.pem");
	certificate_list_clear(&list);
	shown_for(sources, 2, "third.example", NULL, "");
	ck_assert_uint_eq(list.rows[0].faults & NAME, NAME);
	ck_assert_uint_eq(list.rows[2].faults & NAME, 0);
	/* Each domain has one, or not. */
	certificate_list_clear(&list);
	shown_for(sources, 2, DOMAIN, "www.example", "");
	ck_assert_uint_eq(list.rows[0].faults & NAME, 0);
	certificate_list_clear(&list);
	shown_for(sources, 2, DOMAIN, "third.example", "");
	ck_assert_uint_eq(list.rows[0].faults & NAME, NAME);
	identity_free(&other);
}
END_TEST

/* --- authorities --- */

START_TEST(of_many_authorities_those_that_expire_first_are_watched)
{
	struct identity later;
	struct buf bundle;
	unsigned i;

	identity_make(&later, "Later", 1000);
	buf_init(&bundle, 0);
	for (i = 0; i < CERTIFICATES_MAX; i++)
		(void)buf_append_str(&bundle, text_of(&later));
	(void)buf_append_str(&bundle, text_of(&root));
	tls_certificates_trusted(buf_bytes(&bundle), buf_len(&bundle), &list);
	buf_destroy(&bundle);
	ck_assert_uint_eq(list.count, CERTIFICATES_MAX);
	ck_assert_uint_eq(list.left_out, 1);
	ck_assert_str_eq(list.rows[0].subject, "CN=Root");
	ck_assert_uint_eq(list.rows[0].role, CERTIFICATE_AUTHORITY);
	ck_assert_uint_eq(list.rows[0].faults, 0);
	identity_free(&later);
}
END_TEST

START_TEST(what_is_no_certificate_adds_nothing)
{
	shown("", DOMAIN, NULL);
	shown("-----BEGIN CERTIFICATE-----\nAAAA\n"
	      "-----END CERTIFICATE-----\n",
	    DOMAIN, NULL);
	tls_certificates_of_http("x", &list);
	tls_certificates_trusted((const uint8_t *)"x", 1, &list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

static void
add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, each_fault_is_found_and_no_other, 0,
	    (int)ARRAY_LEN(rows));
	tcase_add_test(tests, one_of_several_is_enough_for_the_domain);
	tcase_add_loop_test(tests, both_forms_of_a_domain_are_one, 0,
	    (int)ARRAY_LEN(idn_rows));
	tcase_add_test(tests, what_it_is_stands_in_words);
	tcase_add_test(tests, other_names_are_shown_too);
	tcase_add_test(tests,
	    a_chain_that_reaches_the_systems_authorities_is_whole);
	tcase_add_test(tests, a_chain_that_ends_in_the_file_is_whole);
	tcase_add_test(tests, an_issuer_that_is_missing_is_named);
	tcase_add_test(tests,
	    where_the_system_trusts_nobody_no_chain_is_judged);
	tcase_add_test(tests, an_intermediate_is_looked_at_too);
	tcase_add_test(tests, of_http_neither_name_nor_chain_is_judged);
	tcase_add_test(tests,
	    of_many_authorities_those_that_expire_first_are_watched);
	tcase_add_test(tests, what_is_no_certificate_adds_nothing);
}

int
main(void)
{
	Suite *suite = suite_create("tls_certificate");
	TCase *tests = tcase_create("tls_certificate");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(tests, setup, teardown);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
