/* SPDX-License-Identifier: Apache-2.0 */
/* What we say on a client's stream, to the byte (PROTOCOL.md §8). */
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct buf out;

static void
setup(void)
{
	buf_init(&out, 0);
}

static void
teardown(void)
{
	buf_destroy(&out);
}

static void
expect(const char *expected)
{
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), expected);
	buf_reset(&out);
}

START_TEST(test_text_and_values_are_escaped_as_the_profile_demands)
{
	static const char all[] = "a<b>c&d\"e'f\tg\nh\ri\x7F\xC3\xA9";

	stream_escape_text(&out, all, sizeof(all) - 1);
	expect("a&lt;b>c&amp;d\"e'f\tg\nh&#13;i\x7F\xC3\xA9");
	stream_escape_value(&out, all, sizeof(all) - 1);
	expect("a&lt;b&gt;c&amp;d&quot;e'f&#9;g&#10;h&#13;i\x7F\xC3\xA9");
	stream_escape_value(&out, "<<", 2);
	expect("&lt;&lt;");
	stream_escape_text(&out, "", 0);
	expect("");
}
END_TEST

/* However it is cut into calls. */
START_TEST(test_text_never_holds_the_end_of_a_section)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{ "]]>", "]]&gt;" },
		{ "]]]>>", "]]]&gt;>" },
		{ "]>]]>]>", "]>]]&gt;]>" },
		{ "]] >", "]] >" },
		{ "]&>", "]&amp;>" },
		{ "]]&>", "]]&amp;>" },
		{ ">]]\r>]]<>", ">]]&#13;>]]&lt;>" },
		{ ">", ">" },
	};
	size_t i, len, first, second;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const char *text = cases[i].text;

		len = strlen(text);
		for (first = 0; first <= len; first++) {
			for (second = first; second <= len; second++) {
				stream_escape_text(&out, text, first);
				stream_escape_text(&out, text + first,
				    second - first);
				stream_escape_text(&out, text + second,
				    len - second);
				expect(cases[i].escaped);
			}
		}
	}
}
END_TEST

START_TEST(test_no_value_holds_a_bare_tag_end)
{
	stream_escape_value(&out, ">]]>", 4);
	expect("&gt;]]&gt;");
}
END_TEST

#define HEADER_START \
	"<?xml version='1.0' encoding='UTF-8'?><stream:stream " \
	"xmlns:stream=\"http://etherx.jabber.org/streams\" " \
	"xmlns=\"jabber:client\""

START_TEST(test_the_header_names_domain_id_language_and_version)
{
	struct stream_header header = { "example.org", NULL, "cm15f3a9c01",
		NULL, true };

	stream_render_header(&out, &header);
	expect(HEADER_START " from=\"example.org\" id=\"cm15f3a9c01\" "
			    "xml:lang=\"en\" version=\"1.0\">");
	header.version = false;
	header.language = "de-CH";
	stream_render_header(&out, &header);
	expect(HEADER_START " from=\"example.org\" id=\"cm15f3a9c01\" "
			    "xml:lang=\"de-CH\">");
	header.language = "\"><x/>";
	header.from = "<&\">";
	header.to = "a&'\"@example.org";
	stream_render_header(&out, &header);
	expect(HEADER_START
	    " from=\"&lt;&amp;&quot;&gt;\" "
	    "to=\"a&amp;'&quot;@example.org\" id=\"cm15f3a9c01\" "
	    "xml:lang=\"&quot;&gt;&lt;x/&gt;\">");
}
END_TEST

#define STARTTLS   "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\""
#define MECHANISMS "<mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
#define AUTH       "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>"
#define REGISTER   "<register xmlns=\"http://jabber.org/features/iq-register\"/>"

