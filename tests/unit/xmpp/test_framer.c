/* SPDX-License-Identifier: Apache-2.0 */
/* The framer: what goes in, what comes out as canonical text, what is refused,
 * in one piece and split at every byte. */
#include "common/base/buf.h"
#include "common/xmpp/canonical.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct framer_limits limits = {
	.element_bytes = 65536,
	.depth = 16,
	.attributes = 8,
	.header_bytes = 4096,
};

#define HEADER \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams' to='a' " \
	"version='1.0'>"
#define LINK_HEADER \
	"<?xml version='1.0'?>\n<stream:stream " \
	"xmlns='jabber:connectionmanager' " \
	"xmlns:stream='http://etherx.jabber.org/streams' id='7'>"

/* Runs all results into one text: the canonical elements, then how it ended. */
static void
transcribe(struct framer *framer, enum framer_result result, struct buf *out)
{
	const struct element *element;

	while (result != FRAMER_MORE) {
		element = framer_element(framer);
		if (result == FRAMER_HEADER) {
			buf_printf(out, "[%s]", element->name);
		} else if (result == FRAMER_ELEMENT) {
			buf_append(out, element->bytes, element->len);
		} else {
			buf_printf(out, "!%s", framer_result_name(result));
			return;
		}
		result = framer_resume(framer);
	}
}

static bool
ended(const struct buf *out)
{
	return buf_len(out) > 0 &&
	       memchr(buf_bytes(out), '!', buf_len(out)) != NULL;
}

static void
expect(unsigned options, const char *input, const char *expected)
{
	size_t len = strlen(input), step, at, now;
	struct framer *framer;
	struct buf out;

	for (step = 1; step <= len; step += step < 8 ? 1 : len - 8) {
		framer = framer_new(&limits, options);
		buf_init(&out, 0);
		for (at = 0; at < len && (at == 0 || !ended(&out)); at += now) {
			now = MIN(step, len - at);
			transcribe(framer, framer_feed(framer, input + at, now),
			    &out);
		}
		buf_append_char(&out, '\0');
		ck_assert_str_eq((const char *)buf_bytes(&out), expected);
		buf_destroy(&out);
		framer_free(&framer);
		if (len <= 8)
			break;
	}
}

static const struct {
	const char *input;
	const char *output;
} client_cases[] = {
	{ "<message to='b'><body>hi</body></message>",
	    "<message to=\"b\"><body>hi</body></message>" },
	{ "<presence/>", "<presence/>" },
	{ "<presence></presence>", "<presence/>" },
	{ " \n<presence/> <iq/>\t", "<presence/><iq/>" },
	{ "<message xmlns='jabber:client'/>", "<message/>" },
	{ "<message id='a>b'/>", "<message id=\"a&gt;b\"/>" },
	{ "<message foo='\"'/>", "<message foo=\"&quot;\"/>" },
	{ "<message foo='&#9;&#10;&#13;'/>",
	    "<message foo=\"&#9;&#10;&#13;\"/>" },
	{ "<m><b>a &lt;&gt;&amp;&apos;&quot; ]]&gt; &#13;</b></m>",
	    "<m><b>a &lt;>&amp;'\" ]]&gt; &#13;</b></m>" },
	{ "<m><![CDATA[</m><iq/>]]></m>", "<m>&lt;/m>&lt;iq/></m>" },
	{ "<m><![CDATA[x]]]></m>", NULL },
	{ "<m><x xmlns='a'><y/></x></m>", "<m><x xmlns=\"a\"><y/></x></m>" },
	{ "<m><x xmlns='a'><y xmlns='b'/><z/></x><w/></m>",
	    "<m><x xmlns=\"a\"><y xmlns=\"b\"/><z/></x><w/></m>" },
	{ "<m><x xmlns=''><y/></x></m>", "<m><x xmlns=\"\"><y/></x></m>" },
	{ "<p:m xmlns:p='jabber:client'/>", "<m xmlns:p=\"jabber:client\"/>" },
	{ "<m><p:x xmlns:p='a' p:k='v'><p:y/></p:x></m>",
	    "<m><p:x xmlns:p=\"a\" p:k=\"v\"><p:y/></p:x></m>" },
	{ "<m xml:lang='de'><b xml:lang='en'/></m>",
	    "<m xml:lang=\"de\"><b xml:lang=\"en\"/></m>" },
	{ "<stream:x/>",
	    "<stream:x xmlns:stream=\"http://etherx.jabber.org/streams\"/>" },
	{ "<m>\xF0\x9F\x8E\x89 \xC3\xBC</m>",
	    "<m>\xF0\x9F\x8E\x89 \xC3\xBC</m>" },
	{ "<a   b = 'c'\n d=\"e\" ></a >", "<a b=\"c\" d=\"e\"/>" },
};

