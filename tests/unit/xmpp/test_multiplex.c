/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol with the server: what we say to the byte, what we hear. */
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/xmpp/multiplex_rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct multiplex_names names = { "example.org", "cm1" };

static void
expect_bytes(const struct multiplex_item *item, const char *expected)
{
	ck_assert_uint_eq(item->len, strlen(expected));
	ck_assert_mem_eq(item->bytes, expected, item->len);
}

static void
expect_out(const char *expected)
{
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), expected);
	buf_reset(&out);
}

#define CM_NS "http://jabber.org/protocol/connectionmanager"

START_TEST(test_a_create_is_exact_to_the_byte)
{
	multiplex_render_create(&out, &names, "cm1x", "5", "192.0.2.5", NULL);
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"5\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1x\"><create>"
		   "<host name=\"192.0.2.5\" address=\"192.0.2.5\"/></create>"
		   "</session></iq>");
	multiplex_render_create(&out, &names, "cm1x", "5", "192.0.2.5",
	    &(struct multiplex_facts){ .encrypted = false });
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"5\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1x\"><create>"
		   "<host name=\"192.0.2.5\" address=\"192.0.2.5\"/>"
		   "<facts xmlns=\"urn:cmanager:module:1\" encrypted=\"0\"/>"
		   "</create></session></iq>");
	multiplex_render_create(&out, &names, "cm1x", "5", "192.0.2.5",
	    &(struct multiplex_facts){ true, "TLSv1.3", "A_SUITE" });
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"5\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1x\"><create>"
		   "<host name=\"192.0.2.5\" address=\"192.0.2.5\"/>"
		   "<facts xmlns=\"urn:cmanager:module:1\" encrypted=\"1\" "
		   "tls=\"TLSv1.3\" cipher=\"A_SUITE\"/>"
		   "</create></session></iq>");
}
END_TEST

START_TEST(test_what_we_say_is_exact_to_the_byte)
{
	multiplex_render_header(&out, &names, "7f3a9c-1");
	expect_out("<stream:stream xmlns:stream=\"http://etherx.jabber.org/"
		   "streams\" xmlns=\"jabber:connectionmanager\" "
		   "to=\"cm1/7f3a9c-1\" version=\"1.0\">");
	multiplex_render_close(&out, &names, "cm1x", "6");
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"6\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1x\"><close/>"
		   "</session></iq>");
	ck_assert_int_eq(multiplex_render_failed(&out, &names, "cm1x", "7",
			     (const uint8_t *)"<message to=\"a\"><body>b</body>"
					      "</message>",
			     40),
	    0);
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"7\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1x\"><failed>"
		   "<message xmlns=\"\" to=\"a\"><body>b</body></message>"
		   "</failed></session></iq>");
	multiplex_render_probe(&out, &names, "cm1x");
	expect_out("<route to=\"example.org\" from=\"cm1\" streamid=\"cm1x\">"
		   "<iq type=\"result\" id=\"cm-probe\" to=\"example.org\"/>"
		   "</route>");
	multiplex_render_barrier(&out, &names, "8");
	expect_out("<iq type=\"set\" to=\"example.org\" from=\"cm1\" id=\"8\">"
		   "<session xmlns=\"" CM_NS "\" id=\"cm1-barrier\"><close/>"
		   "</session></iq>");
	multiplex_render_handshake(&out, "abc");
	expect_out("<handshake>abc</handshake>");
}
END_TEST

START_TEST(test_the_configuration_is_read_and_filtered)
{
	struct multiplex_item item = rig_decode(
	    "<iq type=\"set\" id=\"143-0\"><configuration xmlns=\"" CM_NS "\">"
	    "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"><required/>"
	    "</starttls><mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<mechanism>PLAIN</mechanism><mechanism>EXTERNAL</mechanism>"
	    "<mechanism>SCRAM-SHA-1-PLUS</mechanism>"
	    "<mechanism>SCRAM-SHA-1</mechanism></mechanisms>"
	    "<compression xmlns=\"http://jabber.org/features/compress\">"
	    "<method>zlib</method></compression>"
	    "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>"
	    "<register xmlns=\"http://jabber.org/features/iq-register\"/>"
	    "</configuration></iq>");

	ck_assert_int_eq(item.kind, MULTIPLEX_CONFIGURATION);
	ck_assert_str_eq(item.id, "143-0");
	ck_assert_msg(item.configuration.starttls,
	    "STARTTLS should be offered");
	ck_assert_msg(item.configuration.starttls_required,
	    "STARTTLS should be required");
	ck_assert_msg(item.configuration.offer.non_sasl_auth,
	    "jabber:iq:auth should be offered");
	ck_assert_msg(item.configuration.offer.in_band_register,
	    "registration should be offered");
	ck_assert_str_eq(item.configuration.offer.mechanisms,
	    "PLAIN SCRAM-SHA-1");

	item =
	    rig_decode("<iq type='set' id='1'><configuration xmlns='" CM_NS
		       "'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
		       "</configuration></iq>");
	ck_assert_msg(item.configuration.starttls,
	    "STARTTLS should be offered");
	ck_assert_msg(!item.configuration.starttls_required,
	    "STARTTLS should not be required");
	ck_assert_str_eq(item.configuration.offer.mechanisms, "");
}
END_TEST

