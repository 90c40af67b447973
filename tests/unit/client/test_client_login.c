/* SPDX-License-Identifier: Apache-2.0 */
/* Each log-in that ends has a line and is counted, whatever its way. */
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/client/fixture.h"
#include "worker/client/login_lines.h"

#include <stdio.h>
#include <stdlib.h>

#define SASL          "xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\""
#define NO(condition) "<failure " SASL "><" condition "/></failure>"
#define AUTH(mechanism, text) \
	"<auth " SASL " mechanism=\"" mechanism "\">" text "</auth>"
#define RESPONSE(text) "<response " SASL ">" text "</response>"
#define CHALLENGE      "<challenge " SASL "/>"
#define ABORT          "<abort " SASL "/>"

#define ALICE "AGFsaWNlAHB3" /* "\0alice\0pw" */
#define EVE   "AGV2ZQBwdw==" /* "\0eve\0pw" */

#define IQ_AUTH(id, name) \
	"<iq type=\"set\" id=\"" id "\"><query xmlns=\"jabber:iq:auth\">" \
	"<username>" name "</username><password>pw</password>" \
	"<resource>r</resource></query></iq>"
#define IQ_NO(id, condition) \
	"<iq type=\"error\" id=\"" id "\"><error><" condition \
	" xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"

static void
setup(void)
{
	log_lines_begin(LOG_INFO);
	begin("");
}

static void
teardown(void)
{
	finish();
	log_lines_end();
}

static void
await_line(const char *text)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	while (log_lines_with(text) == 0) {
		ck_assert_msg(rig_now_ms() < until, "no line has %s", text);
		rig_turn();
	}
}

/* The client says it, and the server answers. */
static void
exchange(const char *said, enum frame_kind kind, const char *answer)
{
	enum frame_kind up =
	    strstr(said, "<iq ") == said ? FRAME_IQ_REQUEST : FRAME_AUTH;

	peer_send(&peer, said);
	do {
		rig_take_any(&frame);
	} while (frame.kind == FRAME_CREATE);
	ck_assert_int_eq(frame.kind, up);
	rig_give(&frame, kind, answer);
}