START_TEST(test_clients_elements_become_canonical_text)
{
	char input[2048], output[2048];
	size_t i;

	for (i = 0; i < ARRAY_LEN(client_cases); i++) {
		if (!client_cases[i].output)
			continue;
		snprintf(input, sizeof(input), "%s%s", HEADER,
		    client_cases[i].input);
		snprintf(output, sizeof(output), "[stream]%s",
		    client_cases[i].output);
		expect(0, input, output);
	}
}
END_TEST

START_TEST(test_a_header_that_ends_itself_ends_the_stream)
{
	char input[sizeof(HEADER) + 16];

	snprintf(input, sizeof(input), "%.*s/> ", (int)sizeof(HEADER) - 2,
	    HEADER);
	expect(0, input, "[stream]!end");
}
END_TEST

static const struct {
	const char *input;
	const char *result;
} refused_cases[] = {
	{ "<!-- comment -->", "!restricted-xml" },
	{ "<m><!-- x --></m>", "!restricted-xml" },
	{ "<?pi x?>", "!restricted-xml" },
	{ "<m><?pi x?></m>", "!restricted-xml" },
	{ "<!DOCTYPE x>", "!restricted-xml" },
	{ "<m>&nbsp;</m>", "!restricted-xml" },
	{ "<m>&#0;</m>", "!not-well-formed" },
	{ "<m>\x01</m>", "!not-well-formed" },
	{ "<m>\xC0\x80</m>", "!not-well-formed" },
	{ "<m>\xFF</m>", "!not-well-formed" },
	{ "<m></n>", "!not-well-formed" },
	{ "<p:m/>", "!bad-namespace" },
	{ "<m p:a='x'/>", "!bad-namespace" },
	{ "<m a='1' a='2'/>", "!not-well-formed" },
	{ "<?xml version='1.0'?>", "!declaration" },
	{ "<stream:stream><m/>", "!header-again" },
	{ "<s:stream xmlns:s='http://etherx.jabber.org/streams'>",
	    "!header-again" },
	{ "text", "!text-between-elements" },
	{ "</stream:stream>", "!end" },
	{ "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
	    "!too-deep" },
	{ "<m a='' b='' c='' d='' e='' f='' g='' h='' i=''/>",
	    "!too-many-attributes" },
};

START_TEST(test_what_a_stream_may_not_hold_is_refused)
{
	char input[2048], output[2048];
	size_t i;

	for (i = 0; i < ARRAY_LEN(refused_cases); i++) {
		snprintf(input, sizeof(input), "%s%s", HEADER,
		    refused_cases[i].input);
		snprintf(output, sizeof(output), "[stream]%s",
		    refused_cases[i].result);
		expect(0, input, output);
	}
	expect(0, "<!DOCTYPE x><a/>", "!restricted-xml");
	expect(0, "hello <a>", "!not-well-formed");
}
END_TEST

START_TEST(test_prefixes_of_the_header_are_declared_again)
{
	expect(0,
	    "<stream:stream xmlns='jabber:client' xmlns:q='urn:q' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>"
	    "<m q:a='1'><q:b/></m><q:c/>",
	    "[stream]<m xmlns:q=\"urn:q\" q:a=\"1\"><q:b/></m>"
	    "<q:c xmlns:q=\"urn:q\"/>");
}
END_TEST

