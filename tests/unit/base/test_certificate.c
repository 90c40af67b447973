/* SPDX-License-Identifier: Apache-2.0 */
/* What time makes of a certificate, in which words, and how often. */
#include "common/base/certificate.h"
#include "common/base/log.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY  86400
#define FROM 1700000000
#define TO   (FROM + 90 * (int64_t)DAY)

static const struct certificate_facts facts = {
	.role = CERTIFICATE_CLIENTS,
	.not_before_s = FROM,
	.not_after_s = TO,
	.sha256 = "0badcafe",
	.subject = "CN=xmpp.example",
	.names = "www.example",
	.missing = "CN=R10",
	.key = "RSA 1024",
	.signature = "RSA-SHA1",
	.ocsp = { .state = OCSP_FRESH, .until_s = TO },
};

#define STALE FINDING_MASK(NOT_STAPLED)

static const struct {
	int64_t now_s;
	unsigned soon_days;
	uint32_t findings;
	int64_t days_left;
} times[] = {
	{ FROM - 1, 21, FINDING_MASK(NOT_YET_VALID), 90 },
	{ FROM, 21, 0, 90 },
	{ TO - 21 * (int64_t)DAY, 21, 0, 21 },
	{ TO - 21 * (int64_t)DAY + 1, 21, FINDING_MASK(EXPIRES_SOON), 20 },
	{ TO - 1, 0, 0, 0 },
	{ TO, 0, STALE, 0 },
	{ TO, 1, STALE | FINDING_MASK(EXPIRES_SOON), 0 },
	{ TO + 1, 21, STALE | FINDING_MASK(EXPIRED), -1 },
	{ TO + 1, 0, STALE | FINDING_MASK(EXPIRED), -1 },
	{ TO + DAY, 0, STALE | FINDING_MASK(EXPIRED), -1 },
	{ TO + DAY + 1, 0, STALE | FINDING_MASK(EXPIRED), -2 },
};

START_TEST(time_makes_the_findings_that_the_days_say)
{
	ck_assert_uint_eq(certificate_judge(&facts, times[_i].now_s,
			      times[_i].soon_days),
	    times[_i].findings);
	ck_assert_int_eq(certificate_days_left(&facts, times[_i].now_s),
	    times[_i].days_left);
}
END_TEST

START_TEST(a_fault_is_found_at_any_time)
{
	struct certificate_facts weak = facts;

	weak.faults = FINDING_MASK(WEAK_KEY);
	ck_assert_uint_eq(certificate_judge(&weak, FROM, 21),
	    FINDING_MASK(WEAK_KEY));
	ck_assert_uint_eq(certificate_judge(&weak, TO + 1, 21),
	    STALE | FINDING_MASK(WEAK_KEY) | FINDING_MASK(EXPIRED));
}
END_TEST