static const struct {
	const char *said;
	enum frame_kind kind;
	const char *answer, *line;
	enum statistic counted;
} ends[] = {
	{ AUTH("PLAIN", ALICE), FRAME_SUCCESS, RIG_SUCCESS,
	    "log-in succeeded address=127.0.0.1:%u mechanism=PLAIN "
	    "user=\"alice\" session=cm1",
	    STAT_LOGINS_PLAIN_SUCCESS },
	{ AUTH("PLAIN", ALICE), FRAME_FAILURE, NO("not-authorized"),
	    "log-in failed address=127.0.0.1:%u mechanism=PLAIN "
	    "user=\"alice\" condition=not-authorized session=cm1",
	    STAT_LOGINS_PLAIN_FAILURE },
	{ AUTH("PLAIN", ALICE), FRAME_FAILURE, NO("temporary-auth-failure"),
	    "log-in undecided address=127.0.0.1:%u mechanism=PLAIN "
	    "user=\"alice\" condition=temporary-auth-failure ",
	    STAT_LOGINS_PLAIN_ERROR },
	{ AUTH("PLAIN", "AGFsaWNl!HB3"), FRAME_FAILURE,
	    NO("incorrect-encoding"),
	    "address=127.0.0.1:%u mechanism=PLAIN user=\"-\" "
	    "condition=incorrect-encoding ",
	    STAT_LOGINS_PLAIN_FAILURE },
	{ AUTH("SCRAM-SHA-1", "biwsbj1hPTJDYixyPXg="), FRAME_FAILURE,
	    NO("not-authorized"), /* n,,n=a=2Cb,r=x */
	    "log-in failed address=127.0.0.1:%u mechanism=SCRAM-SHA-1 "
	    "user=\"a,b\" ",
	    STAT_LOGINS_SCRAM_SHA_1_FAILURE },
	{ AUTH("SCRAM-SHA-256-PLUS", ""), FRAME_FAILURE,
	    NO("invalid-mechanism"), "mechanism=SCRAM-SHA-256-PLUS user=\"-\" ",
	    STAT_LOGINS_SCRAM_PLUS_FAILURE },
	{ AUTH("EXTERNAL", "Ym9i"), FRAME_SUCCESS, RIG_SUCCESS,
	    "mechanism=EXTERNAL user=\"bob\" session=",
	    STAT_LOGINS_EXTERNAL_SUCCESS },
	{ AUTH("ANONYMOUS", ""), FRAME_SUCCESS, RIG_SUCCESS,
	    "mechanism=ANONYMOUS user=\"-\" session=",
	    STAT_LOGINS_ANONYMOUS_SUCCESS },
	{ AUTH("NO SUCH", ALICE), FRAME_FAILURE, NO("invalid-mechanism"),
	    "mechanism=- user=\"-\" ", STAT_LOGINS_OTHER_FAILURE },
	{ IQ_AUTH("a", "alice"), FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"a\"/>",
	    "log-in succeeded address=127.0.0.1:%u mechanism=iq:auth "
	    "user=\"alice\" session=cm1",
	    STAT_LOGINS_IQ_AUTH_SUCCESS },
	{ IQ_AUTH("a", "a&quot;b&lt;"), FRAME_IQ_ANSWER,
	    IQ_NO("a", "not-authorized"),
	    "log-in failed address=127.0.0.1:%u mechanism=iq:auth "
	    "user=\"a\\x22b<\" condition=not-authorized ",
	    STAT_LOGINS_IQ_AUTH_FAILURE },
	{ IQ_AUTH("a", "alice"), FRAME_BOUNCE,
	    IQ_NO("a", "remote-server-timeout"),
	    "log-in undecided address=127.0.0.1:%u mechanism=iq:auth "
	    "user=\"alice\" condition=remote-server-timeout ",
	    STAT_LOGINS_IQ_AUTH_ERROR },
};

static void
expect_line(const char *format)
{
	struct session_info *info = rig_info(&frame);
	char line[512];
	const char *port = strstr(format, "%u");

	if (!port) {
		await_line(format);
		return;
	}
	snprintf(line, sizeof(line), "%.*s%u%s", (int)(port - format), format,
	    info->peer_port, port + 2);
	await_line(line);
}

START_TEST(each_end_has_its_line_and_counter)
{
	peer_greet(&peer);
	exchange(ends[_i].said, ends[_i].kind, ends[_i].answer);
	expect_line(ends[_i].line);
	ck_assert_uint_eq(rig_count(ends[_i].counted), 1);
	ck_assert_uint_eq(log_lines_with("log-in "), 1);
	ck_assert_uint_eq(log_lines_with(" tls=no\n"), 1);
}
END_TEST

