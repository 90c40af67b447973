/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes down for a client, and what becomes of it when the client is not
 * there any more (PROTOCOL.md §5.3, §6.4, §10.6).
 */
#include "common/shm/ring.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define STREAM_ERROR(condition) \
	"<stream:error><" condition \
	" xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>"

/* One of ours, with what it tells a person. */
#define EXPLAINED(condition, words) \
	"<stream:error><" condition \
	" xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/><text " \
	"xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\" xml:lang=\"en\">" words \
	"</text></stream:error>"

static void
setup(void)
{
	/* Few slots, so they come round; closing clients have time. */
	rig_start("<sessions><max>16</max></sessions>"
		  "<connection><ack><timeout>60000</timeout></ack>"
		  "</connection>");
	peer_connect_small(&peer);
	peer_login(&peer, &session);
}

static const enum frame_kind stanza_kinds[] = { FRAME_PRESENCE, FRAME_MESSAGE,
	FRAME_IQ_REQUEST, FRAME_IQ_ANSWER, FRAME_OTHER, FRAME_BOUNCE };

START_TEST(a_stanza_reaches_the_client_as_it_came)
{
	const char *text = "<x to=\"a@example.org/r\">\xC3\xA4&lt;</x>";

	rig_give(&session, stanza_kinds[_i], text);
	ck_assert_str_eq(peer_expect(&peer, "</x>"), text);
}
END_TEST

/* What upstream says of an item may be anything, once it is not upstream that
 * says it. */
static const struct frame_fields impossible[] = {
	{ .id = { 29, 1 }, .from = { FRAME_NOWHERE, 0 } },
	{ .id = { 0, 29 } },
	{ .from = { 28, 1 } },
	{ .from = { UINT32_MAX - 1, 2 } },
	{ .jid = { 1, UINT32_MAX } },
	{ .jid = { FRAME_NOWHERE, 1 } },
	{ .type = 255 },
	{ .marks = 128 },
};

START_TEST(an_item_whose_header_speaks_of_other_bytes_reaches_nobody)
{
	const char *text = "<iq id=\"123\" type=\"result\"/>";

	ck_assert_uint_eq(strlen(text), 28);
	rig_give_parsed(&session, FRAME_IQ_ANSWER, &impossible[_i], text, 28);
	rig_give(&session, FRAME_MESSAGE, "<x/>");
	ck_assert_str_eq(peer_expect(&peer, "<x/>"), "<x/>");
	ck_assert_uint_eq(rig_count(STAT_FRAMES_BROKEN), 1);
}
END_TEST

START_TEST(an_item_without_such_a_header_is_delivered)
{
	const char *text = "<iq id=\"1\" type=\"result\"/>";

	rig_give_parsed(&session, FRAME_IQ_ANSWER, NULL, text, strlen(text));
	ck_assert_str_eq(peer_expect(&peer, "/>"), text);
}
END_TEST

START_TEST(items_of_three_megabytes_arrive_whole_one_after_the_other)
{
	size_t len = 3u << 20, i;
	char *text = malloc(len + 8);
	int round;

	memcpy(text, "<x>", 3);
	for (i = 3; i < len; i++)
		text[i] = (char)('a' + i * 7 % 26 + i / 65521 % 2);
	memcpy(text + len, "</x>", 5);
	/* What has been read does not count against the cap any more. */
	for (round = 0; round < 4; round++) {
		rig_give(&session, FRAME_MESSAGE, text);
		ck_assert_int_eq(strcmp(peer_expect(&peer, "</x>"), text), 0);
	}
	free(text);
}
END_TEST

START_TEST(order_is_kept)
{
	char text[64];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "<m i=\"%d\"/>", i);
		rig_give(&session, i % 2 ? FRAME_MESSAGE : FRAME_PRESENCE,
		    text);
	}
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "<m i=\"%d\"/>", i);
		ck_assert_str_eq(peer_expect(&peer, "/>"), text);
	}
}
END_TEST

/* --- frames that end the stream --- */

struct ending {
	enum frame_kind kind;
	const char *bytes;
	const char *seen;
	enum statistic counter;
};

static const struct ending endings[] = {
	{ FRAME_SERVER_CLOSE, "", "</stream:stream>",
	    STAT_CLOSED_SERVER_CLOSED },
	{ FRAME_SERVER_CLOSE, STREAM_ERROR("conflict"),
	    STREAM_ERROR("conflict") "</stream:stream>",
	    STAT_CLOSED_SERVER_CLOSED },
	{ FRAME_STREAM_ERROR, STREAM_ERROR("not-authorized"),
	    STREAM_ERROR("not-authorized") "</stream:stream>",
	    STAT_CLOSED_SERVER_ERROR },
	{ FRAME_NOT_FOUND, "",
	    EXPLAINED("reset",
		"The XMPP server does not know this session any more; connect "
		"again.") "</stream:stream>",
	    STAT_CLOSED_NOT_FOUND },
	{ FRAME_REFUSED, "",
	    EXPLAINED("not-authorized",
		"The XMPP server does not accept the connection, perhaps "
		"because of your network address.") "</stream:stream>",
	    STAT_CLOSED_REFUSED },
};

