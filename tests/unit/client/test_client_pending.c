/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hints that the server no longer knows a session: the session is probed,
 * and its client is told when it is gone.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <string.h>

#define JID "a@example.org/r"
#define QUICK \
	"<xmpp><client><answer><timeout>1</timeout></answer></client></xmpp>"

static struct rig_frame second;
static const char *text;

static void
expect_probe(const struct rig_frame *of)
{
	rig_take(FRAME_PROBE, &frame);
	ck_assert_uint_eq(frame.slot, of->slot);
	HAS(frame.text, "cm-probe");
}

/* What goes up next is not a probe. */
static void
expect_no_probe(void)
{
	rig_await_taken();
	peer_send(&peer, "<presence id='next'/>");
	rig_take(FRAME_PRESENCE, &frame);
	HAS(frame.text, "next");
}

static const char *const gone[] = {
	"<presence type=\"unavailable\" from=\"" JID "\" to=\"" JID "\"/>",
	"<presence to=\"" JID "\" from=\"" JID "\" type=\"unavailable\">"
	"<status>kicked</status></presence>",
	"<presence from=\"" JID "\" type=\"unavailable\"/>",
	"<presence from=\"" JID
	"\" to=\"a@example.org\" type=\"unavailable\"/>",
};

START_TEST(who_is_said_to_have_gone_is_probed_and_told)
{
	begin_logged_in("");
	rig_give(&session, FRAME_PRESENCE, gone[_i]);
	expect_probe(&session);
	peer_expect(&peer, strrchr(gone[_i], '<'));
	/* nobody answers the probe of a session that lives */
	expect_no_probe();
	rig_give(&session, FRAME_NOT_FOUND, "");
	peer_expect_error(&peer, "reset");
	finish();
}
END_TEST

static const char *const harmless[] = {
	"<presence from=\"" JID "\" to=\"" JID "\"/>",
	"<presence type=\"unavailable\" from=\"b@example.org/r\" to=\"" JID
	"\"/>",
	"<presence type=\"unavailable\" from=\"a@example.org/s\" to=\"" JID
	"\"/>",
	"<presence type=\"unavailable\" to=\"" JID "\"/>",
	"<presence type=\"unavailable\"/>",
};

START_TEST(a_presence_of_another_kind_is_no_hint)
{
	begin_logged_in("");
	rig_give(&session, FRAME_PRESENCE, harmless[_i]);
	expect_no_probe();
	finish();
}
END_TEST

START_TEST(a_second_hint_within_a_second_is_not_forgotten)
{
	int i;

	begin_logged_in("");
	for (i = 0; i < 3; i++)
		rig_give(&session, FRAME_PRESENCE,
		    "<presence type=\"unavailable\" from=\"" JID "\" to=\"" JID
		    "\"/>");
	expect_probe(&session);
	expect_probe(&session);
	finish();
}
END_TEST

START_TEST(a_packet_error_is_followed_by_one_probe)
{
	int i;

	begin_logged_in("");
	for (i = 0; i < 3; i++)
		rig_give(&session, FRAME_PACKET_ERROR, "");
	expect_probe(&session);
	expect_no_probe();
	finish();
}
END_TEST

/* One that comes so soon may be about the probe. */
START_TEST(a_later_packet_error_is_followed_by_another)
{
	begin_logged_in("");
	rig_give(&session, FRAME_PACKET_ERROR, "");
	expect_probe(&session);
	expect_no_probe();
	rig_wait_ms(2100);
	rig_give(&session, FRAME_PACKET_ERROR, "");
	expect_probe(&session);
	finish();
}
END_TEST

static const char *const home[] = { "", " to='example.org'",
	" to='EXAMPLE.org'", " to='a@example.org'" };

START_TEST(a_request_that_the_server_does_not_answer_is_followed_by_a_probe)
{
	char said[200];

	begin_logged_in(QUICK);
	snprintf(said, sizeof(said),
	    "<iq type='get' id='&amp;q'%s><query xmlns='jabber:iq:roster'/>"
	    "</iq>",
	    home[_i]);
	peer_send(&peer, said);
	rig_take(FRAME_IQ_REQUEST, &frame);
	expect_probe(&session);
	rig_give(&session, FRAME_NOT_FOUND, "");
	peer_expect_error(&peer, "reset");
	finish();
}
END_TEST

static void
log_in_second(void)
{
	peer_connect(&other, false);
	peer_login(&other, &second);
}