START_TEST(the_name_may_come_in_the_first_response)
{
	peer_greet(&peer);
	exchange(AUTH("PLAIN", ""), FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	exchange(RESPONSE(ALICE), FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	exchange(RESPONSE(EVE), FRAME_FAILURE, NO("not-authorized"));
	await_line("log-in failed");
	ck_assert_uint_eq(log_lines_with("mechanism=PLAIN user=\"alice\" "), 1);
}
END_TEST

START_TEST(a_further_try_is_another_log_in)
{
	peer_greet(&peer);
	exchange(AUTH("PLAIN", ALICE), FRAME_FAILURE, NO("not-authorized"));
	peer_expect(&peer, "</failure>");
	exchange(AUTH("PLAIN", EVE), FRAME_FAILURE, NO("not-authorized"));
	await_line("user=\"eve\" condition=not-authorized");
	ck_assert_uint_eq(
	    log_lines_with("user=\"alice\" condition=not-authorized"), 1);
	ck_assert_uint_eq(rig_count(STAT_LOGINS_PLAIN_FAILURE), 2);
}
END_TEST

static const struct {
	const char *last, *reason;
} given_up[] = { { ABORT, "aborted" }, { "</stream:stream>", "peer_closed" },
	{ "<presence xmlns='jabber:server'/>", "unsupported_stanza" },
	{ NULL, "peer_lost" } };

START_TEST(what_is_given_up_is_no_failure)
{
	char line[128];

	peer_greet(&peer);
	exchange(AUTH("PLAIN", ""), FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	exchange(RESPONSE(ALICE), FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	if (given_up[_i].last)
		peer_send(&peer, given_up[_i].last);
	else
		peer_half_close(&peer);
	await_line("log-in aborted address=127.0.0.1:");
	snprintf(line, sizeof(line),
	    "mechanism=PLAIN user=\"alice\" reason=%s ", given_up[_i].reason);
	await_line(line);
	ck_assert_uint_eq(rig_count(STAT_LOGINS_PLAIN_ABORTED), 1);
	ck_assert_uint_eq(log_lines_with("log-in failed"), 0);
}
END_TEST

/* The client ends its stream before the server has answered so. */
static void
log_in_and_end(const char *answer)
{
	peer_greet(&peer);
	peer_send(&peer, IQ_AUTH("a", "alice") "</stream:stream>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, answer);
}

/* The answer reaches the client, so it has a line: after the end of its stream,
 * and beside another log-in that has worked. */
START_TEST(a_guess_before_the_end_of_the_stream_has_its_line)
{
	log_in_and_end(IQ_NO("a", "not-authorized"));
	peer_expect(&peer, "not-authorized");
	await_line("log-in failed");
	ck_assert_uint_eq(rig_count(STAT_LOGINS_IQ_AUTH_FAILURE), 1);
}
END_TEST

START_TEST(a_right_guess_before_the_end_has_its_line_too)
{
	log_in_and_end("<iq type=\"result\" id=\"a\"/>");
	await_line("log-in succeeded");
	peer_expect(&peer, "</stream:stream>");
}
END_TEST

START_TEST(guesses_beside_a_log_in_that_works_have_their_lines)
{
	struct rig_frame second;

	peer_greet(&peer);
	peer_send(&peer, IQ_AUTH("a", "alice") IQ_AUTH("b", "bob"));
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_take(FRAME_IQ_REQUEST, &second);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	rig_give(&frame, FRAME_IQ_ANSWER, IQ_NO("b", "not-authorized"));
	await_line("log-in failed");
	ck_assert_uint_eq(log_lines_with("log-in failed address=127.0.0.1"), 1);
	ck_assert_uint_eq(
	    log_lines_with("user=\"bob\" condition=not-authorized"), 1);
}
END_TEST

START_TEST(guesses_of_one_that_has_logged_in_have_their_lines)
{
	peer_login(&peer, &frame);
	peer_send(&peer, IQ_AUTH("g1", "bob"));
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, IQ_NO("g1", "not-authorized"));
	await_line("mechanism=iq:auth user=\"bob\" condition=not-authorized");
	peer_send(&peer, IQ_AUTH("g2", "carol"));
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"g2\"/>");
	await_line("mechanism=iq:auth user=\"carol\" session=");
	peer_expect(&peer, "id=\"g2\"/>");
}
END_TEST

START_TEST(what_is_refused_in_clear_text_has_its_line)
{
	rig_server.offers[0].tls_policy = SERVER_TLS_REQUIRED;
	rig_publish();
	peer_greet(&peer);
	peer_send(&peer, AUTH("PLAIN", ALICE));
	await_line("user=\"alice\" condition=encryption-required ");
	peer_send(&peer, IQ_AUTH("a", "bob"));
	await_line("user=\"bob\" condition=policy-violation ");
	ck_assert_uint_eq(log_lines_with("log-in failed"), 2);
	peer_send(&peer, "<iq type='get' id='q'><q xmlns='x'/></iq>");
	peer_expect(&peer, "id=\"q\"");
	ck_assert_uint_eq(log_lines_with("log-in "), 2);
}
END_TEST

/* Openfire would judge the first three as its own. */
static const char *const other_addresses[] = { "bob@example.org",
	"example.org/x", "BOB@EXAMPLE.ORG", "bob@example.org/x" };

START_TEST(no_log_in_goes_up_by_another_address_than_the_servers)
{
	char iq[512];

	snprintf(iq, sizeof(iq), "<iq to=\"%s\" %s", other_addresses[_i],
	    &IQ_AUTH("a", "bob")[strlen("<iq ")]);
	if (_i % 2)
		peer_login(&peer, &frame);
	else
		peer_greet(&peer);
	peer_send(&peer, iq);
	peer_expect(&peer, "<not-allowed ");
	await_line("mechanism=iq:auth user=\"bob\" condition=not-allowed ");
	peer_send(&peer, IQ_AUTH("a", "alice"));
	do {
		rig_take_any(&frame);
	} while (frame.kind == FRAME_CREATE);
	rig_give(&frame, FRAME_IQ_ANSWER, IQ_NO("a", "not-authorized"));
	await_line("user=\"alice\" condition=not-authorized ");
}
END_TEST

START_TEST(no_line_has_a_password)
{
	peer_greet(&peer);
	exchange(AUTH("PLAIN", "AGFsaWNlAGh1bnRlcjI="), FRAME_FAILURE,
	    NO("not-authorized")); /* hunter2 */
	await_line("user=\"alice\"");
	ck_assert_uint_eq(log_lines_with("hunter2"), 0);
	ck_assert_uint_eq(log_lines_with("AGFsaWNl"), 0);
}
END_TEST

/* A fast guesser: each failure beyond the limit is in a count. */
START_TEST(a_flood_of_failures_is_counted_by_address)
{
	unsigned i, total = 3 * LOGIN_LINES_A_SECOND;
	uint64_t said;

	peer_greet(&peer);
	for (i = 0; i < total; i++) {
		exchange(AUTH("PLAIN", ALICE), FRAME_FAILURE,
		    NO("not-authorized"));
		peer_expect(&peer, "</failure>");
	}
	rig_await_count(STAT_LOGINS_PLAIN_FAILURE, total);
	rig_stop();
	said = log_lines_with("log-in failed ") +
	       log_lines_sum("log-ins failed address=127.0.0.1 count=");
	ck_assert_msg(said == total, "the lines name %llu failures of %u",
	    (unsigned long long)said, total);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client log-in lines");
	TCase *tcase = tcase_create("lines");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, each_end_has_its_line_and_counter, 0,
	    ARRAY_LEN(ends));
	tcase_add_test(tcase, the_name_may_come_in_the_first_response);
	tcase_add_test(tcase, a_further_try_is_another_log_in);
	tcase_add_loop_test(tcase, what_is_given_up_is_no_failure, 0,
	    ARRAY_LEN(given_up));
	tcase_add_test(tcase,
	    a_guess_before_the_end_of_the_stream_has_its_line);
	tcase_add_test(tcase, a_right_guess_before_the_end_has_its_line_too);
	tcase_add_test(tcase,
	    guesses_beside_a_log_in_that_works_have_their_lines);
	tcase_add_test(tcase,
	    guesses_of_one_that_has_logged_in_have_their_lines);
	tcase_add_test(tcase, what_is_refused_in_clear_text_has_its_line);
	tcase_add_loop_test(tcase,
	    no_log_in_goes_up_by_another_address_than_the_servers, 0,
	    (int)ARRAY_LEN(other_addresses));
	tcase_add_test(tcase, no_line_has_a_password);
	tcase_add_test(tcase, a_flood_of_failures_is_counted_by_address);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