START_TEST(the_servers_end_reaches_the_client_and_is_confirmed)
{
	const struct ending *c = &endings[_i];

	rig_give(&session, FRAME_PRESENCE, "<presence/>");
	rig_give(&session, c->kind, c->bytes);
	peer_expect(&peer, "<presence/>");
	peer_expect_end(&peer, c->seen);
	rig_take(FRAME_CLOSE, &frame);
	HAS(frame.text, "<close/>");
	ck_assert_uint_eq(rig_count(c->counter), 1);
}
END_TEST

START_TEST(a_packet_error_without_a_stanza_changes_nothing)
{
	rig_give(&session, FRAME_PACKET_ERROR, "");
	rig_give(&session, FRAME_PRESENCE, "<presence/>");
	ck_assert_str_eq(peer_expect(&peer, "<presence/>"), "<presence/>");
}
END_TEST

START_TEST(a_frame_that_clients_are_not_given_is_counted)
{
	rig_give(&session, FRAME_CREATE, "");
	rig_give(&session, FRAME_PRESENCE, "<presence/>");
	peer_expect(&peer, "<presence/>");
	ck_assert_uint_eq(rig_count(STAT_FRAMES_UNUSED), 1);
}
END_TEST

/* --- frames for somebody else --- */

START_TEST(frames_of_another_generation_or_session_reach_nobody)
{
	struct rig_frame wrong = session;

	wrong.generation--;
	rig_give(&wrong, FRAME_MESSAGE, "<message id=\"use\"/>");
	wrong = session;
	wrong.nonce32 ^= 1;
	rig_give(&wrong, FRAME_MESSAGE, "<message id=\"nonce\"/>");
	wrong = session;
	wrong.slot++;
	rig_give(&wrong, FRAME_PRESENCE, "<presence/>");
	wrong.slot = UINT32_MAX;
	rig_give(&wrong, FRAME_PRESENCE, "<presence/>");
	rig_give(&session, FRAME_OTHER, "<mine/>");
	ck_assert_str_eq(peer_expect(&peer, "<mine/>"), "<mine/>");
	ck_assert_uint_eq(rig_count(STAT_FRAMES_STALE), 4);
	ck_assert_uint_eq(rig_count(STAT_LATE_MESSAGES), 2);
	ck_assert_uint_eq(rig_count(STAT_LATE_OTHERS), 2);
}
END_TEST

START_TEST(a_slot_taken_anew_gets_nothing_of_its_former_session)
{
	struct rig_frame old = session, now;
	struct peer next;
	int i;

	peer_send(&peer, "</stream:stream>");
	peer_expect_end(&peer, "</stream:stream>");
	rig_take(FRAME_CLOSE, &frame);
	/* until the slot comes round */
	for (i = 0; i < 17; i++) {
		peer_connect(&next, false);
		peer_login(&next, &now);
		if (now.slot == old.slot)
			break;
		peer_send(&next, "</stream:stream>");
		peer_expect_end(&next, "</stream:stream>");
		rig_take(FRAME_CLOSE, &frame);
		peer_close(&next);
	}
	ck_assert_int_lt(i, 17);
	ck_assert_uint_ne(now.generation, old.generation);
	rig_give(&old, FRAME_MESSAGE, "<message id=\"old\"/>");
	rig_give(&now, FRAME_MESSAGE, "<message id=\"new\"/>");
	ck_assert_str_eq(peer_expect(&next, "/>"), "<message id=\"new\"/>");
	peer_close(&next);
}
END_TEST

/* --- what does not reach its client --- */

static void
give_many(const char *name, size_t len)
{
	char *text = malloc(len + 100);
	int i, head;

	for (i = 0; i < 50; i++) {
		head =
		    sprintf(text, "<%s type=\"get\" id=\"n%d.\"><b>", name, i);
		memset(text + head, 'x', len);
		sprintf(text + (size_t)head + len, "</b></%s>", name);
		rig_give(&session,
		    strcmp(name, "iq") == 0 ? FRAME_IQ_REQUEST : FRAME_MESSAGE,
		    text);
	}
	free(text);
}

/* All of that kind, numbered without a gap up to the last; what follows is in
 * `frame`. */
static void
take_returned(enum frame_kind kind)
{
	int last = -1, number;
	const char *id;

	for (rig_take_any(&frame); frame.kind == kind; rig_take_any(&frame)) {
		id = strstr(frame.text, "id=\"n");
		if (!id)
			break;
		ck_assert_int_eq(sscanf(id, "id=\"n%d.", &number), 1);
		if (last >= 0)
			ck_assert_int_eq(number, last + 1);
		last = number;
	}
	ck_assert_int_eq(last, 49);
}

