/* SPDX-License-Identifier: Apache-2.0 */
/* What a server may say, form by form (PROTOCOL.md §2.4-§2.8, §4, §5, §6.5),
 * and what it may not make us believe. */
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/unit/xmpp/multiplex_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct multiplex_item item;

static void
decode(const char *text)
{
	item = rig_decode(text);
}

static void
decode_header(const char *text)
{
	framer_reset(framer);
	ck_assert_int_eq(framer_feed(framer, text, strlen(text)),
	    FRAMER_HEADER);
	item = rig_item();
	ck_assert_int_eq(item.kind, MULTIPLEX_HEADER);
}

static void
next(void)
{
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	item = rig_item();
}

#define STREAMS  "http://etherx.jabber.org/streams"
#define NAMES    "xmlns:stream=\"" STREAMS "\" xmlns=\"jabber:connectionmanager\" "
#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\""

static void
expect_starttls(bool offered, bool required)
{
	ck_assert_msg(item.starttls == offered, "STARTTLS should %sbe offered",
	    offered ? "" : "not ");
	ck_assert_msg(item.starttls_required == required,
	    "STARTTLS should %sbe required", required ? "" : "not ");
}

START_TEST(test_headers_of_both_ages_are_understood)
{
	decode_header("<?xml version='1.0' "
		      "encoding='UTF-8'?><stream:stream " NAMES
		      "from=\"cm1/a\" id=\"3hj2k1abcd\" "
		      "version=\"1.0\" >\n<stream:features>" STARTTLS
		      "></starttls></stream:features>");
	ck_assert_str_eq(item.id, "3hj2k1abcd");
	next();
	ck_assert_int_eq(item.kind, MULTIPLEX_FEATURES);
	expect_starttls(true, false);
	decode_header("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<stream:stream " NAMES
		      "version=\"1.0\" from=\"example.org\" id=\"x\" "
		      "xml:lang=\"en\"><stream:features/>");
	ck_assert_str_eq(item.id, "x");
	next();
	ck_assert_int_eq(item.kind, MULTIPLEX_FEATURES);
	expect_starttls(false, false);
	decode_header("<stream:stream id='y' " NAMES
		      "><stream:features>" STARTTLS
		      "><required/></starttls><compression "
		      "xmlns='http://jabber.org/features/compress'><method>"
		      "zlib</method></compression></stream:features>");
	ck_assert_str_eq(item.id, "y");
	next();
	expect_starttls(true, true);
}
END_TEST

START_TEST(test_a_refused_link_has_a_header_without_id)
{
	decode_header("<stream:stream " NAMES "from=\"null\">"
		      "<stream:error><bad-format "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
		      "</stream:error>");
	ck_assert_ptr_null(item.id);
	next();
	ck_assert_int_eq(item.kind, MULTIPLEX_STREAM_ERROR);
	ck_assert_str_eq(item.condition, "bad-format");
}
END_TEST

START_TEST(test_required_counts_only_inside_starttls)
{
	decode("<stream:features xmlns:stream='" STREAMS "'>" STARTTLS
	       "/><x xmlns='urn:x'><required/></x></stream:features>");
	ck_assert_int_eq(item.kind, MULTIPLEX_FEATURES);
	expect_starttls(true, false);
}
END_TEST

static const struct {
	const char *text;
	enum multiplex_kind kind;
	const char *condition;
} plain[] = {
	{ "<handshake></handshake>", MULTIPLEX_HANDSHAKE_OK, "" },
	{ "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
	    MULTIPLEX_PROCEED, "" },
	{ "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
	    MULTIPLEX_TLS_FAILURE, "" },
	{ "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
	    MULTIPLEX_IGNORED, "unknown element" },
	{ "<handshake xmlns='jabber:component:accept'/>", MULTIPLEX_IGNORED,
	    "unknown element" },
	{ "<stream:error xmlns:stream='" STREAMS "'><system-shutdown "
	  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
	    MULTIPLEX_STREAM_ERROR, "system-shutdown" },
	{ "<stream:error/>", MULTIPLEX_STREAM_ERROR, "" },
	{ "<iq type='get' id='1'><query/></iq>", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "<iq type='set' id='1'/>", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "<iq/>", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "<iq type='result' id='1'/>", MULTIPLEX_IGNORED, "" },
	{ "<iq type='error' id='1'><error><bad-request "
	  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
	    MULTIPLEX_IGNORED, "bad-request" },
	{ "<message/>", MULTIPLEX_IGNORED, "unknown element" },
};

START_TEST(test_what_is_no_packet_and_no_session_is_told_apart)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(plain); i++) {
		decode(plain[i].text);
		ck_assert_msg(item.kind == plain[i].kind, "%s: %d",
		    plain[i].text, item.kind);
		ck_assert_str_eq(item.condition, plain[i].condition);
	}
}
END_TEST

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NOT_FOUND \
	"<error code='404' type='cancel'><item-not-found xmlns='" STANZAS \
	"'/></error>"

