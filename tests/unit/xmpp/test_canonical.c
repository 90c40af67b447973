/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of canonical text accepts, what it says of it, and that it
 * says "broken" of all else and never looks outside the text.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/xmpp/canonical_rig.h"

#include <stdio.h>
#include <string.h>

/* --- tokens --- */

/* One token a line: what it is, and its bytes. */
static void
expect_tokens(const char *text, const char *expected)
{
	char got[2048];
	size_t at = 0;

	begin_text(text);
	do {
		(void)canonical_next(&reader);
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s|%.*s\n",
		    token_name(reader.token), (int)reader.whole.len,
		    reader.whole.text);
		ck_assert_uint_lt(at, sizeof(got));
	} while (reader.token != CANONICAL_END &&
		 reader.token != CANONICAL_BROKEN);
	ck_assert_str_eq(got, expected);
}

START_TEST(a_text_is_its_tokens_in_a_row)
{
	expect_tokens("", "end|\n");
	expect_tokens("a>b\"'=/&amp;", "content|a>b\"'=/&amp;\nend|\n");
	expect_tokens("<a/>", "start|<a\nempty|/>\nend|\n");
	expect_tokens("<a b=\"\" xml:c=\"d '/ =\">>x</a>",
	    "start|<a\nattribute| b=\"\"\nattribute| xml:c=\"d '/ =\"\nopen|>\n"
	    "content|>x\nclose|</a>\nend|\n");
	expect_tokens("<p:a><_-.0/></p:a>\n<\xC3\xA4>",
	    "start|<p:a\nopen|>\nstart|<_-.0\nempty|/>\nclose|</p:a>\n"
	    "content|\n\nstart|<\xC3\xA4\nopen|>\nend|\n");
	expect_tokens("</stream:stream>", "close|</stream:stream>\nend|\n");
}
END_TEST

START_TEST(a_token_says_its_name_and_value)
{
	begin_text("<p:iq id=\"a&quot;b\"></p:iq>");
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	EXPECT_SPAN(reader.name, "p:iq");
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_ATTRIBUTE);
	EXPECT_SPAN(reader.name, "id");
	EXPECT_SPAN(reader.value, "a&quot;b");
	ck_assert_int_eq(reader.depth, 0);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_OPEN);
	ck_assert_int_eq(reader.depth, 1);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_CLOSE);
	EXPECT_SPAN(reader.name, "p:iq");
	ck_assert_int_eq(reader.depth, 0);
}
END_TEST

/* Each is what it is before the bar, and broken from there on. */
static const char *const broken_texts[] = {
	/* other ways to write what can be written */
	"<a| >",
	"|< a>",
	"<a|  b=\"c\">",
	"<a|\tb=\"c\">",
	"<a|\nb=\"c\">",
	"<a| b=\'c\'>",
	"<a| b =\"c\">",
	"<a| b= \"c\">",
	"<a b=\"c\"| >",
	"<a b=\"c\"| />",
	"<a b=\"c\"|d=\"e\">",
	"<a|/ >",
	"<a|/b=\"c\">",
	"<a>|</a >",
	"<a>|</ a>",
	"<a>|</a b=\"c\">",
	/* what does not exist in it */
	"<a>|<!-- b --></a>",
	"<a>|<!---->",
	"<a>|<![CDATA[b]]></a>",
	"|<?xml version=\"1.0\"?><a/>",
	"|<!DOCTYPE a><a/>",
	"<a>b|<?c d?></a>",
	/* what is nothing */
	"|<",
	"|<>",
	"|</>",
	"|</",
	"|<a",
	"|</a",
	"|<a b=\"c\"",
	"|<a b=\"c",
	"|<a/",
	"|<1>",
	"|<->",
	"|<.a/>",
	"<a|&b>",
	"<a|=\"b\">",
	"<a| b>",
	"<a| b=>",
	"<a| b=\">",
	"<a| b=c>",
	"<a| =\"c\">",
	"<a| 1b=\"c\">",
	"<a| b=\"c>\">",
	"|<a b=\"<\">",
	"|<a b=\"c\"<d>",
	"|<a<b>>",
	"<a>|<</a>",
	"<a>|<//a>",
};

