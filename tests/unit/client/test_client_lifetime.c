/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker between its master, its upstream and its clients: links lost and
 * back, rings full, listeners lent, descriptors gone, the end.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the server's state --- */

static const enum server_phase absent[] = { SERVER_UNKNOWN, SERVER_HOLDING,
	SERVER_GONE };

START_TEST(without_a_server_a_client_is_refused_at_once)
{
	begin("");
	set_phase(absent[_i]);
	peer_send(&peer, PEER_HEADER);
	peer_expect_refusal(&peer, "remote-connection-failed");
	ck_assert_uint_eq(rig_count(STAT_CLIENTS_REFUSED), 1);
	rig_expect_no_frame();
	finish();
}
END_TEST

START_TEST(while_links_are_lost_nothing_is_taken_from_clients)
{
	int i;

	begin_logged_in("");
	set_phase(SERVER_HOLDING);
	expect_refused();
	peer_send(&peer, "<message id='held'/>");
	for (i = 0; i < 3; i++)
		expect_refused(); /* the worker has turned since */
	rig_expect_no_frame();
	/* what comes down is delivered all the same */
	rig_give(&session, FRAME_PRESENCE, "<presence/>");
	peer_expect(&peer, "<presence/>");
	set_phase(SERVER_SERVING);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "id=\"held\"");
	finish();
}
END_TEST

/* All that it may say at once; the server is awaited with the rest. */
START_TEST(during_a_pause_a_log_in_begins_and_waits)
{
	int i;

	begin("");
	rig_server.pause = PAUSE_AWAITING;
	set_phase(SERVER_HOLDING);
	peer_send(&peer, PEER_HEADER);
	peer_expect(&peer, "</stream:features>");
	peer_send(&peer, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
			 "mechanism='PLAIN'>AGEAYg==</auth>");
	for (i = 0; i < 3; i++)
		rig_turn();
	rig_expect_no_frame();
	rig_server.pause = PAUSE_NONE;
	set_phase(SERVER_SERVING);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLIENTS_REFUSED), 0);
	finish();
}
END_TEST

START_TEST(a_client_under_tls_goes_on_after_links_were_lost)
{
	char text[64], said[20000] = "";
	int i;

	rig_start("");
	peer_connect(&peer, true);
	peer_login(&peer, &session);
	set_phase(SERVER_HOLDING);
	expect_refused();
	for (i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "<message id='m%d.'/>", i);
		strcat(said, text);
	}
	peer_send(&peer, said);
	expect_refused();
	set_phase(SERVER_SERVING);
	for (i = 0; i < 300; i++) {
		rig_take(FRAME_MESSAGE, &frame);
		snprintf(text, sizeof(text), "id=\"m%d.\"", i);
		HAS(frame.text, text);
	}
	finish();
}
END_TEST

START_TEST(a_mass_disconnect_reaches_everyone_who_was_there)
{
	struct rig_frame first;

	begin_logged_in("");
	peer_connect(&other, false);
	peer_login(&other, &first);
	rig_server.disconnect_epoch++;
	set_phase(SERVER_GONE);
	peer_expect_error(&peer, "system-shutdown");
	peer_expect_error(&other, "system-shutdown");
	peer_close(&other);
	rig_take(FRAME_CLOSE, &frame);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_UPSTREAM_LOST), 2);
	finish();
}
END_TEST