START_TEST(test_packets_are_unwrapped_for_a_client)
{
	expect(FRAMER_UNWRAP,
	    LINK_HEADER
	    "<route streamid='x'><message to='a'><body>b</body></message>"
	    "</route>",
	    "[stream]<message to=\"a\"><body>b</body></message>");
	expect(FRAMER_UNWRAP,
	    LINK_HEADER
	    "<route><m xmlns='jabber:connectionmanager'><b xmlns='urn:x'/>"
	    "</m></route>",
	    "[stream]<m><b xmlns=\"urn:x\"/></m>");
	expect(FRAMER_UNWRAP,
	    LINK_HEADER
	    "<route><stream:error xmlns:stream='http://etherx.jabber.org/"
	    "streams'><conflict xmlns='urn:c'/></stream:error></route>",
	    "[stream]<stream:error><conflict xmlns=\"urn:c\"/></stream:error>");
	expect(FRAMER_UNWRAP, LINK_HEADER "<route>&lt;success/&gt;</route>",
	    "[stream]");
}
END_TEST

START_TEST(test_what_a_stanza_declares_hides_what_its_packet_did)
{
	expect(FRAMER_UNWRAP,
	    LINK_HEADER "<route xmlns:q='urn:outer' xmlns:p='urn:p'>"
			"<m xmlns:q='urn:inner' p:a='1'><q:b/></m></route>",
	    "[stream]<m xmlns:q=\"urn:inner\" xmlns:p=\"urn:p\" p:a=\"1\">"
	    "<q:b/></m>");
	expect(FRAMER_UNWRAP,
	    LINK_HEADER
	    "<route xmlns:stream='urn:other'><stream:error "
	    "xmlns:stream='http://etherx.jabber.org/streams'/></route>"
	    "<route><stream:error "
	    "xmlns:stream='http://etherx.jabber.org/streams'/></route>",
	    "[stream]<stream:error xmlns:stream="
	    "\"http://etherx.jabber.org/streams\"/><stream:error/>");
}
END_TEST

START_TEST(test_a_link_skips_what_is_too_big_and_goes_on)
{
	struct framer *framer = framer_new(&limits, FRAMER_UNWRAP);
	const char *start = LINK_HEADER "<route streamid='big'><m><b>";
	const char *end = "</b></m></route><route streamid='next'><n/></route>";
	char text[1000];
	int i;

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(framer_feed(framer, start, strlen(start)),
	    FRAMER_HEADER);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(framer_feed(framer, text, sizeof(text)),
		    FRAMER_MORE);
	ck_assert_uint_lt(framer_memory(framer), 1 << 20);
	ck_assert_int_eq(framer_feed(framer, end, strlen(end)), FRAMER_TOO_BIG);
	ck_assert_str_eq(element_attribute(framer_element(framer), "streamid"),
	    "big");
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	ck_assert_str_eq(element_attribute(framer_element(framer), "streamid"),
	    "next");
	framer_free(&framer);
}
END_TEST

START_TEST(test_a_client_that_sends_too_much_is_stopped)
{
	static const char *const starts[] = { "<m><b>", "<m a='", "<m", "<m>" };
	struct framer *framer;
	enum framer_result result;
	char text[1000];
	size_t i, fed;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < ARRAY_LEN(starts); i++) {
		framer = framer_new(&limits, 0);
		framer_prime(framer, NS_CLIENT);
		result = framer_feed(framer, starts[i], strlen(starts[i]));
		for (fed = 0; result == FRAMER_MORE; fed += sizeof(text))
			result = framer_feed(framer, text, sizeof(text));
		ck_assert_int_eq(result, FRAMER_TOO_BIG);
		ck_assert_uint_le(fed, limits.element_bytes + 2000);
		framer_free(&framer);
	}
}
END_TEST