START_TEST(all_else_is_broken_for_good)
{
	const char *bar = strchr(broken_texts[_i], '|');
	size_t before = (size_t)(bar - broken_texts[_i]);
	char text[64], *rest = text + before;

	snprintf(text, sizeof(text), "%.*s%s", (int)before, broken_texts[_i],
	    bar + 1);
	begin_text(text);
	while (canonical_next(&reader) != CANONICAL_BROKEN)
		ck_assert_int_ne(reader.token, CANONICAL_END);
	ck_assert_uint_eq((size_t)(reader.whole.text - exact), before);
	EXPECT_SPAN(reader.whole, rest);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_BROKEN);
	EXPECT_SPAN(reader.whole, rest);
}
END_TEST

START_TEST(no_bytes_may_be_nowhere)
{
	canonical_begin(&reader, NULL, 0);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_END);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_END);
}
END_TEST

/* --- elements --- */

START_TEST(children_are_those_of_one_element)
{
	begin_text("<q a=\"1\">x<b><c/><d>y</d></b>z<e/></q><f/>");
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	ck_assert_msg(canonical_enter(&reader), "the reader should enter <q/>");
	ck_assert_msg(canonical_next_child(&reader, 1),
	    "the first child should be found");
	EXPECT_SPAN(reader.name, "b");
	ck_assert_msg(canonical_next_child(&reader, 1),
	    "the second child should be found");
	EXPECT_SPAN(reader.name, "e");
	ck_assert_msg(!canonical_next_child(&reader, 1),
	    "there should be no third child");
	ck_assert_int_eq(reader.token, CANONICAL_CLOSE);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	EXPECT_SPAN(reader.name, "f");
}
END_TEST

static const struct {
	const char *text; /* inside a <q> */
	enum canonical_token end;
} no_children[] = {
	{ "</q>", CANONICAL_CLOSE },
	{ "x</q><a/>", CANONICAL_CLOSE },
	{ "", CANONICAL_END },
	{ "x", CANONICAL_END },
	{ "<a", CANONICAL_BROKEN },
	{ "<!---->", CANONICAL_BROKEN },
};

START_TEST(an_element_without_children_has_ended_or_not)
{
	char text[64];

	snprintf(text, sizeof(text), "<q>%s", no_children[_i].text);
	begin_text(text);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	ck_assert_msg(canonical_enter(&reader), "the reader should enter <q/>");
	ck_assert_msg(!canonical_next_child(&reader, 1),
	    "there should be no child: %s", text);
	ck_assert_int_eq(reader.token, no_children[_i].end);
}
END_TEST

static const struct {
	const char *text, *content; /* NULL: it is not content alone */
} contents[] = {
	{ "<a>b</a>c", "b" },
	{ "<a x=\"y\">></a>", ">" },
	{ "<a></a>", "" },
	{ "<a/>b", "" },
	{ "<a>b<c/></a>", NULL },
	{ "<a><c/>b</a>", NULL },
	{ "<a>b", NULL },
	{ "<a>", NULL },
	{ "<a x>b</a>", NULL },
	{ "<a>b</a x>", NULL },
};

START_TEST(content_is_what_an_element_holds_alone)
{
	struct canonical_span content;
	bool whole;

	begin_text(contents[_i].text);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	whole = canonical_read_content(&reader, &content);
	ck_assert_int_eq(whole, contents[_i].content != NULL);
	if (whole)
		EXPECT_SPAN(content, contents[_i].content);
}
END_TEST