START_TEST(test_features_before_login_are_tls_mechanisms_and_the_old_ways)
{
	struct stream_features features = {
		.stage = STAGE_BEFORE_AUTH,
		.starttls = true,
		.mechanisms = "PLAIN SCRAM-SHA-1",
		.non_sasl_auth = true,
		.in_band_register = true,
	};

	stream_render_features(&out, &features);
	expect("<stream:features>" STARTTLS "/>" MECHANISMS
	       "<mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1</mechanism>"
	       "</mechanisms>" AUTH REGISTER "</stream:features>");
	features.starttls = false;
	features.mechanisms = "";
	features.non_sasl_auth = features.in_band_register = false;
	stream_render_features(&out, &features);
	expect("<stream:features></stream:features>");
}
END_TEST

START_TEST(test_mandatory_tls_is_offered_alone)
{
	struct stream_features features = {
		.stage = STAGE_BEFORE_AUTH,
		.starttls = true,
		.starttls_required = true,
		.mechanisms = "PLAIN",
		.non_sasl_auth = true,
		.in_band_register = true,
	};

	stream_render_features(&out, &features);
	expect("<stream:features>" STARTTLS
	       "><required/></starttls></stream:features>");
	/* Without it the rest would only be refused. */
	features.starttls = false;
	stream_render_features(&out, &features);
	expect("<stream:features></stream:features>");
	/* Done: what was required is there, and no longer offered. */
	features.starttls_required = false;
	stream_render_features(&out, &features);
	expect("<stream:features>" MECHANISMS
	       "<mechanism>PLAIN</mechanism></mechanisms>" AUTH REGISTER
	       "</stream:features>");
}
END_TEST

START_TEST(test_features_after_login_are_bind_session_and_limits)
{
	struct stream_features features = {
		.stage = STAGE_AFTER_AUTH,
		.starttls = true,
		.mechanisms = "PLAIN",
		.non_sasl_auth = true,
		.roster_versioning = true,
		.max_stanza_bytes = 262144,
		.idle_s = 1800,
	};

	stream_render_features(&out, &features);
	expect("<stream:features>"
	       "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>"
	       "<session xmlns=\"urn:ietf:params:xml:ns:xmpp-session\">"
	       "<optional/></session>"
	       "<ver xmlns=\"urn:xmpp:features:rosterver\"/>"
	       "<limits xmlns=\"urn:xmpp:stream-limits:0\">"
	       "<max-bytes>262144</max-bytes>"
	       "<idle-seconds>1800</idle-seconds></limits></stream:features>");
	features.roster_versioning = false;
	features.max_stanza_bytes = 0;
	stream_render_features(&out, &features);
	expect("<stream:features>"
	       "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>"
	       "<session xmlns=\"urn:ietf:params:xml:ns:xmpp-session\">"
	       "<optional/></session>"
	       "<limits xmlns=\"urn:xmpp:stream-limits:0\">"
	       "<idle-seconds>1800</idle-seconds></limits></stream:features>");
}
END_TEST

START_TEST(test_stream_errors_carry_their_text_escaped)
{
	stream_render_error(&out, "system-shutdown", NULL);
	stream_render_end(&out);
	expect("<stream:error><system-shutdown "
	       "xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>"
	       "</stream:stream>");
	stream_render_error(&out, "policy-violation", "a < b");
	expect("<stream:error><policy-violation "
	       "xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"
	       "<text xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\" "
	       "xml:lang=\"en\">a &lt; b</text></stream:error>");
}
END_TEST

START_TEST(test_error_answers_keep_the_id_and_leave_out_what_is_not_there)
{
	struct stanza_error error = {
		.name = "iq",
		.to = "a@x/\"1\"",
		.from = "b@y",
		.id = "<1>",
		.fault = { "modify", "jid-malformed", "a&b" },
	};

	stream_render_stanza_error(&out, &error);
	expect("<iq type=\"error\" id=\"&lt;1&gt;\" from=\"b@y\" "
	       "to=\"a@x/&quot;1&quot;\"><error type=\"modify\"><jid-malformed "
	       "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><text "
	       "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" "
	       "xml:lang=\"en\">a&amp;b</text></error></iq>");
	error = (struct stanza_error){ .name = "presence",
		.fault = { "cancel", "conflict", NULL } };
	stream_render_stanza_error(&out, &error);
	expect("<presence type=\"error\"><error type=\"cancel\"><conflict "
	       "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error>"
	       "</presence>");
}
END_TEST