static const struct {
	enum certificate_role role;
	enum certificate_finding finding;
	const char *text;
} words[] = {
	{ CERTIFICATE_CLIENTS, FINDING_EXPIRED,
	    "the certificate has expired: clients will refuse to connect"
	    " role=clients subject=\"CN=xmpp.example\""
	    " not_after=2024-02-12T22:13:20Z days_left=-1 file=\"a.pem\"" },
	{ CERTIFICATE_SERVER, FINDING_EXPIRED,
	    "the certificate has expired: connections to the server will fail"
	    " role=server subject=\"CN=xmpp.example\""
	    " not_after=2024-02-12T22:13:20Z days_left=-1 file=\"a.pem\"" },
	{ CERTIFICATE_INTERMEDIATE, FINDING_NOT_YET_VALID,
	    "the certificate is not valid yet: clients will refuse to connect"
	    " until it is role=intermediate subject=\"CN=xmpp.example\""
	    " not_before=2023-11-14T22:13:20Z file=\"a.pem\"" },
	{ CERTIFICATE_AUTHORITY, FINDING_EXPIRES_SOON,
	    "the certificate expires soon: then connections to a server will"
	    " fail whose certificate it has signed role=authority"
	    " subject=\"CN=xmpp.example\" not_after=2024-02-12T22:13:20Z"
	    " days_left=-1 file=\"a.pem\"" },
	{ CERTIFICATE_HTTP, FINDING_EXPIRED,
	    "the certificate has expired: whoever asks by HTTP will refuse to"
	    " connect role=http subject=\"CN=xmpp.example\""
	    " not_after=2024-02-12T22:13:20Z days_left=-1 file=\"a.pem\"" },
	{ CERTIFICATE_HTTP_INTERMEDIATE, FINDING_EXPIRES_SOON,
	    "the certificate expires soon: whoever asks by HTTP will refuse to"
	    " connect when it has expired role=http-intermediate"
	    " subject=\"CN=xmpp.example\" not_after=2024-02-12T22:13:20Z"
	    " days_left=-1 file=\"a.pem\"" },
	{ CERTIFICATE_CLIENTS, FINDING_WRONG_NAME,
	    "the certificate does not name the domain: clients will refuse to"
	    " connect role=clients subject=\"CN=xmpp.example\""
	    " domain=\"xmpp.example\" names=\"www.example\" file=\"a.pem\"" },
	{ CERTIFICATE_CLIENTS, FINDING_INCOMPLETE_CHAIN,
	    "an issuer's certificate is missing behind the certificate: clients"
	    " that do not have it will refuse to connect role=clients"
	    " subject=\"CN=xmpp.example\" missing=\"CN=R10\" file=\"a.pem\"" },
	{ CERTIFICATE_CLIENTS, FINDING_WEAK_KEY,
	    "the certificate's key is weak: clients may refuse to connect"
	    " role=clients subject=\"CN=xmpp.example\" key=\"RSA 1024\""
	    " file=\"a.pem\"" },
	{ CERTIFICATE_CLIENTS, FINDING_WEAK_SIGNATURE,
	    "the certificate's signature is weak: clients may refuse to connect"
	    " role=clients subject=\"CN=xmpp.example\" signature=\"RSA-SHA1\""
	    " file=\"a.pem\"" },
	{ CERTIFICATE_CLIENTS, FINDING_NOT_STAPLED,
	    "the OCSP response given with the certificate is not stapled:"
	    " clients that demand one will refuse to connect role=clients"
	    " subject=\"CN=xmpp.example\" ocsp=stale"
	    " ocsp_until=2024-02-12T22:13:20Z file=\"a.pem\"" },
};

START_TEST(each_finding_says_what_will_be_seen)
{
	struct certificate_facts seen = facts;
	char text[CERTIFICATE_TEXT_MAX];

	seen.role = words[_i].role;
	certificate_describe(&seen, words[_i].finding, TO + 1, "xmpp.example",
	    "a.pem", text);
	ck_assert_str_eq(text, words[_i].text);
	ck_assert_uint_eq(certificate_warnings(seen.role, FINDING_MASK_ALL) >>
				  words[_i].finding &
			      1,
	    1);
}
END_TEST

START_TEST(a_certificate_signed_by_itself_is_no_warning)
{
	ck_assert_uint_eq(certificate_warnings(CERTIFICATE_CLIENTS,
			      FINDING_MASK_ALL),
	    FINDING_MASK_ALL & ~FINDING_MASK(SELF_SIGNED));
}
END_TEST

START_TEST(words_of_outsiders_do_not_break_the_line)
{
	struct certificate_facts bad = facts;
	char text[CERTIFICATE_TEXT_MAX];

	strcpy(bad.subject, "CN=\" expired=\"no\nerror: \x1b[31m");
	memset(bad.names, 'a', sizeof(bad.names) - 1);
	certificate_describe(&bad, FINDING_WRONG_NAME, TO, "xmpp.example",
	    "a.pem", text);
	ck_assert_ptr_null(strpbrk(text, "\n\x1b"));
	ck_assert_ptr_nonnull(strstr(text, "\\x22 expired=\\x22no"));
}
END_TEST

static const struct {
	enum ocsp_state read;
	int64_t until_s, now_s;
	enum ocsp_state state;
} responses[] = {
	{ OCSP_NONE, 0, FROM, OCSP_NONE },
	{ OCSP_FRESH, TO, FROM, OCSP_FRESH },
	{ OCSP_FRESH, TO, TO - 1, OCSP_FRESH },
	{ OCSP_FRESH, TO, TO, OCSP_STALE },
	{ OCSP_FRESH, TO, TO + 1, OCSP_STALE },
	{ OCSP_FRESH, 0, FROM, OCSP_STALE },
	{ OCSP_STALE, TO, TO - 1, OCSP_STALE },
	{ OCSP_EARLY, TO, TO - 1, OCSP_EARLY }, /* until it is read again */
	{ OCSP_FOREIGN, 0, FROM, OCSP_FOREIGN },
	{ OCSP_REVOKED, TO, TO + 1, OCSP_REVOKED },
};