START_TEST(test_answers_are_told_apart)
{
	struct multiplex_item item;

	item = rig_decode("<iq type=\"result\" id=\"1\"><session xmlns=\"" CM_NS
			  "\" id=\"s\"><create><host name=\"\" address=\"\"/>"
			  "</create></session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_CREATED);
	ck_assert_str_eq(item.streamid, "s");
	item = rig_decode("<iq type=\"error\" id=\"1\"><session xmlns=\"" CM_NS
			  "\" id=\"s\"><create><host address=\"\"/></create>"
			  "</session><error code=\"405\" type=\"cancel\">"
			  "<not-allowed "
			  "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
			  "</error></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_CREATE_REFUSED);
	ck_assert_str_eq(item.condition, "not-allowed");
	item = rig_decode("<iq type=\"error\" id=\"9\"><session xmlns=\"" CM_NS
			  "\" id=\"cm1-barrier\"><close/></session><error>"
			  "<item-not-found "
			  "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
			  "</error></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_BARRIER_ANSWER);
	ck_assert_str_eq(item.id, "9");
	item = rig_decode("<iq type=\"result\" id=\"3\"><session xmlns=\"" CM_NS
			  "\" id=\"s\"><close/></session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_CLOSED);
	item =
	    rig_decode("<iq type=\"result\" id=\"3\"><session xmlns=\"" CM_NS
		       "\" "
		       "id=\"s\"><failed><message/></failed></session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_FAILED_ANSWER);
	item = rig_decode("<iq type=\"get\" id=\"3\"><x xmlns=\"y\"/></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_UNKNOWN_IQ);
}
END_TEST

START_TEST(test_the_servers_close_brings_its_error_along)
{
	struct multiplex_item item = rig_decode(
	    "<iq type=\"set\" id=\"20-1\" from=\"example.org\" to=\"cm1\">"
	    "<session xmlns=\"" CM_NS "\" id=\"s\"><close/></session></iq>");

	ck_assert_int_eq(item.kind, MULTIPLEX_SESSION_CLOSE);
	ck_assert_str_eq(item.streamid, "s");
	ck_assert_ptr_null(item.bytes);
	item = rig_decode(
	    "<iq type=\"set\" id=\"20-1\"><session xmlns=\"" CM_NS
	    "\" id=\"s\"><close/><stream:error "
	    "xmlns:stream=\"http://etherx.jabber.org/streams\"><not-authorized "
	    "xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>"
	    "</session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_SESSION_CLOSE);
	expect_bytes(&item,
	    "<stream:error><not-authorized "
	    "xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>");
}
END_TEST

static const struct {
	const char *inner;
	int kind;
	const char *bytes;
} packets[] = {
	{ "<message to=\"b\"><body>hi</body></message>", CONTENT_MESSAGE,
	    "<message to=\"b\"><body>hi</body></message>" },
	{ "<presence/>", CONTENT_PRESENCE, "<presence/>" },
	{ "<iq type=\"get\" id=\"1\"/>", CONTENT_IQ_REQUEST,
	    "<iq type=\"get\" id=\"1\"/>" },
	{ "<iq type=\"result\" id=\"1\"/>", CONTENT_IQ_ANSWER,
	    "<iq type=\"result\" id=\"1\"/>" },
	{ "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>",
	    CONTENT_SUCCESS,
	    "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>" },
	{ "&lt;success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"&gt;dj0="
	  "&lt;/success&gt;",
	    CONTENT_SUCCESS,
	    "<success "
	    "xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">dj0=</success>" },
	{ " \n&lt;failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"&gt;"
	  "&lt;not-authorized/&gt;&lt;/failure&gt;",
	    CONTENT_FAILURE,
	    "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<not-authorized/></failure>" },
	{ "&lt;stream:error "
	  "xmlns:stream=\"http://etherx.jabber.org/streams\"&gt;"
	  "&lt;conflict xmlns=\"urn:c\"/&gt;&lt;/stream:error&gt;",
	    CONTENT_STREAM_ERROR,
	    "<stream:error><conflict xmlns=\"urn:c\"/></stream:error>" },
	{ "<message xmlns=\"jabber:connectionmanager\" to=\"a\"/>",
	    CONTENT_MESSAGE, "<message to=\"a\"/>" },
};

START_TEST(test_packets_come_as_elements_or_as_escaped_text)
{
	struct multiplex_item item;
	char text[1024];
	size_t i;

	for (i = 0; i < ARRAY_LEN(packets); i++) {
		snprintf(text, sizeof(text),
		    "<route from=\"example.org\" to=\"cm1\" streamid=\"s\">%s"
		    "</route>",
		    packets[i].inner);
		item = rig_decode(text);
		ck_assert_int_eq(item.kind, MULTIPLEX_PACKET);
		ck_assert_str_eq(item.streamid, "s");
		ck_assert_int_eq(item.content, packets[i].kind);
		expect_bytes(&item, packets[i].bytes);
	}
}
END_TEST

START_TEST(test_senseless_packets_are_ignored)
{
	static const char *const texts[] = {
		"<route/>",
		"<route streamid='s'/>",
		"<route streamid='s'> </route>",
		"<route streamid='s'>text</route>",
		"<route streamid='s'>&lt;a</route>",
		"<route><message/></route>",
		"<other/>",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++)
		ck_assert_int_eq(rig_decode(texts[i]).kind, MULTIPLEX_IGNORED);
}
END_TEST

START_TEST(test_packet_errors_tell_their_condition)
{
	struct multiplex_item item = rig_decode(
	    "<route streamid=\"s\" from=\"example.org\" to=\"cm1/a\" "
	    "type=\"error\"><error code=\"404\" type=\"cancel\"><item-not-found"
	    " xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></route>");

	ck_assert_int_eq(item.kind, MULTIPLEX_PACKET_ERROR);
	ck_assert_str_eq(item.streamid, "s");
	ck_assert_str_eq(item.condition, "item-not-found");
}
END_TEST

static int
bounce(const char *stanza)
{
	static const struct stanza_fault fault = { "wait",
		"remote-server-timeout", "a > b" };

	const uint8_t *inner;
	struct buf packet;
	size_t len;
	int result = -ENOENT;

	buf_init(&packet, 0);
	multiplex_render_packet_start(&packet, &names, "s");
	buf_append_str(&packet, stanza);
	multiplex_render_packet_end(&packet);
	if (multiplex_unwrap(buf_bytes(&packet), buf_len(&packet), &inner,
		&len))
		result = multiplex_render_bounce(&out, inner, len, &fault);
	buf_destroy(&packet);
	return result;
}

START_TEST(test_what_could_not_go_up_comes_back_as_an_error)
{
	ck_assert_int_eq(bounce("<message to=\"b@x\" id=\"&lt;1\"><body>x"
				"</body></message>"),
	    0);
	expect_out("<message type=\"error\" id=\"&lt;1\" from=\"b@x\">"
		   "<error type=\"wait\"><remote-server-timeout "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><text "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" "
		   "xml:lang=\"en\">a > b</text></error>"
		   "</message>");
	ck_assert_int_eq(bounce("<message id=\"&gt;\">>/><body>></body>>"
				"</message>"),
	    0);
	expect_out("<message type=\"error\" id=\"&gt;\">"
		   "<error type=\"wait\"><remote-server-timeout "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><text "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" "
		   "xml:lang=\"en\">a > b</text></error>"
		   "</message>");
	ck_assert_int_eq(bounce("<iq type=\"get\" id=\"1\"/>"), 0);
	buf_reset(&out);
	ck_assert_int_eq(bounce("<iq type=\"result\" id=\"1\"/>"), -ENOENT);
	ck_assert_int_eq(bounce("<message type=\"error\"/>"), -ENOENT);
	ck_assert_int_eq(bounce("<presence/>"), -ENOENT);
	ck_assert_int_eq(bounce("x"), -ENOENT);
}
END_TEST

START_TEST(test_requests_that_found_no_client_are_answered_for_it)
{
	const char *iq = "<iq from=\"a@x/1\" to=\"b@x/2\" type=\"get\" "
			 "id=\"7\" xmlns:q=\"urn:q\"><q:ask/></iq>";

	ck_assert_int_eq(multiplex_render_undelivered(&out, (const uint8_t *)iq,
			     strlen(iq)),
	    0);
	expect_out("<iq type=\"error\" id=\"7\" from=\"b@x/2\" to=\"a@x/1\" "
		   "xmlns:q=\"urn:q\"><q:ask/><error type=\"wait\">"
		   "<recipient-unavailable "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><text "
		   "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" "
		   "xml:lang=\"en\">The recipient has disconnected.</text>"
		   "</error></iq>");
	ck_assert_int_eq(multiplex_render_undelivered(&out,
			     (const uint8_t *)"<message/>", 10),
	    -ENOENT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("multiplex");
	TCase *tcase = tcase_create("multiplex");

	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, test_a_create_is_exact_to_the_byte);
	tcase_add_test(tcase, test_what_we_say_is_exact_to_the_byte);
	tcase_add_test(tcase, test_the_configuration_is_read_and_filtered);
	tcase_add_test(tcase, test_answers_are_told_apart);
	tcase_add_test(tcase, test_the_servers_close_brings_its_error_along);
	tcase_add_test(tcase, test_packets_come_as_elements_or_as_escaped_text);
	tcase_add_test(tcase, test_senseless_packets_are_ignored);
	tcase_add_test(tcase, test_packet_errors_tell_their_condition);
	tcase_add_test(tcase, test_what_could_not_go_up_comes_back_as_an_error);
	tcase_add_test(tcase,
	    test_requests_that_found_no_client_are_answered_for_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
