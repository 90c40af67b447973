/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of PROTOCOL.md §6.6 and the vectors of PROTOCOL.md §18.1, row by
 * row: what would confuse the server's scanner is refused or comes out in the
 * safe profile.
 */
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/xmpp/safe_profile.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct framer_limits limits = {
	.element_bytes = 65536,
	.depth = 64,
	.attributes = 64,
	.header_bytes = 4096,
};

struct row {
	const char *what;
	const char *input;
	enum framer_result result;
	const char *output;
};

static const struct row rows[] = {
	{ "a > in a single-quoted value", "<message id='a>b'/>", FRAMER_ELEMENT,
	    "<message id=\"a&gt;b\"/>" },
	{ "a double quote in a single-quoted value", "<message foo='\"'/>",
	    FRAMER_ELEMENT, "<message foo=\"&quot;\"/>" },
	{ "a comment with a quote", "<message><!-- \" --></message>",
	    FRAMER_RESTRICTED, NULL },
	{ "a processing instruction", "<message><?pi x?></message>",
	    FRAMER_RESTRICTED, NULL },
	{ "a comment that ends elements of the link",
	    "<message><!-- > </x></x></route> --><body>q</body></message>",
	    FRAMER_RESTRICTED, NULL },
	{ "a comment between stanzas", "<!-- > </x></route> --><message/>",
	    FRAMER_RESTRICTED, NULL },
	{ "a blank in an end tag", "<message><body>b</body ></message >",
	    FRAMER_ELEMENT, "<message><body>b</body></message>" },
	{ "a line feed behind a tag's name", "<message\nid='1'\n/>",
	    FRAMER_ELEMENT, "<message id=\"1\"/>" },
	{ "a tab behind a tag's name", "<message\t><body\t/></message>",
	    FRAMER_ELEMENT, "<message><body/></message>" },
	{ "a reference to NUL", "<message>&#0;</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "a reference to a control character", "<message>&#x1;</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "a reference to half a surrogate", "<message>&#xD800;</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "a reference beyond Unicode", "<message>&#x110000;</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "an encoded surrogate", "<message>\xED\xA0\x80</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "a control character", "<message>\x1B</message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "U+FFFF", "<message>\xEF\xBF\xBF</message>", FRAMER_NOT_WELL_FORMED,
	    NULL },
	{ "a prefix of the stream", "<stream:error/>", FRAMER_ELEMENT,
	    "<stream:error "
	    "xmlns:stream=\"http://etherx.jabber.org/streams\"/>" },
	{ "an undeclared prefix", "<message><foo:x/></message>",
	    FRAMER_BAD_NAMESPACE, NULL },
	{ "an undeclared prefix of an attribute", "<message foo:x='1'/>",
	    FRAMER_BAD_NAMESPACE, NULL },
	{ "a prefix out of its scope",
	    "<message><a xmlns:p='u'/><p:b/></message>", FRAMER_BAD_NAMESPACE,
	    NULL },
	{ "an undefined entity", "<message>&foo;</message>", FRAMER_RESTRICTED,
	    NULL },
	{ "an undefined entity in a value", "<message id='&foo;'/>",
	    FRAMER_RESTRICTED, NULL },
	{ "a DOCTYPE with an entity",
	    "<!DOCTYPE x [<!ENTITY foo 'bar'>]><message>&foo;</message>",
	    FRAMER_RESTRICTED, NULL },
	{ "a CDATA section that ends in a bracket",
	    "<message><![CDATA[x]]]></message>", FRAMER_ELEMENT,
	    "<message>x]</message>" },
	{ "a CDATA section with tags of the link",
	    "<message><![CDATA[</message></route><route>]]></message>",
	    FRAMER_ELEMENT,
	    "<message>&lt;/message>&lt;/route>&lt;route></message>" },
	{ "an end of CDATA without a beginning", "<message>]]></message>",
	    FRAMER_NOT_WELL_FORMED, NULL },
	{ "quotes and slashes in text", "<message>\"'/ ]]&gt; &gt;</message>",
	    FRAMER_ELEMENT, "<message>\"'/ ]]&gt; ></message>" },
	{ "a > first, last and alone in text", "<a>><b>&gt;</b>&#62;<c/>></a>",
	    FRAMER_ELEMENT, "<a>><b>></b>><c/>></a>" },
	{ "text that looks like ends of tags",
	    "<a>/>&lt;/route>&lt;/a&gt;&lt;!--></a>", FRAMER_ELEMENT,
	    "<a>/>&lt;/route>&lt;/a>&lt;!--></a>" },
	{ "an end of CDATA by references", "<a>&#93;&#x5D;&#62;></a>",
	    FRAMER_ELEMENT, "<a>]]&gt;></a>" },
	{ "an end of CDATA whose > is the client's own",
	    "<a>]&#93;>&#93;]>></a>", FRAMER_ELEMENT, "<a>]]&gt;]]&gt;></a>" },
	{ "an end of CDATA that sections make",
	    "<a>]<![CDATA[]]]><![CDATA[>]]></a>", FRAMER_ELEMENT,
	    "<a>]]&gt;</a>" },
	{ "an end of CDATA between sections",
	    "<a><![CDATA[]]]]>><![CDATA[]]]]><![CDATA[>]]></a>", FRAMER_ELEMENT,
	    "<a>]]&gt;]]&gt;</a>" },
	{ "brackets that an element parts from the >",
	    "<a>]]<b/>>]<b>]></b>]]<b>></b></a>", FRAMER_ELEMENT,
	    "<a>]]<b/>>]<b>]></b>]]<b>></b></a>" },
	{ "brackets that end a value, then a >", "<a b=']]'>><c d=']]'/>></a>",
	    FRAMER_ELEMENT, "<a b=\"]]\">><c d=\"]]\"/>></a>" },
	{ "more brackets than two", "<a>]]]]&gt;]&gt;</a>", FRAMER_ELEMENT,
	    "<a>]]]]&gt;]></a>" },
	{ "a line feed between the brackets and the >", "<a>]]\r\n></a>",
	    FRAMER_ELEMENT, "<a>]]\n></a>" },
	{ "an end of CDATA in a value", "<a b=']]>'/>", FRAMER_ELEMENT,
	    "<a b=\"]]&gt;\"/>" },
	{ "a single quote in a double-quoted value", "<message id=\"'\"/>",
	    FRAMER_ELEMENT, "<message id=\"'\"/>" },
	{ "emoji", "<message>\xF0\x9F\x8E\x89</message>", FRAMER_ELEMENT,
	    "<message>\xF0\x9F\x8E\x89</message>" },
	{ "white space in a value", "<message id='\t \n'/>", FRAMER_ELEMENT,
	    "<message id=\"   \"/>" },
	{ "references to white space in a value",
	    "<message id='&#9;&#xA;&#13;'/>", FRAMER_ELEMENT,
	    "<message id=\"&#9;&#10;&#13;\"/>" },
	{ "line ends in text", "<message>a\r\nb\rc&#13;</message>",
	    FRAMER_ELEMENT, "<message>a\nb\nc&#13;</message>" },
	{ "a name that xml itself gives", "<xml:a xml:b='1'/>", FRAMER_ELEMENT,
	    "<xml:a xml:b=\"1\"/>" },
	{ "the stream's own end tag in a stanza",
	    "<message></stream:stream></message>", FRAMER_NOT_WELL_FORMED,
	    NULL },
};