START_TEST(test_a_primed_framer_is_lendable_between_elements)
{
	struct framer *framer = framer_new(&limits, 0);
	char rest[64];

	framer_prime(framer, NS_CLIENT);
	ck_assert_msg(framer_is_lendable(framer),
	    "a framer that was primed should be lendable");
	ck_assert_int_eq(framer_feed(framer, "<presence", 9), FRAMER_MORE);
	ck_assert_msg(!framer_is_lendable(framer),
	    "a framer in the midst of an element should not be lendable");
	ck_assert_uint_eq(framer_partial_bytes(framer), 9);
	ck_assert_int_eq(framer_feed(framer, "/><iq/>tail", 11),
	    FRAMER_ELEMENT);
	ck_assert_uint_gt(framer_rest_bytes(framer), 0);
	ck_assert_uint_eq(framer_take_rest(framer, rest, sizeof(rest)), 9);
	ck_assert_mem_eq(rest, "<iq/>tail", 9);
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	framer_prime(framer, NS_CLIENT);
	ck_assert_msg(framer_is_lendable(framer),
	    "a framer that was primed anew should be lendable");
	ck_assert_int_eq(framer_feed(framer, "<a/>", 4), FRAMER_ELEMENT);
	ck_assert_uint_eq(framer_rest_bytes(framer), 0);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	ck_assert_msg(framer_is_lendable(framer),
	    "a framer between elements should be lendable");
	framer_free(&framer);
}
END_TEST

START_TEST(test_the_view_names_attributes_child_and_text)
{
	struct framer *framer = framer_new(&limits, 0);
	struct canonical_stanza stanza;
	const struct element *element;
	const char *input = "<iq type='set' id='&lt;1'>t<query xmlns='urn:q' "
			    "node='n'><x/></query><other/></iq>";

	framer_prime(framer, NS_CLIENT);
	ck_assert_int_eq(framer_feed(framer, input, strlen(input)),
	    FRAMER_ELEMENT);
	element = framer_element(framer);
	ck_assert_msg(element_is(element, "iq", NS_CLIENT),
	    "the element should be an <iq/> of a client");
	ck_assert_str_eq(element_attribute(element, "id"), "<1");
	ck_assert_uint_eq(element->child_count, 2);
	ck_assert_str_eq(element->child_name, "query");
	ck_assert_str_eq(element->child_namespace, "urn:q");
	ck_assert_str_eq(element_child_attribute(element, "node"), "n");
	ck_assert_str_eq(element->text, "t");
	ck_assert_msg(canonical_read_stanza(element->bytes, element->len,
			  &stanza),
	    "the canonical text of an element should be readable");
	ck_assert_mem_eq(stanza.content.text, "t<query", 7);
	ck_assert_mem_eq(stanza.content.text + stanza.content.len, "</iq>", 5);
	framer_free(&framer);
}
END_TEST

START_TEST(test_escaped_text_of_a_packet_is_parsed_once)
{
	struct framer *framer = framer_new(&limits, FRAMER_UNWRAP);
	const struct element *element;
	const char *text = "<success xmlns=\"urn:s\">dj0=</success>";

	ck_assert_int_eq(framer_parse_text(framer, text, strlen(text),
			     &element),
	    FRAMER_ELEMENT);
	ck_assert_str_eq(element->name, "success");
	ck_assert_uint_eq(element->len, strlen(text));
	ck_assert_mem_eq(element->bytes, text, element->len);
	ck_assert_int_eq(framer_parse_text(framer, "<a", 2, &element),
	    FRAMER_NOT_WELL_FORMED);
	framer_free(&framer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer");
	TCase *tcase = tcase_create("framer");

	tcase_add_test(tcase, test_clients_elements_become_canonical_text);
	tcase_add_test(tcase, test_a_header_that_ends_itself_ends_the_stream);
	tcase_add_test(tcase, test_what_a_stream_may_not_hold_is_refused);
	tcase_add_test(tcase, test_prefixes_of_the_header_are_declared_again);
	tcase_add_test(tcase, test_packets_are_unwrapped_for_a_client);
	tcase_add_test(tcase,
	    test_what_a_stanza_declares_hides_what_its_packet_did);
	tcase_add_test(tcase, test_a_link_skips_what_is_too_big_and_goes_on);
	tcase_add_test(tcase, test_a_client_that_sends_too_much_is_stopped);
	tcase_add_test(tcase,
	    test_a_primed_framer_is_lendable_between_elements);
	tcase_add_test(tcase, test_the_view_names_attributes_child_and_text);
	tcase_add_test(tcase, test_escaped_text_of_a_packet_is_parsed_once);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
