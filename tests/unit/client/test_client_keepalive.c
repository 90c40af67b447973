/* SPDX-License-Identifier: Apache-2.0 */
/* What a quiet client is sent, so that its connection stays known to routers
 * on its way. */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"
#include "worker/client/keepalive.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIENT(options)   "<xmpp><client>" options "</client></xmpp>"
#define KEEPALIVE(values) CLIENT("<keepalive>" values "</keepalive>")
#define EVERY_SECOND      "<interval>1</interval>"
#define BY_PING           "<method>ping</method>"

/* --- how long it waits --- */

START_TEST(a_wait_is_never_longer_than_the_interval_and_a_quarter_shorter)
{
	static const double intervals_s[] = { 0.1, 1, 2, 3, 4, 7.9, 60, 86400 };
	uint32_t salt, wait_s, whole_s;
	size_t i;

	for (i = 0; i < sizeof(intervals_s) / sizeof(*intervals_s); i++)
		for (salt = 0; salt < 10000; salt++) {
			wait_s = keepalive_wait_s(intervals_s[i], salt);
			whole_s = MAX((uint32_t)intervals_s[i], 1u);
			ck_assert_uint_le(wait_s, whole_s);
			ck_assert_uint_ge(wait_s, MAX(whole_s * 3 / 4, 1u));
		}
}
END_TEST

/* A million that came in the same second, slot by slot. */
START_TEST(a_million_quiet_clients_do_not_wake_at_once)
{
	static uint32_t waking[61];
	uint32_t slot, i, most = 0;

	for (slot = 0; slot < 1000000; slot++)
		waking[keepalive_wait_s(60, slot ^ 12345)]++;
	for (i = 0; i < 61; i++)
		most = MAX(most, waking[i]);
	ck_assert_uint_lt(most, 1000000 / 16 * 11 / 10);
}
END_TEST

/* --- what is sent --- */

START_TEST(a_quiet_client_gets_blanks_and_nothing_else)
{
	begin_logged_in(KEEPALIVE(EVERY_SECOND));
	rig_await_count(STAT_KEEPALIVES_SENT, 2);
	ck_assert_str_eq(peer_expect(&peer, "  "), "  ");
	ck_assert_uint_eq(rig_count(STAT_PINGS_SENT), 0);
	rig_give(&session, FRAME_MESSAGE, "<message/>");
	HAS(peer_expect(&peer, "<message/>"), "<message/>");
	ck_assert_uint_eq(strspn(peer.expected, " "),
	    strlen(peer.expected) - strlen("<message/>"));
	rig_expect_no_frame();
	finish();
}
END_TEST

START_TEST(by_ping_its_answer_ends_here)
{
	int round;

	begin_logged_in(KEEPALIVE(EVERY_SECOND BY_PING));
	for (round = 0; round < 2; round++)
		peer_answer_ping(&peer, round % 2 ? "error" : "result");
	rig_await_count(STAT_PINGS_ANSWERED, 2);
	ck_assert_uint_ge(rig_count(STAT_KEEPALIVES_SENT), 2);
	peer_send(&peer, "<presence/>");
	rig_take(FRAME_PRESENCE, &frame); /* and no answer before it */
	finish();
}
END_TEST

START_TEST(what_answers_no_ping_of_ours_goes_up)
{
	begin_logged_in(KEEPALIVE(EVERY_SECOND BY_PING));
	peer_send(&peer, "<iq type='result' id='cm-ping-1'/>");
	rig_take(FRAME_IQ_ANSWER, &frame); /* nobody has been asked yet */
	HAS(peer_expect(&peer, "</iq>"), "<ping");
	peer_send(&peer, "<iq type='result' id='cm-ping-'/>");
	rig_take(FRAME_IQ_ANSWER, &frame);
	HAS(frame.text, "id=\"cm-ping-\"");
	ck_assert_uint_eq(rig_count(STAT_PINGS_ANSWERED), 0);
	finish();
}
END_TEST

/* Blanks are no sign of life of the client. */
START_TEST(a_dead_client_is_pinged_and_sent_away_all_the_same)
{
	begin_logged_in(CLIENT("<idle>3000</idle><keepalive>" EVERY_SECOND
			       "</keepalive>"));
	peer_expect(&peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>");
	HAS(peer_expect(&peer, "</stream:stream>"), "<connection-timeout ");
	ck_assert_uint_eq(rig_count(STAT_PINGS_SENT), 1);
	ck_assert_uint_ge(rig_count(STAT_KEEPALIVES_SENT), 1);
	finish();
}
END_TEST

/* Each step of the way in: nobody is sent to who has no resource yet. */
START_TEST(before_a_client_is_bound_nothing_is_sent)
{
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	begin(KEEPALIVE(EVERY_SECOND));
	peer_connect(&other, true); /* it does not even shake hands */
	peer_greet(&peer);
	rig_wait_ms(2100);
	peer_send(&peer, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	ck_assert_str_eq(peer_expect(&peer, ">"),
	    "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>");
	rig_wait_ms(2100);
	ck_assert_str_eq(peer_seen(&peer), "");
	peer_start_tls(&peer);
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_RELEASE, &frame); /* that in clear text */
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
	peer_succeed(&peer, &frame);
	rig_wait_ms(2100);
	ck_assert_str_eq(peer_seen(&peer), "");
	ck_assert_uint_eq(rig_count(STAT_KEEPALIVES_SENT), 0);
	peer_close(&other);
	finish();
}
END_TEST

/* What a client does not read shows a router nothing new; more would only fill
 * memory. */
START_TEST(who_has_not_acknowledged_what_came_before_gets_nothing_more)
{
	static char large[600000];
	char *message;
	uint64_t sent;

	rig_start(KEEPALIVE(EVERY_SECOND));
	peer_connect_small(&peer);
	peer_login(&peer, &session);
	message = peer_message(sizeof(large), 1);
	rig_give(&session, FRAME_MESSAGE, message);
	rig_await_taken();
	sent = rig_count(STAT_KEEPALIVES_SENT);
	rig_wait_ms(2100);
	ck_assert_uint_eq(rig_count(STAT_KEEPALIVES_SENT), sent);
	peer_expect(&peer, "</message>");
	free(message);
	finish();
}
END_TEST

/* --- a reload --- */

/* By default nothing is sent. */
START_TEST(an_interval_set_by_a_reload_counts_at_once)
{
	begin_logged_in("");
	rig_wait_ms(2100);
	ck_assert_str_eq(peer_seen(&peer), "");
	rig_configure(KEEPALIVE(EVERY_SECOND));
	rig_await_count(STAT_KEEPALIVES_SENT, 2);
	rig_configure(KEEPALIVE(EVERY_SECOND BY_PING));
	peer_expect(&peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>");
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_keepalive");
	TCase *tcase = tcase_create("keepalive");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase,
	    a_wait_is_never_longer_than_the_interval_and_a_quarter_shorter);
	tcase_add_test(tcase, a_million_quiet_clients_do_not_wake_at_once);
	tcase_add_test(tcase, a_quiet_client_gets_blanks_and_nothing_else);
	tcase_add_test(tcase, by_ping_its_answer_ends_here);
	tcase_add_test(tcase, what_answers_no_ping_of_ours_goes_up);
	tcase_add_test(tcase,
	    a_dead_client_is_pinged_and_sent_away_all_the_same);
	tcase_add_test(tcase, before_a_client_is_bound_nothing_is_sent);
	tcase_add_test(tcase,
	    who_has_not_acknowledged_what_came_before_gets_nothing_more);
	tcase_add_test(tcase, an_interval_set_by_a_reload_counts_at_once);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