static enum framer_result
feed(struct framer *framer, const char *bytes, size_t len, size_t step)
{
	enum framer_result result = FRAMER_MORE;
	size_t at, now;

	framer_prime(framer, NS_CLIENT);
	for (at = 0; at < len && result == FRAMER_MORE; at += now) {
		now = MIN(step, len - at);
		result = framer_feed(framer, bytes + at, now);
	}
	return result;
}

static void
check_row(const struct row *row, size_t step)
{
	struct framer *framer = framer_new(&limits, 0);
	const struct element *element;
	enum framer_result result =
	    feed(framer, row->input, strlen(row->input), step);

	ck_assert_msg(result == row->result, "%s: %s", row->what,
	    framer_result_name(result));
	if (row->output) {
		element = framer_element(framer);
		ck_assert_msg(element->len == strlen(row->output) &&
				  memcmp(element->bytes, row->output,
				      element->len) == 0,
		    "%s: %.*s", row->what, (int)element->len, element->bytes);
		ck_assert_ptr_null(safe_profile_breach(element->bytes,
		    element->len, NULL));
	}
	framer_free(&framer);
}

START_TEST(test_each_row_is_refused_or_made_safe)
{
	size_t i, step;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		for (step = 1; step <= strlen(rows[i].input); step++)
			check_row(&rows[i], step);
}
END_TEST

START_TEST(test_nul_is_refused_wherever_it_stands)
{
	static const char in_text[] = "<message>a\0b</message>";
	static const char in_value[] = "<message id='\0'/>";
	static const char between[] = "\0<message/>";
	struct framer *framer = framer_new(&limits, 0);

	ck_assert_int_eq(feed(framer, in_text, sizeof(in_text) - 1, 1),
	    FRAMER_NOT_WELL_FORMED);
	ck_assert_int_eq(feed(framer, in_value, sizeof(in_value) - 1, 64),
	    FRAMER_NOT_WELL_FORMED);
	ck_assert_int_eq(feed(framer, between, sizeof(between) - 1, 64),
	    FRAMER_NOT_WELL_FORMED);
	framer_free(&framer);
}
END_TEST

