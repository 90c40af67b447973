/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an OCSP response that is given with a certificate. */
#include "common/net/tls_certificate.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"
#include "tests/unit/net/ocsp_answer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR 3600L
#define DAY  86400L

static struct tls_identity own, other;
static struct tls_error why;

static void
open_as(const char *name, struct tls_identity *identity_out)
{
	struct identity made;
	struct tls_server_material material;

	identity_make(&made, name, 0);
	material = identity_pem(&made, NULL);
	ck_assert_int_eq(tls_identity_open(&material, identity_out, &why), 0);
	identity_free(&made);
}

static void
setup(void)
{
	open_as("own", &own);
	open_as("other", &other);
}

static void
teardown(void)
{
	tls_identity_clear(&own);
	tls_identity_clear(&other);
}

static const struct {
	struct ocsp_wish wish;
	long later_s; /* than it was signed */
	enum ocsp_state state;
	long until_s; /* after that; 0: not known */
} rows[] = {
	{ { .status = "V" }, 60, OCSP_FRESH, HOUR },
	{ { .status = "V" }, HOUR - 60, OCSP_FRESH, HOUR },
	{ { .status = "V" }, HOUR + 60, OCSP_STALE, HOUR },
	{ { .status = "V" }, 400 * DAY, OCSP_STALE, HOUR },
	{ { .status = "V" }, -200, OCSP_FRESH, HOUR }, /* clocks differ */
	{ { .status = "V" }, -HOUR, OCSP_EARLY, HOUR },
	{ { .status = "V", .endless = true }, 14 * DAY, OCSP_FRESH, 15 * DAY },
	{ { .status = "V", .endless = true }, 16 * DAY, OCSP_STALE, 15 * DAY },
	{ { .status = "R" }, 60, OCSP_REVOKED, HOUR },
	{ { .status = "R" }, 400 * DAY, OCSP_REVOKED, HOUR },
	{ { .status = NULL }, 60, OCSP_UNKNOWN, HOUR },
	{ { .status = "V", .signer = &other }, 60, OCSP_UNTRUSTED, 0 },
};

static void
ck_is(int error, enum ocsp_state state)
{
	const char *fault = ocsp_state_fault(state);

	ck_assert_uint_eq(own.ocsp_facts.state, state);
	ck_assert_int_eq(error, state == OCSP_FRESH ? 0 : -EINVAL);
	ck_assert_str_eq(why.text, fault ? fault : "");
	ck_assert_msg((own.ocsp != NULL) == (state == OCSP_FRESH),
	    "what is fresh should be stapled, and nothing else");
}

START_TEST(each_response_has_its_state_and_its_end)
{
	uint8_t bytes[8192];
	int64_t from_s = time(NULL), to_s;
	size_t len = ocsp_answer(&own, &rows[_i].wish, bytes);

	to_s = time(NULL);
	ck_is(tls_identity_staple(&own, bytes, len, from_s + rows[_i].later_s,
		  &why),
	    rows[_i].state);
	if (rows[_i].until_s) {
		ck_assert_int_ge(own.ocsp_facts.until_s,
		    from_s + rows[_i].until_s);
		ck_assert_int_le(own.ocsp_facts.until_s,
		    to_s + rows[_i].until_s);
	} else {
		ck_assert_int_eq(own.ocsp_facts.until_s, 0);
	}
}
END_TEST

START_TEST(what_cannot_be_read_has_no_end)
{
	static const uint8_t unauthorized[] = { 0x30, 3, 0x0a, 1, 6 };

	ck_is(tls_identity_staple(&own, (const uint8_t *)"x", 1, 0, &why),
	    OCSP_UNREADABLE);
	ck_assert_int_eq(own.ocsp_facts.until_s, 0);
	ck_is(tls_identity_staple(&own, unauthorized, sizeof(unauthorized), 0,
		  &why),
	    OCSP_ERROR);
	ck_assert_int_eq(own.ocsp_facts.until_s, 0);
}
END_TEST

/* Nor is what was stapled before. */
START_TEST(one_of_another_certificate_is_not_stapled)
{
	const struct ocsp_wish wish = { .status = "V" };
	uint8_t bytes[8192];
	size_t len = ocsp_answer(&own, &wish, bytes);

	ck_assert_uint_eq(own.ocsp_facts.state, OCSP_NONE);
	ck_is(tls_identity_staple(&own, bytes, len, time(NULL), &why),
	    OCSP_FRESH);
	len = ocsp_answer(&other, &wish, bytes);
	ck_is(tls_identity_staple(&own, bytes, len, time(NULL), &why),
	    OCSP_FOREIGN);
	ck_assert_int_eq(own.ocsp_facts.until_s, 0);
}
END_TEST

/* The issuer's certificate behind it has none. */
START_TEST(it_is_of_the_certificate_and_not_of_its_chain)
{
	struct certificate_source source = { .ocsp = { .state = OCSP_STALE,
						 .until_s = 1800000000 } };
	struct certificate_list list = { 0 };
	char chain[16384], domain[] = "own", *const names[] = { domain };
	const struct certificate_domains domains = { names, 1 };

	(void)snprintf(chain, sizeof(chain), "%s%s", own.chain, other.chain);
	source.pem = chain;
	tls_certificates_shown(&source, 1, &domains, "", &list);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.rows[0].ocsp.state, OCSP_STALE);
	ck_assert_int_eq(list.rows[0].ocsp.until_s, 1800000000);
	ck_assert_uint_eq(list.rows[1].ocsp.state, OCSP_NONE);
	ck_assert_int_eq(list.rows[1].ocsp.until_s, 0);
	certificate_list_clear(&list);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_ocsp");
	TCase *tests = tcase_create("tls_ocsp");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, each_response_has_its_state_and_its_end, 0,
	    (int)ARRAY_LEN(rows));
	tcase_add_test(tests, what_cannot_be_read_has_no_end);
	tcase_add_test(tests, one_of_another_certificate_is_not_stapled);
	tcase_add_test(tests, it_is_of_the_certificate_and_not_of_its_chain);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
