/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers on loan: who holds none while idle, and who pays when too many are in
 * the middle of a stanza or need too much memory for it. */
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/client/peer.h"

#include <stdio.h>
#include <stdlib.h>

#define PARSERS(options) \
	"<xmpp><client><parsers>" options "</parsers></client></xmpp>"
#define NS_STREAM_TEXT "http://etherx.jabber.org/streams"

#define PEERS_MAX 24u

static struct peer peers[PEERS_MAX], late;
static struct rig_frame frame, sessions[PEERS_MAX];

static void
finish(unsigned count)
{
	while (count-- > 0)
		peer_close(&peers[count]);
	rig_end();
}

/* --- headers that declare more --- */

static void
greet_with(struct peer *peer, const char *header)
{
	peer_send(peer, header);
	peer_expect(peer, "</stream:features>");
}

static void
login_with(struct peer *peer, const char *header)
{
	peer_connect(peer, false);
	greet_with(peer, header);
	peer_authenticate(peer, &frame);
	peer_succeed(peer, &frame);
	greet_with(peer, header);
}

/* Says something with what its header declared, in two pieces. */
static void
talk_in_two(struct peer *peer)
{
	peer_send(peer, "<message id='1' q:a='b'><q:");
	peer_send(peer, "x/></message>");
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "<message xmlns:q=\"urn:q\" id=\"1\" q:a=\"b\">"
			"<q:x/></message>");
}

/* So many, each with its session. */
static void
log_in(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		peer_connect(&peers[i], false);
		peer_login(&peers[i], &sessions[i]);
	}
}

START_TEST(idle_clients_with_a_further_namespace_hold_no_parser)
{
	unsigned i, round;

	rig_start(PARSERS("4"));
	for (i = 0; i < PEERS_MAX; i++)
		login_with(&peers[i], PEER_OPEN " xmlns:q='urn:q'>");
	for (round = 0; round < 2; round++)
		for (i = 0; i < PEERS_MAX; i++)
			talk_in_two(&peers[i]);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 0);
	finish(PEERS_MAX);
}
END_TEST

START_TEST(unauthenticated_clients_with_a_further_namespace_hold_no_parser)
{
	unsigned i;

	rig_start(PARSERS("4"));
	for (i = 0; i < PEERS_MAX; i++) {
		peer_connect(&peers[i], false);
		greet_with(&peers[i], PEER_OPEN " xmlns:q='urn:q'>");
	}
	peer_connect(&late, false);
	peer_login(&late, &frame);
	peer_close(&late);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 0);
	finish(PEERS_MAX);
}
END_TEST

START_TEST(each_stream_keeps_to_its_own_header)
{
	static const char *const headers[] = {
		PEER_OPEN " xmlns:q='urn:q'>",
		PEER_OPEN " xmlns:q='urn:other'>",
		"<s:stream xmlns='jabber:client' version='1.0' "
		"xmlns:s='" NS_STREAM_TEXT "'>",
		PEER_HEADER,
	};
	unsigned i;

	rig_start(PARSERS("4"));
	for (i = 0; i < ARRAY_LEN(headers); i++)
		login_with(&peers[i], headers[i]);
	talk_in_two(&peers[0]);
	peer_send(&peers[1], "<message><q:x/></message>");
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "<q:x xmlns:q=\"urn:other\"/>");
	peer_send(&peers[3], "<message><q:x/></message>");
	peer_expect_error(&peers[3], "not-well-formed");
	rig_take(FRAME_CLOSE, &frame);
	peer_send(&peers[2], "<presence/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_send(&peers[2], "</s:stream>");
	peer_expect(&peers[2], "</stream:stream>");
	rig_take_left(&frame);
	talk_in_two(&peers[0]);
	peer_send(&peers[0], "</stream:stream>");
	peer_expect(&peers[0], "</stream:stream>");
	finish(ARRAY_LEN(headers));
}
END_TEST

/* --- those who wait for room --- */

#define SMALL_RINGS \
	"<rings><up>65536</up></rings>" \
	"<xmpp><parser><buffer><size>10240</size></buffer></parser></xmpp>"
#define WAITERS  8u
#define MESSAGES 8u /* more than a lane of its own takes */

static void
fill_lane(struct peer *peer, const char *behind)
{
	uint64_t before = rig_count(STAT_STANZAS_UP);
	char text[9100];
	unsigned i;

	for (i = 0; i < MESSAGES; i++) {
		int len = snprintf(text, sizeof(text),
		    "<message><body>%09000u</body></message>%s", i,
		    i == MESSAGES - 1 ? behind : "");

		peer_send_bytes(peer, text, (size_t)len);
		rig_await_count(STAT_STANZAS_UP, before + i + 1);
	}
}

static const char *const behind[] = { "", "<presence/>", "<presence" };