START_TEST(test_a_stream_in_utf_16_is_refused)
{
	static const char *const starts[] = { "\xFF\xFE", "\xFE\xFF" };
	static const char little[] = "<\0a\0>\0", big[] = "\0<\0a\0>";
	struct framer *framer = framer_new(&limits, 0);
	size_t i;

	for (i = 0; i < ARRAY_LEN(starts); i++) {
		framer_reset(framer);
		ck_assert_int_eq(framer_feed(framer, starts[i], 2),
		    FRAMER_ENCODING);
	}
	framer_reset(framer);
	ck_assert_int_eq(framer_feed(framer, little, sizeof(little) - 1),
	    FRAMER_ENCODING);
	framer_reset(framer);
	ck_assert_int_eq(framer_feed(framer, big, sizeof(big) - 1),
	    FRAMER_ENCODING);
	framer_free(&framer);
}
END_TEST

START_TEST(test_a_declaration_of_another_encoding_or_version_is_refused)
{
	static const struct {
		const char *declaration;
		enum framer_result result;
	} cases[] = {
		{ "<?xml version='1.0' encoding='utf-8'?>", FRAMER_HEADER },
		{ "<?xml version=\"1.0\" standalone=\"yes\" ?>",
		    FRAMER_HEADER },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?>",
		    FRAMER_ENCODING },
		{ "<?xml  version = \"1.0\"  encoding = \"us-ascii\" ?>",
		    FRAMER_ENCODING },
		{ "<?xml version='1.0' encoding='UTF-16'?>", FRAMER_ENCODING },
		{ "<?xml version='1.0' encoding='x'?>", FRAMER_ENCODING },
		{ "<?xml version='1.1'?>", FRAMER_ENCODING },
		{ "<?xml version=\"1.1\" encoding='UTF-8'?>", FRAMER_ENCODING },
		{ "<?xml encoding='UTF-8'?>", FRAMER_NOT_WELL_FORMED },
		{ " <?xml version='1.0'?>", FRAMER_NOT_WELL_FORMED },
	};
	struct framer *framer = framer_new(&limits, 0);
	char text[256];
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text),
		    "%s<stream:stream xmlns='%s' "
		    "xmlns:stream='%s'>",
		    cases[i].declaration, NS_CLIENT, NS_STREAM);
		framer_reset(framer);
		ck_assert_msg(framer_feed(framer, text, strlen(text)) ==
				  cases[i].result,
		    "%s", text);
	}
	framer_free(&framer);
}
END_TEST

static const struct {
	const char *what;
	const char *text;
} breaches[] = {
	{ "single quotes", "<a b='c'/>" },
	{ "two blanks", "<a  b=\"c\"/>" },
	{ "a blank in an end tag", "<a></a >" },
	{ "a line feed in a tag", "<a\nb=\"c\"/>" },
	{ "a blank before the slash", "<a />" },
	{ "a comment", "<a><!-- --></a>" },
	{ "an instruction", "<a><?b?></a>" },
	{ "a CDATA section", "<a><![CDATA[b]]></a>" },
	{ "a bare > in a value", "<a b=\">\"/>" },
	{ "an end of CDATA", "<a>]]></a>" },
	{ "an end of CDATA behind more brackets", "<a>]]]></a>" },
	{ "a > escaped without need", "<a>&gt;</a>" },
	{ "a > escaped behind one bracket", "<a>]&gt;</a>" },
	{ "a > escaped behind brackets and an element", "<a>]]<b/>&gt;</a>" },
	{ "a tab in a value", "<a b=\"\t\"/>" },
	{ "a carriage return", "<a>\r</a>" },
	{ "a reference that is not needed", "<a>&apos;</a>" },
	{ "a control character", "<a>\x01</a>" },
	{ "an overlong sequence", "<a>\xC0\x80</a>" },
	{ "an undeclared prefix", "<a><b:c/></a>" },
	{ "a prefix out of its scope", "<a><b xmlns:p=\"u\"/><p:c/></a>" },
	{ "a wrong end tag", "<a></b>" },
	{ "a second element", "<a/><b/>" },
	{ "no end", "<a>" },
};

START_TEST(test_the_judge_of_the_profile_sees_each_breach)
{
	static const char good[] =
	    "<a p:b=\"'&quot;&#10;\" xmlns:p=\"u\"><p:c/>\"'\t\n&#13;>]>"
	    "]]&gt;>]]<d/>></a>";
	size_t i;

	ck_assert_ptr_null(safe_profile_breach(good, sizeof(good) - 1, NULL));
	ck_assert_ptr_null(safe_profile_breach("<k:a/>", 6, "k"));
	for (i = 0; i < ARRAY_LEN(breaches); i++)
		ck_assert_msg(safe_profile_breach(breaches[i].text,
				  strlen(breaches[i].text), NULL),
		    "%s", breaches[i].what);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer_profile");
	TCase *tcase = tcase_create("framer_profile");

	tcase_add_test(tcase, test_each_row_is_refused_or_made_safe);
	tcase_add_test(tcase, test_nul_is_refused_wherever_it_stands);
	tcase_add_test(tcase, test_a_stream_in_utf_16_is_refused);
	tcase_add_test(tcase,
	    test_a_declaration_of_another_encoding_or_version_is_refused);
	tcase_add_test(tcase, test_the_judge_of_the_profile_sees_each_breach);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