START_TEST(test_only_language_tags_are_echoed)
{
	static const char *const good[] = { "en", "de-CH", "zh-Hant-TW", "x-a",
		"abcdefgh", "zh-Hant-TW-x",
		"de-Latn-DE-1996-u-co-phonebk-x-abcd" };
	static const char *const bad[] = { "", "-", "en-", "-en", "en--us",
		"1en", "e n", "en\"", "en>", "\xC3\xA9", "abcdefghi",
		"en-abcdefghij" };
	char longest[LANGUAGE_MAX + 2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(stream_is_language(good[i]), "%s", good[i]);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!stream_is_language(bad[i]), "%s", bad[i]);
	for (i = 0; i <= LANGUAGE_MAX; i++)
		longest[i] = i % 2 ? '-' : 'x';
	longest[LANGUAGE_MAX] = '\0';
	ck_assert_msg(stream_is_language(longest),
	    "a language tag of the greatest length should be taken");
	strcpy(longest + LANGUAGE_MAX, "x");
	ck_assert_msg(!stream_is_language(longest),
	    "a language tag one byte too long should be refused");
}
END_TEST

/* A parser that knows nothing of us reads what we say. */
START_TEST(test_a_whole_stream_of_ours_is_understood)
{
	static const struct framer_limits limits = { 65536, 16, 16, 4096, 0 };
	struct stream_header header = { "example.org", NULL, "1", NULL, true };
	struct stream_features features = { .mechanisms = "PLAIN" };
	struct framer *framer = framer_new(&limits, 0);
	const struct element *element;

	stream_render_header(&out, &header);
	stream_render_features(&out, &features);
	stream_render_error(&out, "reset", "why");
	stream_render_end(&out);
	ck_assert_int_eq(framer_feed(framer, buf_bytes(&out), buf_len(&out)),
	    FRAMER_HEADER);
	ck_assert_str_eq(framer_scope(framer),
	    "<stream:stream xmlns=\"" NS_CLIENT "\" xmlns:stream=\"" NS_STREAM
	    "\" xml:lang=\"en\">");
	element = framer_element(framer);
	ck_assert_str_eq(element_attribute(element, "xmlns"), NS_CLIENT);
	ck_assert_str_eq(element_attribute(element, "from"), "example.org");
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	ck_assert_msg(element_is(element, "features", NS_STREAM),
	    "the item should be <stream:features/>");
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	ck_assert_msg(element_is(element, "error", NS_STREAM),
	    "the item should be <stream:error/>");
	ck_assert_str_eq(element->child_name, "reset");
	ck_assert_str_eq(element->child_namespace, NS_STREAMS);
	ck_assert_int_eq(framer_resume(framer), FRAMER_END);
	framer_free(&framer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream");
	TCase *tcase = tcase_create("stream");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    test_text_and_values_are_escaped_as_the_profile_demands);
	tcase_add_test(tcase, test_text_never_holds_the_end_of_a_section);
	tcase_add_test(tcase, test_no_value_holds_a_bare_tag_end);
	tcase_add_test(tcase,
	    test_the_header_names_domain_id_language_and_version);
	tcase_add_test(tcase,
	    test_features_before_login_are_tls_mechanisms_and_the_old_ways);
	tcase_add_test(tcase, test_mandatory_tls_is_offered_alone);
	tcase_add_test(tcase,
	    test_features_after_login_are_bind_session_and_limits);
	tcase_add_test(tcase, test_stream_errors_carry_their_text_escaped);
	tcase_add_test(tcase,
	    test_error_answers_keep_the_id_and_leave_out_what_is_not_there);
	tcase_add_test(tcase, test_only_language_tags_are_echoed);
	tcase_add_test(tcase, test_a_whole_stream_of_ours_is_understood);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