static const struct {
	const char *type;
	const char *inside; /* of the session */
	const char *behind;
	enum multiplex_kind kind;
	const char *condition;
} sessions[] = {
	{ "result", "<create/>", "", MULTIPLEX_CREATED, "" },
	{ "result", "<create><host name='' address='::1'/></create>", "",
	    MULTIPLEX_CREATED, "" },
	{ "error", "<create/>",
	    "<error type='cancel'><not-allowed xmlns='" STANZAS "'/></error>",
	    MULTIPLEX_CREATE_REFUSED, "not-allowed" },
	{ "result", "<close/>", "", MULTIPLEX_CLOSED, "" },
	{ "result", " <close></close>", "", MULTIPLEX_CLOSED, "" },
	{ "error", "<close/>", NOT_FOUND, MULTIPLEX_CLOSED, "item-not-found" },
	{ "result", "<failed><message xmlns=''/></failed>", "",
	    MULTIPLEX_FAILED_ANSWER, "" },
	{ "error", "<failed><message xmlns=''/></failed>", NOT_FOUND,
	    MULTIPLEX_FAILED_ANSWER, "item-not-found" },
	/* What a message holds is anybody's words. */
	{ "error",
	    "<failed><message xmlns=''><create/><close/></message></failed>",
	    NOT_FOUND, MULTIPLEX_FAILED_ANSWER, "item-not-found" },
	{ "result",
	    "<failed><message xmlns=''><body> xmlns=\"" STANZAS
	    "\"</body></message></failed>",
	    "", MULTIPLEX_FAILED_ANSWER, "" },
	{ "result",
	    "<failed><message xmlns=''><body>>/><x/>><close/>></body>"
	    "</message></failed>",
	    "", MULTIPLEX_FAILED_ANSWER, "" },
	{ "result", ">/><close/>", "", MULTIPLEX_IGNORED, "" },
	{ "error", "<close/>", "<error>><gone xmlns='" STANZAS "'/>></error>",
	    MULTIPLEX_CLOSED, "gone" },
	{ "result", "<closed/>", "", MULTIPLEX_IGNORED, "" },
	{ "result", "", "", MULTIPLEX_IGNORED, "" },
	{ "set", "<close/>", "", MULTIPLEX_SESSION_CLOSE, "" },
	{ "set", "<other><close/></other>", "", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "set", "<send><message/></send>", "", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "get", "<close/>", "", MULTIPLEX_UNKNOWN_IQ, "" },
	{ "error", "<close/>",
	    "<error><item-not-found xmlns:q='u' xmlns='" STANZAS "'/></error>",
	    MULTIPLEX_CLOSED, "item-not-found" },
	{ "error", "<close/>",
	    "<error><x xmlns='urn:x'/><gone xmlns='" STANZAS
	    "'>y</gone></error>",
	    MULTIPLEX_CLOSED, "gone" },
	{ "error", "<close/>", "<error/>", MULTIPLEX_CLOSED, "" },
	{ "error", "<close/>", "<error>a b xmlns=\"" STANZAS "\"</error>",
	    MULTIPLEX_CLOSED, "" },
};

START_TEST(test_a_session_iq_is_what_its_first_child_says)
{
	char text[1024];
	size_t i;

	for (i = 0; i < ARRAY_LEN(sessions); i++) {
		snprintf(text, sizeof(text),
		    "<iq type='%s' id='7'><session xmlns='" NS_MULTIPLEX_IQ
		    "' id='s'>%s</session>%s</iq>",
		    sessions[i].type, sessions[i].inside, sessions[i].behind);
		decode(text);
		ck_assert_msg(item.kind == sessions[i].kind, "%s: %d", text,
		    item.kind);
		ck_assert_str_eq(item.condition, sessions[i].condition);
		ck_assert_str_eq(item.id, "7");
		ck_assert_str_eq(item.streamid, "s");
	}
}
END_TEST

START_TEST(test_only_the_own_barrier_is_a_barrier)
{
	static const struct {
		const char *streamid;
		enum multiplex_kind kind;
	} cases[] = {
		{ "cm1-barrier", MULTIPLEX_BARRIER_ANSWER },
		{ "cm2-barrier", MULTIPLEX_CLOSED },
		{ "cm1-barrier2", MULTIPLEX_CLOSED },
		{ "cm1", MULTIPLEX_CLOSED },
		{ "", MULTIPLEX_CLOSED },
	};
	char text[512];
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text),
		    "<iq type='error' id='b1'><session xmlns='" NS_MULTIPLEX_IQ
		    "' id='%s'><close/></session>" NOT_FOUND "</iq>",
		    cases[i].streamid);
		decode(text);
		ck_assert_int_eq(item.kind, cases[i].kind);
		ck_assert_str_eq(item.id, "b1");
	}
}
END_TEST