START_TEST(an_attribute_is_found_and_the_reader_stays)
{
	begin_text("<a xb=\"1\" b=\"2\" b:b=\"3\" c d=\"4\">");
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	EXPECT_SPAN(canonical_find_attribute(&reader, "b"), "2");
	EXPECT_SPAN(canonical_find_attribute(&reader, "b:b"), "3");
	ck_assert_ptr_null(canonical_find_attribute(&reader, "e").text);
	ck_assert_ptr_null(canonical_find_attribute(&reader, "d").text);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_ATTRIBUTE);
	EXPECT_SPAN(reader.name, "xb");
}
END_TEST

/* --- stanzas --- */

START_TEST(a_stanza_is_its_start_tag_and_content)
{
	struct canonical_stanza stanza;

	begin_text("<iq to=\"a@b/c\" xmlns:p=\"u\" id=\"&quot;\" p:from=\"x\" "
		   "type=\"set\">><q/></iq>");
	ck_assert_msg(canonical_read_stanza(reader.at,
			  (size_t)(reader.end - reader.at), &stanza),
	    "the stanza should be readable");
	EXPECT_SPAN(stanza.name, "iq");
	EXPECT_SPAN(stanza.to, "a@b/c");
	EXPECT_SPAN(stanza.id, "&quot;");
	EXPECT_SPAN(stanza.type, "set");
	EXPECT_SPAN(stanza.content, "><q/>");
	ck_assert_ptr_null(stanza.from.text);
}
END_TEST

static const struct {
	const char *text, *content; /* NULL: none */
	bool is_stanza;
} stanzas[] = {
	{ "<iq/>", NULL, true },
	{ "<iq></iq>", "", true },
	{ "<iq from=\"\"/>", NULL, true },
	{ "<iq>", NULL, false },
	{ "<iq></", NULL, false },
	{ "<iq></iq", NULL, false },
	{ "<iq></qi>", NULL, false },
	{ "<iq/></iq>", NULL, false },
	{ "<iq/> ", NULL, false },
	{ " <iq/>", NULL, false },
	{ "</iq>", NULL, false },
	{ "iq", NULL, false },
	{ "", NULL, false },
	{ "<iq id=\"1\" id=\"2\"/>", NULL, false },
	{ "<iq type=\"\" type=\"\"/>", NULL, false },
	{ "<iq id='1'/>", NULL, false },
	{ "<iq id=\"1\" ></iq>", NULL, false },
};

START_TEST(a_stanza_is_one_element_to_the_last_byte)
{
	struct canonical_stanza stanza;
	bool whole;

	begin_text(stanzas[_i].text);
	whole = canonical_read_stanza(reader.at,
	    (size_t)(reader.end - reader.at), &stanza);
	ck_assert_int_eq(whole, stanzas[_i].is_stanza);
	if (!stanzas[_i].content)
		ck_assert_ptr_null(stanza.content.text);
	else
		EXPECT_SPAN(stanza.content, stanzas[_i].content);
}
END_TEST

static void
add_tests(TCase *all)
{
	tcase_add_test(all, a_text_is_its_tokens_in_a_row);
	tcase_add_test(all, a_token_says_its_name_and_value);
	tcase_add_loop_test(all, all_else_is_broken_for_good, 0,
	    ARRAY_LEN(broken_texts));
	tcase_add_test(all, no_bytes_may_be_nowhere);
	tcase_add_test(all, children_are_those_of_one_element);
	tcase_add_loop_test(all, an_element_without_children_has_ended_or_not,
	    0, ARRAY_LEN(no_children));
	tcase_add_loop_test(all, content_is_what_an_element_holds_alone, 0,
	    ARRAY_LEN(contents));
	tcase_add_test(all, an_attribute_is_found_and_the_reader_stays);
	tcase_add_test(all, a_stanza_is_its_start_tag_and_content);
	tcase_add_loop_test(all, a_stanza_is_one_element_to_the_last_byte, 0,
	    ARRAY_LEN(stanzas));
}

int
main(void)
{
	Suite *suite = suite_create("canonical");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, finish);
	add_tests(all);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