START_TEST(who_waits_for_room_holds_no_parser)
{
	unsigned i, left = WAITERS * (MESSAGES + (_i > 0));

	rig_start(SMALL_RINGS PARSERS("4"));
	log_in(WAITERS);
	for (i = 0; i < WAITERS; i++)
		fill_lane(&peers[i], behind[_i]);
	rig_await_full();
	for (i = 0; _i == 2 && i < WAITERS; i++)
		peer_send(&peers[i], "/>");
	while (left-- > 0)
		rig_take_any(&frame);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 0);
	ck_assert_uint_eq(rig_count(STAT_CLIENTS_OPEN), WAITERS);
	finish(WAITERS);
}
END_TEST

static void
send_header_with(struct peer *peer, unsigned count, unsigned len)
{
	char text[4096] = PEER_OPEN;
	unsigned i;

	for (i = 0; i < count; i++)
		sprintf(text + strlen(text), " xmlns:p%u='%0*u'", i, (int)len,
		    i);
	strcat(text, ">");
	peer_connect(peer, false);
	peer_send(peer, text);
}

START_TEST(a_header_that_declares_too_much_is_refused)
{
	rig_start("");
	send_header_with(&peers[0], 16, 10);
	peer_expect(&peers[0], "</stream:features>");
	send_header_with(&peers[1], 17, 10);
	peer_expect_refusal(&peers[1], "policy-violation");
	send_header_with(&peers[2], 10, 80);
	peer_expect(&peers[2], "</stream:features>");
	send_header_with(&peers[3], 10, 100);
	peer_expect_refusal(&peers[3], "policy-violation");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_MANY_ATTRIBUTES), 2);
	finish(4);
}
END_TEST

/* --- who pays --- */

/* Begins a message of so many bytes, and waits until the worker has it. */
static void
begin_message(struct peer *peer, size_t len)
{
	uint64_t before = rig_count(STAT_BYTES_UP);
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	memcpy(text, "<message><body>", 15);
	peer_send_bytes(peer, text, len);
	rig_await_count(STAT_BYTES_UP, before + len);
	free(text);
}

static void
end_message(struct peer *peer)
{
	peer_send(peer, "</body></message>");
	rig_take(FRAME_MESSAGE, &frame);
}

static void
greet_unauthenticated(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		peer_connect(&peers[i], false);
		peer_greet(&peers[i]);
	}
}

START_TEST(unauthenticated_clients_in_mid_stanza_do_not_shut_out_who_logs_in)
{
	rig_start(PARSERS("4"));
	greet_unauthenticated(2);
	begin_message(&peers[0], 600);
	begin_message(&peers[1], 600);
	peer_connect(&peers[2], false);
	peer_login(&peers[2], &sessions[2]);
	/* Who was there first has paid, and only he. */
	peer_expect_error(&peers[0], "resource-constraint");
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 1);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OVERLOAD), 1);
	peer_connect(&peers[3], false);
	peer_greet(&peers[3]);
	finish(4);
}
END_TEST

START_TEST(who_has_logged_in_does_not_pay_for_unauthenticated_clients)
{
	rig_start(PARSERS("4"));
	peer_connect(&peers[2], false);
	peer_login(&peers[2], &sessions[2]);
	peer_connect(&peers[3], false);
	peer_login(&peers[3], &sessions[3]);
	greet_unauthenticated(2);
	begin_message(&peers[2], 600);
	begin_message(&peers[0], 600);
	begin_message(&peers[1], 600);
	begin_message(&peers[3], 600);
	end_message(&peers[2]);
	end_message(&peers[3]);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 0);
	finish(4);
}
END_TEST

START_TEST(a_crowd_in_mid_stanza_does_not_shut_the_worker)
{
	unsigned i;

	rig_start(PARSERS("4"));
	log_in(5);
	for (i = 0; i < 4; i++)
		begin_message(&peers[i], 600);
	/* The first one goes on: he has not been without progress longest. */
	peer_send(&peers[0], "</body></message>");
	rig_take(FRAME_MESSAGE, &frame);
	begin_message(&peers[0], 600);
	begin_message(&peers[4], 600);
	peer_expect_error(&peers[1], "resource-constraint");
	rig_take(FRAME_CLOSE, &frame);
	end_message(&peers[4]);
	end_message(&peers[0]);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 1);
	/* And a log-in finds a parser even so. */
	begin_message(&peers[0], 600);
	begin_message(&peers[4], 600);
	peer_connect(&late, false);
	peer_login(&late, &frame);
	peer_close(&late);
	finish(5);
}
END_TEST

START_TEST(over_the_memory_one_of_the_largest_pays)
{
	unsigned i;

	rig_start(PARSERS("<memory>1048576</memory>"));
	log_in(6);
	begin_message(&peers[0], 2000);
	for (i = 1; i < 5; i++)
		begin_message(&peers[i], 150000);
	peer_expect_error(&peers[1], "resource-constraint");
	rig_take(FRAME_CLOSE, &frame);
	begin_message(&peers[5], 2000);
	end_message(&peers[0]);
	for (i = 2; i < 6; i++)
		end_message(&peers[i]);
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 1);
	finish(6);
}
END_TEST

