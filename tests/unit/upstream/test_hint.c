/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's answers say of the port, and that each hint comes once. */
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/barrier.h"
#include "worker/upstream/link/hint.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct hints *const hints = &up.hints;

/* --- what it is --- */

START_TEST(a_header_tells_what_the_port_is_for)
{
	ck_assert_int_eq(hint_of_header("jabber:client"), HINT_CLIENT_PORT);
	ck_assert_int_eq(hint_of_header("jabber:server"), HINT_SERVER_PORT);
	ck_assert_int_eq(hint_of_header("jabber:component:accept"),
	    HINT_COMPONENT_PORT);
	ck_assert_int_eq(hint_of_header("jabber:connectionmanager"), HINT_NONE);
	ck_assert_int_eq(hint_of_header("jabber:"), HINT_NONE);
	ck_assert_int_eq(hint_of_header(""), HINT_NONE);
	ck_assert_int_eq(hint_of_header(NULL), HINT_NONE);
}
END_TEST

START_TEST(an_error_tells_it_by_the_number_of_the_port)
{
	static const struct {
		const char *condition;
		uint16_t port;
		enum hint hint;
	} cases[] = {
		{ "invalid-namespace", 5222, HINT_CLIENT_PORT },
		{ "host-unknown", 5223, HINT_CLIENT_PORT },
		{ "bad-format", 5222, HINT_CLIENT_PORT },
		{ "invalid-namespace", 5269, HINT_SERVER_PORT },
		{ "improper-addressing", 5270, HINT_SERVER_PORT },
		{ "invalid-namespace", 5275, HINT_COMPONENT_PORT },
		{ "host-unknown", 5347, HINT_COMPONENT_PORT },
		{ "invalid-namespace", 15222, HINT_OTHER_PORT },
		{ "bad-namespace-prefix", 5262, HINT_OTHER_PORT },
		{ "host-unknown", 15222, HINT_OTHER_PORT },
		{ "conflict", 5262, HINT_SAME_NAME },
		/* no matter of the port */
		{ "bad-format", 5262, HINT_NONE },
		{ "internal-server-error", 5222, HINT_NONE },
		{ "policy-violation", 5262, HINT_NONE },
		{ "", 5222, HINT_NONE },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(hint_of_error(cases[i].condition,
				  cases[i].port) == cases[i].hint,
		    "%s %u", cases[i].condition, cases[i].port);
}
END_TEST

START_TEST(the_first_bytes_tell_tls_from_clear_text_and_from_others)
{
	static const struct {
		const char *bytes;
		enum hint clear, in_tls;
	} cases[] = {
		{ "\x15\x03\x01", HINT_TLS_PORT, HINT_NONE },
		{ "\x16\x03\x03\x01", HINT_TLS_PORT, HINT_NONE },
		{ "\x15\x04", HINT_NONE, HINT_NONE },
		{ "\x15", HINT_NONE, HINT_NONE },
		{ "<?xml ve", HINT_NONE, HINT_CLEAR_PORT },
		{ "<stream:", HINT_NONE, HINT_CLEAR_PORT },
		{ "HTTP/1.1", HINT_NO_XMPP, HINT_NO_XMPP },
		{ "SSH-2.0-", HINT_NO_XMPP, HINT_NO_XMPP },
		{ "220 mail", HINT_NO_XMPP, HINT_NO_XMPP },
		{ "HTTP", HINT_NONE, HINT_NONE },
		{ "", HINT_NONE, HINT_NONE },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const char *bytes = cases[i].bytes;

		ck_assert_int_eq(hint_of_bytes((const uint8_t *)bytes,
				     strlen(bytes), false),
		    cases[i].clear);
		ck_assert_int_eq(hint_of_bytes((const uint8_t *)bytes,
				     strlen(bytes), true),
		    cases[i].in_tls);
	}
}
END_TEST

START_TEST(silence_tells_little_but_what_is_usual_there)
{
	ck_assert_int_eq(hint_of_silence(5262, false), HINT_SILENT);
	ck_assert_int_eq(hint_of_silence(5263, false), HINT_TLS_PORT);
	ck_assert_int_eq(hint_of_silence(5223, false), HINT_TLS_PORT);
	ck_assert_int_eq(hint_of_silence(5262, true), HINT_NO_TLS);
}
END_TEST

/* --- how often it is said --- */

START_TEST(each_hint_is_said_once_for_its_cause)
{
	int round, hint;

	for (round = 0; round < 3; round++)
		for (hint = HINT_NONE; hint < HINT_COUNT; hint++)
			hints_log(hints, (enum hint)hint, "address=x");
	ck_assert_uint_eq(log_lines_with(""), HINT_COUNT - 1);
	ck_assert_uint_eq(log_lines_with(" address=x hint=\""), HINT_COUNT - 1);
	hints_prove_port(hints);
	hints_log(hints, HINT_CLIENT_PORT, "");
	ck_assert_uint_eq(log_lines_with("port for clients hint=\""), 1);
	hints_log(hints, HINT_SAME_NAME, "");
	hints_log(hints, HINT_CHANNEL_BINDING, "");
	ck_assert_uint_eq(log_lines_with(""), HINT_COUNT);
	hints_forget(hints, HINT_CHANNEL_BINDING);
	hints_log(hints, HINT_CHANNEL_BINDING, "");
	ck_assert_uint_eq(log_lines_with("sasl.mechs"), 2);
}
END_TEST

/* A server that restarts refuses connections, and that is no fault of the
 * configuration. */
START_TEST(a_port_that_was_the_right_one_is_not_guessed_about)
{
	static const enum hint guesses[] = { HINT_REFUSED, HINT_SILENT,
		HINT_NO_TLS };
	size_t i;

	hints_prove_port(hints);
	for (i = 0; i < ARRAY_LEN(guesses); i++)
		hints_log(hints, guesses[i], "");
	ck_assert_uint_eq(log_lines_with(""), 0);
	hints_distrust_port(hints);
	for (i = 0; i < ARRAY_LEN(guesses); i++)
		hints_log(hints, guesses[i], "");
	ck_assert_uint_eq(log_lines_with(""), ARRAY_LEN(guesses));
}
END_TEST

/* --- two of one name --- */

START_TEST(only_what_another_life_asked_is_foreign)
{
	struct barrier_table table;
	char id[BARRIER_ID_MAX];

	barrier_init(&table, 3, 0xabcdef, 0);
	ck_assert_int_eq(barrier_query(&table, 1, id), 0);
	ck_assert_msg(!barrier_is_foreign(id, 0xabcdef),
	    "our own query should not be foreign");
	ck_assert_msg(barrier_is_foreign(id, 0xabcdee),
	    "another run's query should be foreign");
	ck_assert_msg(!barrier_is_foreign("barrier-0-1", 1),
	    "an id that is no barrier's should not be foreign");
	ck_assert_msg(!barrier_is_foreign("", 1),
	    "an empty id should not be foreign");
}
END_TEST

START_TEST(what_comes_late_for_our_earlier_run_is_no_other_manager)
{
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_msg(!hints_note_foreign(hints, 29, 30),
		    "what comes within the delay should not show another "
		    "manager");
	ck_assert_msg(!hints_note_foreign(hints, 31, 30),
	    "one foreign answer should not show another manager yet");
	ck_assert_msg(hints_note_foreign(hints, 32, 30),
	    "the second foreign answer should show another manager");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hint");
	TCase *tcase = tcase_create("hint");

	tcase_add_checked_fixture(tcase, begin_upstream, finish_upstream);
	tcase_add_test(tcase, a_header_tells_what_the_port_is_for);
	tcase_add_test(tcase, an_error_tells_it_by_the_number_of_the_port);
	tcase_add_test(tcase,
	    the_first_bytes_tell_tls_from_clear_text_and_from_others);
	tcase_add_test(tcase, silence_tells_little_but_what_is_usual_there);
	tcase_add_test(tcase, each_hint_is_said_once_for_its_cause);
	tcase_add_test(tcase,
	    a_port_that_was_the_right_one_is_not_guessed_about);
	tcase_add_test(tcase, only_what_another_life_asked_is_foreign);
	tcase_add_test(tcase,
	    what_comes_late_for_our_earlier_run_is_no_other_manager);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