START_TEST(who_comes_after_a_mass_disconnect_stays)
{
	begin("");
	rig_server.disconnect_epoch++;
	set_phase(SERVER_GONE);
	expect_refused();
	set_phase(SERVER_SERVING);
	peer_connect(&other, false);
	peer_login(&other, &session);
	peer_send(&other, "<presence/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_close(&other);
	finish();
}
END_TEST

/* --- sessions --- */

#define FEW_SESSIONS "<sessions><max>16</max></sessions>"

START_TEST(unauthenticated_clients_use_up_no_session_that_a_login_needs)
{
	static struct peer newcomers[40];
	unsigned i;

	begin_logged_in(FEW_SESSIONS);
	for (i = 0; i < ARRAY_LEN(newcomers); i++) {
		peer_connect(&newcomers[i], false);
		peer_greet(&newcomers[i]);
		while (rig_has_frame())
			rig_take(FRAME_RELEASE, &frame);
	}
	peer_connect(&other, false);
	peer_login_beside(&other, &session);
	peer_send(&peer, "<presence/>");
	rig_take_past_ends(FRAME_PRESENCE, &frame);
	peer_close(&other);
	for (i = 0; i < ARRAY_LEN(newcomers); i++)
		peer_close(&newcomers[i]);
	finish();
}
END_TEST

/* --- rings --- */

#define SMALL_RINGS \
	"<rings><up>65536</up></rings>" \
	"<xmpp><parser><buffer><size>10240</size></buffer></parser></xmpp>"
#define FLOOD 2000

static char *
flood(void)
{
	char *said = malloc(FLOOD * 1100u), *at = said;
	int i;

	for (i = 0; i < FLOOD; i++) {
		at += sprintf(at, "<message id='m%d.'><b>", i);
		memset(at, 'x', 1000);
		at += 1000;
		at += sprintf(at, "</b></message>");
	}
	return said;
}

static void
take_numbered(int number)
{
	char text[32];

	rig_take(FRAME_MESSAGE, &frame);
	snprintf(text, sizeof(text), "id=\"m%d.\"", number);
	HAS(frame.text, text);
}

START_TEST(a_full_ring_stops_reading_and_loses_nothing)
{
	char *said = flood();
	size_t len = strlen(said), sent;
	int i;

	rig_start(SMALL_RINGS);
	peer_connect(&peer, _i == 1);
	peer_login(&peer, &session);
	sent = peer_try_send(&peer, said, len);
	rig_await_full();
	/* a ring and a few reads: not what the client has sent */
	ck_assert_uint_lt(rig_count(STAT_BYTES_UP), 200000);
	for (i = 0; i < FLOOD; i++) {
		if (sent < len)
			sent += peer_try_send(&peer, said + sent, len - sent);
		while (!rig_has_frame() && sent < len)
			sent += peer_try_send(&peer, said + sent, len - sent);
		take_numbered(i);
	}
	ck_assert_uint_eq(sent, len);
	free(said);
	finish();
}
END_TEST

START_TEST(a_session_ends_behind_what_waited_for_room)
{
	char *said = flood();
	int number = 0;

	begin_logged_in(SMALL_RINGS);
	(void)peer_try_send(&peer, said, 120000);
	rig_await_full();
	peer_reset(&peer);
	/* Messages that were read, in order, and the close as the last. */
	for (rig_take_any(&frame); frame.kind == FRAME_MESSAGE;
	     rig_take_any(&frame))
		number++;
	ck_assert_uint_eq(frame.kind, FRAME_CLOSE);
	ck_assert_int_gt(number, 40);
	rig_expect_no_frame();
	free(said);
	rig_end();
}
END_TEST

/* Whatever else goes up before: the first close is of this one. */
static void
take_close_of(const struct rig_frame *of)
{
	do
		rig_take_any(&frame);
	while (frame.kind != FRAME_CLOSE);
	ck_assert_msg(frame.slot == of->slot, "slot %u is closed, expected %u",
	    frame.slot, of->slot);
}

START_TEST(who_wait_for_room_in_one_lane_do_not_stop_another)
{
	char *said = flood();
	struct rig_frame first;

	begin(SMALL_RINGS);
	peer_login(&peer, &first);
	do {
		peer_connect(&other, false);
		peer_login(&other, &session);
	} while (session.slot % 16 == first.slot % 16);
	(void)peer_try_send(&peer, said, 120000);
	rig_await_full();
	peer_send(&other, "<bogus/>");
	peer_expect_error(&other, "unsupported-stanza-type");
	peer_close(&other);
	free(said);
	take_close_of(&session);
	peer_reset(&peer);
	take_close_of(&first);
	rig_end();
}
END_TEST

/* --- the master's orders --- */

START_TEST(stop_tells_everyone_and_closes_every_session)
{
	begin_logged_in("");
	peer_connect(&other, false);
	rig_await_count(STAT_CLIENTS_ACCEPTED, 2);
	stop_worker();
	peer_expect_error(&peer, "system-shutdown");
	peer_expect_refusal(&other, "system-shutdown");
	peer_close(&peer);
	peer_close(&other);
	rig_take(FRAME_CLOSE, &frame);
	rig_await_stopped();
	rig_end();
}
END_TEST

START_TEST(who_does_not_take_his_end_does_not_hold_up_a_stop)
{
	begin_logged_in("<connection><ack><timeout>600000</timeout></ack></"
			"connection>"
			"<stop><timeout>4</timeout></stop>");
	peer_connect(&other, false);
	peer_greet(&other);
	peer_send(&other, "</a>"); /* ends already, when the stop comes */
	peer_expect_error(&other, "not-well-formed");
	stop_worker();
	peer_expect_error(&peer, "system-shutdown");
	rig_take(FRAME_CLOSE, &frame);
	rig_await_stopped();
	rig_end();
	peer_close(&peer);
	peer_close(&other);
}
END_TEST

START_TEST(without_a_master_the_worker_ends_in_order)
{
	begin_logged_in("");
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
	peer_close(&peer);
	peer_connect(&peer, false);
	peer_greet(&peer);
	rig_desert();
	peer_expect_error(&peer, "system-shutdown");
	rig_take(FRAME_RELEASE, &frame);
	finish();
}
END_TEST

START_TEST(an_upstream_that_takes_nothing_does_not_keep_the_worker_alive)
{
	char *said = flood();

	begin_logged_in(SMALL_RINGS "<stop><timeout>1</timeout></stop>");
	(void)peer_try_send(&peer, said, 120000);
	rig_await_full();
	rig_desert();
	free(said);
	finish();
}
END_TEST

START_TEST(a_listener_that_is_lent_is_served_until_it_is_dropped)
{
	struct channel_message message = { .type = CHANNEL_LISTENER,
		.number = 9 << 1 };
	uint16_t port;
	int mine = rig_listen(&port);
	struct pollfd waiting = { .fd = mine, .events = POLLIN };

	begin("");
	message.fd = mine;
	rig_send(&message);
	peer_connect_port(&other, port);
	peer_greet(&other);
	peer_close(&other);
	message.type = CHANNEL_LISTENER_DROP;
	message.number = 9;
	message.fd = -1;
	rig_send(&message);
	peer_greet(&peer); /* not a proof that it is dropped, but a turn */
	rig_send(&message);
	peer_connect_port(&other, port);
	/* now it is for us to accept */
	ck_assert_int_eq(poll(&waiting, 1, RIG_DEADLINE_MS), 1);
	/* and lent again it is served */
	message.type = CHANNEL_LISTENER;
	message.number = 9 << 1;
	message.fd = mine;
	rig_send(&message);
	peer_greet(&other);
	peer_close(&other);
	close(mine);
	finish();
}
END_TEST

#define CROWD       40
#define DESCRIPTORS 34

START_TEST(without_descriptors_accepting_pauses_and_goes_on)
{
	static struct peer crowd[CROWD];
	int i;

	rig_start_with_descriptors("", DESCRIPTORS);
	for (i = 0; i < CROWD; i++)
		peer_connect(&crowd[i], false);
	rig_await_count(STAT_ACCEPT_PAUSES, 1);
	/* those inside are served meanwhile */
	peer_greet(&crowd[0]);
	for (i = 0; i < CROWD - 1; i++)
		peer_close(&crowd[i]);
	peer_greet(&crowd[CROWD - 1]);
	/* It did not spin: a pause lasts until one goes, or a second. */
	ck_assert_uint_lt(rig_count(STAT_ACCEPT_PAUSES), 2 * CROWD);
	peer_close(&crowd[CROWD - 1]);
	rig_end();
}
END_TEST

START_TEST(without_a_descriptor_for_clients_it_takes_what_the_master_gives)
{
	static struct peer crowd[CROWD];
	struct channel_message message = { .type = CHANNEL_LISTENER,
		.number = 9 << 1 };
	uint16_t port;
	int i;

	rig_start_with_descriptors("", DESCRIPTORS);
	for (i = 0; i < CROWD; i++)
		peer_connect(&crowd[i], false);
	rig_await_count(STAT_ACCEPT_PAUSES, 1);
	message.fd = rig_listen(&port);
	rig_send(&message);
	peer_greet(&crowd[0]);
	for (i = 0; i < CROWD; i++)
		peer_close(&crowd[i]);
	peer_connect_port(&peer, port);
	peer_greet(&peer);
	close(message.fd);
	finish();
}
END_TEST

START_TEST(unauthenticated_clients_use_up_no_descriptor_that_a_login_needs)
{
	static struct peer crowd[CROWD];
	int i;

	rig_start_with_descriptors("<xmpp><client><auth><timeout>600</timeout>"
				   "</auth></client></xmpp>",
	    DESCRIPTORS);
	for (i = 0; i < CROWD; i++)
		peer_connect(&crowd[i], false);
	peer_connect(&peer, false);
	peer_login(&peer, &session);
	for (i = 0; i < CROWD; i++)
		peer_close(&crowd[i]);
	finish();
}
END_TEST

static void
add_server(TCase *tcase)
{
	tcase_add_loop_test(tcase, without_a_server_a_client_is_refused_at_once,
	    0, (int)ARRAY_LEN(absent));
	tcase_add_test(tcase,
	    while_links_are_lost_nothing_is_taken_from_clients);
	tcase_add_test(tcase, during_a_pause_a_log_in_begins_and_waits);
	tcase_add_test(tcase, a_client_under_tls_goes_on_after_links_were_lost);
	tcase_add_test(tcase, a_mass_disconnect_reaches_everyone_who_was_there);
	tcase_add_test(tcase, who_comes_after_a_mass_disconnect_stays);
	tcase_add_test(tcase,
	    unauthenticated_clients_use_up_no_session_that_a_login_needs);
}

static void
add_rings(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_full_ring_stops_reading_and_loses_nothing,
	    0, 2);
	tcase_add_test(tcase, a_session_ends_behind_what_waited_for_room);
	tcase_add_test(tcase,
	    who_wait_for_room_in_one_lane_do_not_stop_another);
}

static void
add_master(TCase *tcase)
{
	tcase_add_test(tcase, stop_tells_everyone_and_closes_every_session);
	tcase_add_test(tcase,
	    who_does_not_take_his_end_does_not_hold_up_a_stop);
	tcase_add_test(tcase, without_a_master_the_worker_ends_in_order);
	tcase_add_test(tcase,
	    an_upstream_that_takes_nothing_does_not_keep_the_worker_alive);
	tcase_add_test(tcase,
	    a_listener_that_is_lent_is_served_until_it_is_dropped);
	tcase_add_test(tcase, without_descriptors_accepting_pauses_and_goes_on);
	tcase_add_test(tcase,
	    without_a_descriptor_for_clients_it_takes_what_the_master_gives);
	tcase_add_test(tcase,
	    unauthenticated_clients_use_up_no_descriptor_that_a_login_needs);
}

int
main(void)
{
	Suite *suite = suite_create("client_lifetime");
	TCase *tcase = tcase_create("client_lifetime");

	tcase_set_timeout(tcase, 60);
	add_server(tcase);
	add_rings(tcase);
	add_master(tcase);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