START_TEST(unauthenticated_clients_use_up_no_more_than_half_of_the_memory)
{
	unsigned i;

	rig_start(PARSERS("<memory>1048576</memory>"));
	peer_connect(&peers[23], false);
	peer_login(&peers[23], &sessions[23]);
	begin_message(&peers[23], 60000);
	greet_unauthenticated(23);
	for (i = 0; i < 23; i++)
		begin_message(&peers[i], 16000);
	peer_send(&peers[23], "</body></message>");
	rig_take_past_ends(FRAME_MESSAGE, &frame);
	ck_assert_uint_ge(rig_count(STAT_PARSERS_REFUSED), 1);
	ck_assert_uint_lt(rig_count(STAT_PARSERS_REFUSED), 23);
	finish(24);
}
END_TEST

static void
expect_logged(const char *words)
{
	ck_assert_msg(log_lines_with(words) > 0, "no line has %s", words);
	log_lines_end();
}

START_TEST(a_refusal_names_its_option)
{
	unsigned i;

	log_lines_begin(LOG_INFO);
	rig_start(PARSERS("2<memory>1048576</memory>"));
	greet_unauthenticated(2);
	begin_message(&peers[0], 600);
	begin_message(&peers[1], 600);
	peer_expect_error(&peers[0], "resource-constraint");
	expect_logged("the limit is xmpp.client.parsers address=");
	finish(2);

	log_lines_begin(LOG_INFO);
	rig_start(PARSERS("<memory>1048576</memory>"));
	log_in(5);
	for (i = 0; i < 5; i++)
		begin_message(&peers[i], 200000);
	peer_expect_error(&peers[0], "resource-constraint");
	expect_logged("the limit is xmpp.client.parsers.memory address=");
	finish(5);

	log_lines_begin(LOG_INFO);
	rig_start("");
	send_header_with(&peers[0], 17, 10);
	peer_expect_refusal(&peers[0], "policy-violation");
	expect_logged("more than 16 further namespaces or more than 1024 "
		      "bytes of them");
	finish(1);
}
END_TEST

/* --- bytes instead of a parser --- */

START_TEST(few_bytes_that_complete_nothing_need_no_parser)
{
	static const char start[] = "<message id='>>' to='a@example.org'><body";
	size_t i;
	unsigned n;

	rig_start(PARSERS("2"));
	for (n = 0; n < 6; n++) {
		peer_connect(&peers[n], false);
		peer_login(&peers[n], &sessions[n]);
	}
	for (i = 0; i < sizeof(start) - 1; i++)
		for (n = 0; n < 6; n++)
			peer_send_bytes(&peers[n], start + i, 1);
	for (n = 0; n < 6; n++) {
		peer_send(&peers[n], "/></message>");
		rig_take(FRAME_MESSAGE, &frame);
		HAS(frame.text, "<message id=\"&gt;&gt;\" "
				"to=\"a@example.org\"><body/></message>");
	}
	ck_assert_uint_eq(rig_count(STAT_PARSERS_REFUSED), 0);
	finish(6);
}
END_TEST

START_TEST(what_is_wrong_in_a_part_of_a_stanza_is_said_at_once)
{
	static const struct {
		const char *first, *second, *condition;
	} cases[] = {
		{ "<message><body>", "</bodie>", "not-well-formed" },
		{ "<message a='", "<", "not-well-formed" },
		{ "<message><body>&nb", "sp;", "restricted-xml" },
		{ "<message><!", "--", "restricted-xml" },
		{ "<", "?pi", "restricted-xml" },
		{ "<message><q:", "x/>", "not-well-formed" },
		{ "</stream:strea", "n>", "not-well-formed" },
	};
	size_t i;

	rig_start("");
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		peer_connect(&peers[i], false);
		peer_greet(&peers[i]);
		peer_send(&peers[i], cases[i].first);
		peer_send(&peers[i], cases[i].second);
		peer_expect_error(&peers[i], cases[i].condition);
	}
	finish(ARRAY_LEN(cases));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client parsers");
	TCase *tcase = tcase_create("parsers");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase,
	    idle_clients_with_a_further_namespace_hold_no_parser);
	tcase_add_test(tcase,
	    unauthenticated_clients_with_a_further_namespace_hold_no_parser);
	tcase_add_loop_test(tcase, who_waits_for_room_holds_no_parser, 0,
	    (int)ARRAY_LEN(behind));
	tcase_add_test(tcase, each_stream_keeps_to_its_own_header);
	tcase_add_test(tcase, a_header_that_declares_too_much_is_refused);
	tcase_add_test(tcase,
	    unauthenticated_clients_in_mid_stanza_do_not_shut_out_who_logs_in);
	tcase_add_test(tcase,
	    who_has_logged_in_does_not_pay_for_unauthenticated_clients);
	tcase_add_test(tcase, a_crowd_in_mid_stanza_does_not_shut_the_worker);
	tcase_add_test(tcase, over_the_memory_one_of_the_largest_pays);
	tcase_add_test(tcase,
	    unauthenticated_clients_use_up_no_more_than_half_of_the_memory);
	tcase_add_test(tcase, a_refusal_names_its_option);
	tcase_add_test(tcase, few_bytes_that_complete_nothing_need_no_parser);
	tcase_add_test(tcase,
	    what_is_wrong_in_a_part_of_a_stanza_is_said_at_once);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