/* Time passes: this one's request has none either. */
static void
await_probe_of_second(void)
{
	peer_send(&other, "<iq type='get' id='o'><a/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	expect_probe(&second);
	peer_close(&other);
}

static const struct {
	enum frame_kind kind;
	const char *text;
} answers[] = {
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"&lt;q\"/>" },
	{ FRAME_IQ_ANSWER,
	    "<iq id=\"&lt;q\" from=\"example.org\" type=\"error\"><a/></iq>" },
	{ FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"&lt;q\" from=\"a@example.org\"/>" },
	{ FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"&lt;q\" from=\"" JID "\"/>" },
	{ FRAME_BOUNCE, "<iq type=\"error\" id=\"&lt;q\"><error/></iq>" },
};

START_TEST(a_request_that_has_its_answer_is_not_followed_by_a_probe)
{
	begin_logged_in(QUICK);
	log_in_second();
	peer_send(&peer, "<iq type='get' id='&lt;q'><a/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&session, answers[_i].kind, answers[_i].text);
	peer_expect(&peer, "id=\"&lt;q\"");
	await_probe_of_second();
	finish();
}
END_TEST

START_TEST(a_request_to_somebody_else_is_his_to_answer)
{
	begin_logged_in(QUICK);
	log_in_second();
	peer_send(&peer, "<iq type='get' id='q' to='b@example.org/x'><a/></iq>"
			 "<iq type='get' id='r' to='" JID "'><a/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	await_probe_of_second();
	finish();
}
END_TEST

START_TEST(another_s_answer_is_not_the_server_s)
{
	begin_logged_in(QUICK);
	peer_send(&peer, "<iq type='get' id='q'><a/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&session, FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"q\" from=\"b@example.org/x\"/>");
	rig_give(&session, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"p\"/>");
	expect_probe(&session);
	finish();
}
END_TEST

/* Nor is an error for something else with that id. */
START_TEST(a_message_s_error_answers_no_request)
{
	begin_logged_in(QUICK);
	peer_send(&peer, "<message id='q'/><iq type='get' id='q'><a/></iq>");
	rig_take(FRAME_MESSAGE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&session, FRAME_BOUNCE,
	    "<message type=\"error\" id=\"q\"><error/></message>");
	expect_probe(&session);
	finish();
}
END_TEST

START_TEST(of_many_requests_the_last_are_kept)
{
	char said[100];
	int i;

	begin_logged_in(QUICK);
	for (i = 0; i < 40; i++) {
		snprintf(said, sizeof(said),
		    "<iq type='get' id='q%d'><a/></iq>", i);
		peer_send(&peer, said);
		rig_take(FRAME_IQ_REQUEST, &frame);
	}
	for (i = 0; i < 39; i++) {
		snprintf(said, sizeof(said), "<iq type=\"result\" id=\"q%d\"/>",
		    i);
		rig_give(&session, FRAME_IQ_ANSWER, said);
	}
	expect_probe(&session);
	rig_give(&session, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"q39\"/>");
	text = peer_expect(&peer, "id=\"q39\"/>");
	HAS(text, "id=\"q0\"");
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sessions that may be gone");
	TCase *tcase = tcase_create("pending");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, who_is_said_to_have_gone_is_probed_and_told,
	    0, (int)ARRAY_LEN(gone));
	tcase_add_loop_test(tcase, a_presence_of_another_kind_is_no_hint, 0,
	    (int)ARRAY_LEN(harmless));
	tcase_add_test(tcase, a_second_hint_within_a_second_is_not_forgotten);
	tcase_add_test(tcase, a_packet_error_is_followed_by_one_probe);
	tcase_add_test(tcase, a_later_packet_error_is_followed_by_another);
	tcase_add_loop_test(tcase,
	    a_request_that_the_server_does_not_answer_is_followed_by_a_probe, 0,
	    (int)ARRAY_LEN(home));
	tcase_add_loop_test(tcase,
	    a_request_that_has_its_answer_is_not_followed_by_a_probe, 0,
	    (int)ARRAY_LEN(answers));
	tcase_add_test(tcase, a_request_to_somebody_else_is_his_to_answer);
	tcase_add_test(tcase, another_s_answer_is_not_the_server_s);
	tcase_add_test(tcase, a_message_s_error_answers_no_request);
	tcase_add_test(tcase, of_many_requests_the_last_are_kept);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