START_TEST(test_a_session_without_id_is_not_closed)
{
	decode("<iq type='set' id='1'><session xmlns='" NS_MULTIPLEX_IQ
	       "'><close/></session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_UNKNOWN_IQ);
	decode("<iq type='result' id='1'><session xmlns='" NS_MULTIPLEX_IQ
	       "'><close/></session></iq>");
	ck_assert_int_eq(item.kind, MULTIPLEX_IGNORED);
}
END_TEST

START_TEST(test_each_packet_error_of_the_protocol_is_named)
{
	static const char *const conditions[] = { "item-not-found",
		"bad-request", "internal-server-error", "not-authorized" };
	char text[512];
	size_t i;

	for (i = 0; i < ARRAY_LEN(conditions); i++) {
		snprintf(text, sizeof(text),
		    "<route streamid='s' from='a' to='cm1' id='9' type='error'>"
		    "<error code='1' type='cancel'><%s xmlns='" STANZAS "'/>"
		    "<unknown-stanza xmlns='http://jabber.org/protocol/"
		    "connectionmanager#errors'/></error></route>",
		    conditions[i]);
		decode(text);
		ck_assert_int_eq(item.kind, MULTIPLEX_PACKET_ERROR);
		ck_assert_str_eq(item.condition, conditions[i]);
		ck_assert_str_eq(item.streamid, "s");
		ck_assert_str_eq(item.id, "9");
		ck_assert_ptr_null(item.bytes);
	}
	decode("<route streamid='s' type='error'/>");
	ck_assert_int_eq(item.kind, MULTIPLEX_PACKET_ERROR);
	ck_assert_str_eq(item.condition, "");
}
END_TEST

START_TEST(test_escaped_text_is_one_element_and_unescaped_once)
{
	decode("<route "
	       "streamid='s'>&lt;message&gt;&lt;body&gt;&amp;lt;b&amp;gt;"
	       "&lt;/body&gt;&lt;/message&gt;</route>");
	ck_assert_int_eq(item.kind, MULTIPLEX_PACKET);
	ck_assert_int_eq(item.content, CONTENT_MESSAGE);
	ck_assert_uint_eq(item.len, 38);
	ck_assert_mem_eq(item.bytes, "<message><body>&lt;b></body></message>",
	    item.len);
	/* A packet in there is none. */
	decode("<route streamid='s'>&lt;route streamid='t'/&gt;</route>");
	ck_assert_int_eq(item.kind, MULTIPLEX_IGNORED);
	decode("<route streamid='s'>&lt;/stream:stream&gt;</route>");
	ck_assert_int_eq(item.kind, MULTIPLEX_IGNORED);
	decode("<route streamid='s'>&lt;!-- --&gt;&lt;a/&gt;</route>");
	ck_assert_int_eq(item.kind, MULTIPLEX_IGNORED);
	decode("<route streamid='s'>&lt;p:a/&gt;</route>");
	ck_assert_int_eq(item.kind, MULTIPLEX_IGNORED);
}
END_TEST

static void
expect_safe(struct buf *text)
{
	ck_assert_ptr_null(safe_profile_breach(buf_bytes(text), buf_len(text),
	    NULL));
	buf_reset(text);
}

START_TEST(test_all_that_we_say_is_escaped_and_in_the_profile)
{
	static const struct multiplex_names hostile = { "<d&\">", "'\"><x/>" };
	static const char evil[] = "\"/><route streamid=\"v\">\n&";
	struct buf text;

	buf_init(&text, 0);
	multiplex_render_starttls(&text);
	expect_safe(&text);
	multiplex_render_create(&text, &hostile, evil, evil, evil, NULL);
	expect_safe(&text);
	multiplex_render_close(&text, &hostile, evil, evil);
	expect_safe(&text);
	multiplex_render_probe(&text, &hostile, evil);
	expect_safe(&text);
	multiplex_render_barrier(&text, &hostile, evil);
	expect_safe(&text);
	multiplex_render_iq_result(&text, &hostile, evil);
	expect_safe(&text);
	multiplex_render_iq_error(&text, &hostile, evil);
	expect_safe(&text);
	multiplex_render_header(&text, &hostile, evil);
	multiplex_render_end(&text);
	expect_safe(&text);
	buf_destroy(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("multiplex_decode");
	TCase *tcase = tcase_create("multiplex_decode");

	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, test_headers_of_both_ages_are_understood);
	tcase_add_test(tcase, test_a_refused_link_has_a_header_without_id);
	tcase_add_test(tcase, test_required_counts_only_inside_starttls);
	tcase_add_test(tcase,
	    test_what_is_no_packet_and_no_session_is_told_apart);
	tcase_add_test(tcase, test_a_session_iq_is_what_its_first_child_says);
	tcase_add_test(tcase, test_only_the_own_barrier_is_a_barrier);
	tcase_add_test(tcase, test_a_session_without_id_is_not_closed);
	tcase_add_test(tcase, test_each_packet_error_of_the_protocol_is_named);
	tcase_add_test(tcase,
	    test_escaped_text_is_one_element_and_unescaped_once);
	tcase_add_test(tcase,
	    test_all_that_we_say_is_escaped_and_in_the_profile);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