START_TEST(messages_that_a_dead_client_never_got_go_back_before_the_close)
{
	give_many("message", 10000);
	rig_await_count(STAT_STANZAS_DOWN, 51);
	peer_reset(&peer);
	take_returned(FRAME_FAILED);
	ck_assert_uint_eq(frame.kind, FRAME_CLOSE);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(questions_that_a_dead_client_never_got_are_answered)
{
	give_many("iq", 10000);
	rig_await_count(STAT_STANZAS_DOWN, 51);
	peer_reset(&peer);
	take_returned(FRAME_IQ_ANSWER);
	ck_assert_uint_eq(frame.kind, FRAME_CLOSE);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(what_the_client_has_read_does_not_go_back)
{
	rig_give(&session, FRAME_MESSAGE, "<message id=\"got\"/>");
	peer_expect(&peer, "<message id=\"got\"/>");
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_STANZAS_RETURNED), 0);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_PEER_LOST), 1);
}
END_TEST

START_TEST(presence_and_our_own_words_do_not_go_back)
{
	char *text = malloc(300000);

	memset(text, ' ', 300000);
	memcpy(text, "<presence>", 10);
	strcpy(text + 299980, "</presence>");
	rig_give(&session, FRAME_PRESENCE, text);
	rig_give(&session, FRAME_BOUNCE, "<message type=\"error\"/>");
	rig_give(&session, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"1\"/>");
	rig_await_count(STAT_STANZAS_DOWN, 3);
	peer_reset(&peer);
	rig_take(FRAME_CLOSE, &frame);
	/* Nobody is told, but it is counted; the presence, too, unless the
	 * kernels have taken all of it. */
	ck_assert_uint_ge(rig_count(STAT_LATE_OTHERS), 2);
	ck_assert_uint_le(rig_count(STAT_LATE_OTHERS), 3);
	free(text);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(a_message_for_a_client_at_its_end_goes_back_as_the_last)
{
	give_many("message", 20000);
	rig_await_count(STAT_STANZAS_DOWN, 51);
	peer_send(&peer, "<bogus/>");
	rig_await_count(STAT_CLOSED_UNSUPPORTED_STANZA, 1);
	rig_give(&session, FRAME_MESSAGE, "<message id=\"late\"/>");
	rig_give(&session, FRAME_PRESENCE, "<presence/>");
	rig_await_taken(); /* the reset could be seen before it */
	peer_reset(&peer);
	take_returned(FRAME_FAILED);
	HAS(frame.text, "id=\"late\"");
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_LATE_OTHERS), 1);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(what_is_too_large_to_go_back_does_not_hold_up_the_close)
{
	size_t len = 3u << 20;
	char *text = malloc(len);

	memset(text, ' ', len);
	memcpy(text, "<message>", 9);
	strcpy(text + len - 20, "</message>");
	rig_give(&session, FRAME_MESSAGE, text);
	rig_await_count(STAT_STANZAS_DOWN, 2);
	peer_reset(&peer);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_RETURNS_TOO_LARGE), 1);
	ck_assert_uint_eq(rig_count(STAT_STANZAS_RETURNED), 0);
	free(text);
	peer_connect(&peer, false);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("delivery to clients");
	TCase *tcase = tcase_create("delivery");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, setup, finish);
	tcase_add_loop_test(tcase, a_stanza_reaches_the_client_as_it_came, 0,
	    (int)ARRAY_LEN(stanza_kinds));
	tcase_add_loop_test(tcase,
	    an_item_whose_header_speaks_of_other_bytes_reaches_nobody, 0,
	    (int)ARRAY_LEN(impossible));
	tcase_add_test(tcase, an_item_without_such_a_header_is_delivered);
	tcase_add_test(tcase,
	    items_of_three_megabytes_arrive_whole_one_after_the_other);
	tcase_add_test(tcase, order_is_kept);
	tcase_add_loop_test(tcase,
	    the_servers_end_reaches_the_client_and_is_confirmed, 0,
	    (int)ARRAY_LEN(endings));
	tcase_add_test(tcase, a_packet_error_without_a_stanza_changes_nothing);
	tcase_add_test(tcase, a_frame_that_clients_are_not_given_is_counted);
	tcase_add_test(tcase,
	    frames_of_another_generation_or_session_reach_nobody);
	tcase_add_test(tcase,
	    a_slot_taken_anew_gets_nothing_of_its_former_session);
	tcase_add_test(tcase,
	    messages_that_a_dead_client_never_got_go_back_before_the_close);
	tcase_add_test(tcase,
	    questions_that_a_dead_client_never_got_are_answered);
	tcase_add_test(tcase, what_the_client_has_read_does_not_go_back);
	tcase_add_test(tcase, presence_and_our_own_words_do_not_go_back);
	tcase_add_test(tcase,
	    a_message_for_a_client_at_its_end_goes_back_as_the_last);
	tcase_add_test(tcase,
	    what_is_too_large_to_go_back_does_not_hold_up_the_close);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