START_TEST(time_makes_a_fresh_response_stale)
{
	const struct ocsp_facts read = { .state = responses[_i].read,
		.until_s = responses[_i].until_s };

	ck_assert_uint_eq(ocsp_judge(&read, responses[_i].now_s),
	    responses[_i].state);
}
END_TEST

START_TEST(a_response_that_is_not_stapled_is_a_finding)
{
	struct certificate_facts one = facts;

	for (one.ocsp.state = OCSP_NONE; one.ocsp.state < OCSP_STATE_COUNT;
	     one.ocsp.state++)
		ck_assert_uint_eq(certificate_judge(&one, FROM, 21),
		    one.ocsp.state > OCSP_FRESH ? STALE : 0);
}
END_TEST

START_TEST(each_state_has_a_word_and_what_is_refused_a_reason)
{
	enum ocsp_state state;

	ck_assert_str_eq(ocsp_state_word(OCSP_NONE), "");
	for (state = OCSP_FRESH; state < OCSP_STATE_COUNT; state++) {
		ck_assert_str_ne(ocsp_state_word(state), "");
		ck_assert_int_eq(ocsp_state_fault(state) == NULL,
		    state == OCSP_FRESH);
	}
}
END_TEST

/* With a blank for each line's end, and no backslashes. */
static void
read_manual(char *text_out, size_t cap)
{
	FILE *file = fopen(CM_SOURCE_DIR "/conf/cmctl.1", "r");
	size_t len = 0;
	int byte;

	ck_assert_ptr_nonnull(file);
	while ((byte = fgetc(file)) != EOF && len < cap - 1)
		if (byte != '\\')
			text_out[len++] = (char)(byte == '\n' ? ' ' : byte);
	text_out[len] = '\0';
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(the_manual_names_each_state_and_finding)
{
	static char manual[1 << 16];
	enum ocsp_state state;
	int finding;
	char word[64];

	read_manual(manual, sizeof(manual));
	for (state = OCSP_FRESH; state < OCSP_STATE_COUNT; state++) {
		(void)snprintf(word, sizeof(word), ".Cm %s ",
		    ocsp_state_word(state));
		ck_assert_ptr_nonnull(strstr(manual, word));
	}
	for (finding = 0; finding < FINDING_COUNT; finding++)
		ck_assert_ptr_nonnull(strstr(manual,
		    certificate_finding_word((enum certificate_finding)
			    finding)));
}
END_TEST

START_TEST(every_role_survives_the_way_from_another_process)
{
	struct certificate_facts same = facts;

	for (same.role = 0; same.role < CERTIFICATE_ROLE_COUNT; same.role++) {
		uint32_t role = same.role;

		certificate_sanitize(&same);
		ck_assert_uint_eq(same.role, role);
		ck_assert_str_ne(certificate_role_name(role), "unknown");
	}
}
END_TEST

START_TEST(what_another_process_wrote_is_tidied)
{
	struct certificate_facts bad;

	memset(&bad, 0xff, sizeof(bad));
	bad.not_after_s = INT64_MAX;
	bad.not_before_s = INT64_MIN;
	certificate_sanitize(&bad);
	ck_assert_uint_lt(bad.role, CERTIFICATE_ROLE_COUNT);
	ck_assert_uint_eq(bad.ocsp.state, OCSP_NONE);
	ck_assert_int_eq(bad.ocsp.until_s, 0);
	ck_assert_uint_eq(bad.faults, FINDING_MASK_ALL);
	ck_assert_uint_eq(strlen(bad.subject), sizeof(bad.subject) - 1);
	ck_assert_int_eq(bad.subject[0], '?');
	ck_assert_uint_lt(strlen(bad.names), sizeof(bad.names));
	ck_assert_int_gt(certificate_days_left(&bad, FROM), 0);
	ck_assert_uint_ne(certificate_judge(&bad, FROM, 3650), 0);
}
END_TEST

/* --- once a day --- */

static struct certificate_watch watch;

static void
start_anew(void)
{
	memset(&watch, 0, sizeof(watch));
}

START_TEST(a_finding_is_said_once_a_day)
{
	uint32_t soon = FINDING_MASK(EXPIRES_SOON);
	unsigned said = 0, hour;

	for (hour = 0; hour < 240; hour++)
		said += certificate_watch_due(&watch, &facts, soon,
			    5 + hour * 3600.0) != 0;
	ck_assert_uint_eq(said, 10);
}
END_TEST

START_TEST(what_is_found_anew_is_said_at_once)
{
	uint32_t soon = FINDING_MASK(EXPIRES_SOON);
	uint32_t both = soon | FINDING_MASK(WRONG_NAME);
	struct certificate_facts other = facts;

	ck_assert_uint_eq(certificate_watch_due(&watch, &facts, soon, 1), soon);
	ck_assert_uint_eq(certificate_watch_due(&watch, &facts, both, 2),
	    FINDING_MASK(WRONG_NAME));
	strcpy(other.sha256, "cafe");
	ck_assert_uint_eq(certificate_watch_due(&watch, &other, both, 3), both);
	other = facts;
	other.role = CERTIFICATE_SERVER;
	ck_assert_uint_eq(certificate_watch_due(&watch, &other, soon, 4), soon);
	ck_assert_uint_eq(certificate_watch_due(&watch, &facts, both, 5), 0);
}
END_TEST

/* As many as are watched at once fit; more only make it say too much. */
START_TEST(as_many_as_there_may_be_are_remembered)
{
	struct certificate_facts one = facts;
	uint32_t soon = FINDING_MASK(EXPIRES_SOON);
	unsigned i, round;

	for (round = 0; round < 2; round++)
		for (i = 0; i < CERTIFICATES_MAX; i++) {
			(void)snprintf(one.sha256, sizeof(one.sha256), "%u", i);
			ck_assert_uint_eq(certificate_watch_due(&watch, &one,
					      soon, 1 + round),
			    round == 0 ? soon : 0);
		}
	strcpy(one.sha256, "one more");
	ck_assert_uint_eq(certificate_watch_due(&watch, &one, soon, 3), soon);
}
END_TEST

START_TEST(a_list_says_what_it_left_out)
{
	struct certificate_list list = { 0 };
	unsigned i;

	for (i = 0; i < CERTIFICATES_MAX + 3; i++)
		certificate_list_add(&list, &facts);
	ck_assert_uint_eq(list.count, CERTIFICATES_MAX);
	ck_assert_uint_eq(list.left_out, 3);
	certificate_list_clear(&list);
	ck_assert_ptr_null(list.rows);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("certificate");
	TCase *tests = tcase_create("certificate");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(tests, start_anew, NULL);
	tcase_add_loop_test(tests, time_makes_the_findings_that_the_days_say, 0,
	    (int)ARRAY_LEN(times));
	tcase_add_test(tests, a_fault_is_found_at_any_time);
	tcase_add_loop_test(tests, time_makes_a_fresh_response_stale, 0,
	    (int)ARRAY_LEN(responses));
	tcase_add_test(tests, a_response_that_is_not_stapled_is_a_finding);
	tcase_add_test(tests,
	    each_state_has_a_word_and_what_is_refused_a_reason);
	tcase_add_test(tests, the_manual_names_each_state_and_finding);
	tcase_add_loop_test(tests, each_finding_says_what_will_be_seen, 0,
	    (int)ARRAY_LEN(words));
	tcase_add_test(tests, a_certificate_signed_by_itself_is_no_warning);
	tcase_add_test(tests, words_of_outsiders_do_not_break_the_line);
	tcase_add_test(tests, what_another_process_wrote_is_tidied);
	tcase_add_test(tests, every_role_survives_the_way_from_another_process);
	tcase_add_test(tests, a_finding_is_said_once_a_day);
	tcase_add_test(tests, what_is_found_anew_is_said_at_once);
	tcase_add_test(tests, as_many_as_there_may_be_are_remembered);
	tcase_add_test(tests, a_list_says_what_it_left_out);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
