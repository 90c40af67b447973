/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker may send up, and everything beside it that it may not. */
#include "common/xmpp/recognise.h"

#include "common/base/buf.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/xmpp/recognised_breach.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct recogniser *recogniser;

static void
set_up(void)
{
	recogniser = recogniser_new();
}

static void
tear_down(void)
{
	recogniser_free(&recogniser);
}

/* In memory of its own size, so that a sanitizer sees each byte too far. */
static enum recognised
recognise(const void *bytes, size_t len)
{
	char *exact = xmalloc(MAX(len, 1u));
	enum recognised kind;

	if (len)
		memcpy(exact, bytes, len);
	kind = recognise_element(recogniser, exact, len);
	free(exact);
	return kind;
}

static void
expect(const char *text, size_t len, enum recognised expected)
{
	enum recognised kind = recognise(text, len);

	ck_assert_msg(kind == expected, "%.*s: kind %d, expected %d",
	    (int)MIN(len, 200u), text, kind, expected);
	if (kind != RECOGNISED_NOTHING)
		ck_assert_ptr_null(recognised_breach(text, len));
}

#define EXPECT(text, kind) expect(text, sizeof(text) - 1, kind)

/* --- kinds --- */

#define SASL "xmlns=\"" NS_SASL "\""

static const struct {
	const char *text;
	enum recognised kind;
} kinds[] = {
	{ "<message/>", RECOGNISED_MESSAGE },
	{ "<message to=\"a@b/c\" type=\"chat\"><body>hi</body></message>",
	    RECOGNISED_MESSAGE },
	{ "<presence type=\"unavailable\"></presence>", RECOGNISED_PRESENCE },
	{ "<iq type=\"get\" id=\"1\"><ping xmlns=\"urn:xmpp:ping\"/></iq>",
	    RECOGNISED_IQ_REQUEST },
	{ "<iq id=\"\" type=\"set\">\n<a><b/><c/></a> </iq>",
	    RECOGNISED_IQ_REQUEST },
	{ "<iq type=\"result\"/>", RECOGNISED_IQ_ANSWER },
	{ "<iq type=\"error\" id=\"1\" from=\"a\"><a/><b/></iq>",
	    RECOGNISED_IQ_ANSWER },
	{ "<auth " SASL " mechanism=\"PLAIN\">AGE=</auth>", RECOGNISED_AUTH },
	{ "<response " SASL "/>", RECOGNISED_AUTH },
	{ "<s:response xmlns:s=\"" NS_SASL "\"/>", RECOGNISED_AUTH },
	{ "<auth/>", RECOGNISED_NOTHING },
	{ "<auth xmlns=\"urn:x\"/>", RECOGNISED_NOTHING },
	{ "<s:auth xmlns:s=\"urn:x\" xmlns=\"" NS_SASL "\"/>",
	    RECOGNISED_NOTHING },
	{ "<abort " SASL "/>", RECOGNISED_NOTHING }, /* answered here */
	{ "<success " SASL "/>", RECOGNISED_NOTHING },
	{ "<message " SASL "/>", RECOGNISED_NOTHING },
	{ "<iq/>", RECOGNISED_NOTHING },
	{ "<iq type=\"got\" id=\"1\"><a/></iq>", RECOGNISED_NOTHING },
	{ "<iq a:type=\"get\" id=\"1\" xmlns:a=\"u\"><a/></iq>",
	    RECOGNISED_NOTHING },
	{ "<iq type=\"get\"><a/></iq>", RECOGNISED_NOTHING },
	{ "<iq type=\"get\" id=\"1\"/>", RECOGNISED_NOTHING },
	{ "<iq type=\"get\" id=\"1\">text</iq>", RECOGNISED_NOTHING },
	{ "<iq type=\"get\" id=\"1\"><a/><b/></iq>", RECOGNISED_NOTHING },
	{ "<message xmlns=\"jabber:client\"/>", RECOGNISED_NOTHING },
	{ "<message xmlns=\"\"/>", RECOGNISED_NOTHING },
	{ "<c:message xmlns:c=\"jabber:client\"/>", RECOGNISED_NOTHING },
	{ "<xml:message/>", RECOGNISED_NOTHING },
	{ "<Message/>", RECOGNISED_NOTHING },
	{ "<route streamid=\"x\"><message/></route>", RECOGNISED_NOTHING },
	{ "<stream:error xmlns:stream=\"" NS_STREAM "\"/>",
	    RECOGNISED_NOTHING },
};

START_TEST(only_the_kinds_that_go_up_are_recognised)
{
	expect(kinds[_i].text, strlen(kinds[_i].text), kinds[_i].kind);
}
END_TEST

/* --- one element --- */

static const char *const broken[] = {
	"",
	" ",
	"text",
	" <message/>",
	"<message/> ",
	"<message/>\n",
	"<message/>x",
	"x<message/>",
	"<message/><message/>",
	"<message></message><message></message>",
	"<message/></route><route>",
	"</route>",
	"</message>",
	"<message>",
	"<message><body></message>",
	"<message></body></message>",
	"<message><a><b></a></b></message>",
	"<message></Message>",
	"<message></messag>",
	"<message></message></message>",
	"<message></message >",
	"<message ></message>",
	"<message  id=\"1\"/>",
	"<message id=\"1\"type=\"chat\"/>",
	"<message id='1'/>",
	"<message id=1/>",
	"<message id/>",
	"<message id = \"1\"/>",
	"<message\tid=\"1\"/>",
	"<message\nid=\"1\"/>",
	"<message id=\"1\" />",
	"< message/>",
	"<message/ >",
	"<message",
	"<message id=\"",
	"<message id=\"1\"",
	"<!-- --><message/>",
	"<message><!-- --></message>",
	"<message><![CDATA[x]]></message>",
	"<message><?a b?></message>",
	"<?xml version=\"1.0\"?><message/>",
	"<!DOCTYPE a><message/>",
	/* The vector of PROTOCOL.md §18.1. */
	"<message><!-- > </x></x></route> --><body>q</body></message>",
};

START_TEST(what_is_not_exactly_one_element_of_canonical_text_is_refused)
{
	expect(broken[_i], strlen(broken[_i]), RECOGNISED_NOTHING);
}
END_TEST

/* --- text and values --- */

static const struct {
	const char *piece;
	bool in_text, in_value;
} pieces[] = {
	{ "", true, true },
	{ " ", true, true },
	{ "\t", true, false },
	{ "\n", true, false },
	{ "\r", false, false },
	{ "\x01", false, false },
	{ "\x1F", false, false },
	{ "\x7F", true, true },
	{ "'", true, true },
	{ "\"", true, false },
	{ "/", true, true },
	{ "=", true, true },
	{ ">", true, false },
	{ "]", true, true },
	{ "]]", true, true },
	{ "]>", true, false },
	{ "] ]>", true, false },
	{ "]a>", true, false },
	{ "a]>", true, false },
	{ "]]>", false, false },
	{ "]]]>", false, false },
	{ "0123456789abcdef]]>", false, false },
	{ "]]&gt;", true, true },
	{ "]]]&gt;", true, true },
	{ "&gt;", false, true }, /* bare in text but behind brackets */
	{ "]&gt;", false, true },
	{ "&amp;", true, true },
	{ "&lt;", true, true },
	{ "&#13;", true, true },
	{ "&quot;", false, true },
	{ "&#9;", false, true },
	{ "&#10;", false, true },
	{ "&apos;", false, false },
	{ "&#xD;", false, false },
	{ "&#013;", false, false },
	{ "&#34;", false, false },
	{ "&#0;", false, false },
	{ "&nbsp;", false, false },
	{ "&AMP;", false, false },
	{ "&", false, false },
	{ "&amp", false, false },
	{ "& amp;", false, false },
	{ "&;", false, false },
	{ "\xC2\x80", true, true },
	{ "\xDF\xBF", true, true },
	{ "\xE0\xA0\x80", true, true },
	{ "\xED\x9F\xBF", true, true },
	{ "\xEE\x80\x80", true, true },
	{ "\xEF\xBF\xBD", true, true },
	{ "\xF0\x90\x80\x80", true, true },
	{ "\xF0\x9F\xBF\xBF", true, true }, /* U+1FFFF: XML has it */
	{ "\xF4\x8F\xBF\xBF", true, true },
	{ "\x80", false, false },
	{ "\xBF", false, false },
	{ "\xC3", false, false },
	{ "\xC3"
	  "a",
	    false, false },
	{ "\xC0\x80", false, false }, /* overlong */
	{ "\xC1\xBF", false, false },
	{ "\xE0\x9F\xBF", false, false },
	{ "\xF0\x8F\xBF\xBF", false, false },
	{ "\xE2\x82", false, false },
	{ "\xE2\x82"
	  "aa",
	    false, false },
	{ "\xED\xA0\x80", false, false }, /* a surrogate */
	{ "\xED\xBF\xBF", false, false },
	{ "\xEF\xBF\xBE", false, false }, /* U+FFFE */
	{ "\xEF\xBF\xBF", false, false },
	{ "\xF4\x90\x80\x80", false, false },
	{ "\xF5\x80\x80\x80", false, false },
	{ "\xF8\x88\x80\x80\x80", false, false },
	{ "\xFE", false, false },
	{ "\xFF", false, false },
};

/* With so many letters around it: blocks are looked at as a whole. */
static void
expect_piece(const char *start, const char *piece, const char *end,
    bool accepted)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijkl";
	static const int around[] = { 0, 1, 7, 15, 16, 17, 33 };
	struct buf text;
	size_t i;

	buf_init(&text, 0);
	for (i = 0; i < ARRAY_LEN(around) * ARRAY_LEN(around); i++) {
		buf_reset(&text);
		buf_printf(&text, "%s%.*s%s%.*s%s", start,
		    around[i % ARRAY_LEN(around)], letters, piece,
		    around[i / ARRAY_LEN(around)], letters, end);
		expect((const char *)buf_bytes(&text), buf_len(&text),
		    accepted ? RECOGNISED_MESSAGE : RECOGNISED_NOTHING);
	}
	buf_destroy(&text);
}

START_TEST(text_and_values_hold_the_characters_and_references_of_the_writer)
{
	expect_piece("<message>", pieces[_i].piece, "</message>",
	    pieces[_i].in_text);
	expect_piece("<message a=\"", pieces[_i].piece, "\"/>",
	    pieces[_i].in_value);
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands)
{
	static const char text[] = "<message id=\"1\"><a>b</a></message>";
	char copy[sizeof(text) - 1];
	size_t i;

	EXPECT("<message id=\"1\"><a>b</a></message>", RECOGNISED_MESSAGE);
	for (i = 0; i < sizeof(copy); i++) {
		memcpy(copy, text, sizeof(copy));
		copy[i] = '\0';
		expect(copy, sizeof(copy), RECOGNISED_NOTHING);
	}
}
END_TEST

START_TEST(what_ends_too_soon_is_refused)
{
	static const char text[] =
	    "<message id=\"1\" xml:lang=\"en\"><a b=\"&lt;"
	    "\">\xC3\xA4&amp;</a><c/></message>";
	size_t len;

	EXPECT(text, RECOGNISED_MESSAGE);
	for (len = 0; len < sizeof(text) - 1; len++)
		expect(text, len, RECOGNISED_NOTHING);
}
END_TEST

/* --- names --- */

static const struct {
	const char *inside;
	bool accepted;
} names[] = {
	/* what names are made of */
	{ "<a-b.c_1/>", true },
	{ "<_/>", true },
	{ "<\xC3\xA4\xC2\xB7/>", true },
	{ "<a \xD0\xB0=\"\"/>", true },
	{ "<1/>", false },
	{ "<-/>", false },
	{ "<\xC2\xB7/>", false },  /* only later in a name */
	{ "<a\xC2\xA0/>", false }, /* a blank of Latin 1 */
	{ "<a\xEF\xBF\xBE/>", false },
	{ "<a\xF0\x9F\x98\x80/>", false },
	{ "<a\xC3/>", false },
	{ "<\xC3\xA4></\xC3\xA4>", true },
	{ "<\xC3\xA4></\xC3\xB6>", false },
	{ "<xmlfoo/>", true },
	/* colons */
	{ "<p:a xmlns:p=\"u\"/>", true },
	{ "<:a/>", false },
	{ "<p: xmlns:p=\"u\"/>", false },
	{ "<p:1 xmlns:p=\"u\"/>", false },
	{ "<p:a:b xmlns:p=\"u\"/>", false },
	{ "<p::a xmlns:p=\"u\"/>", false },
	{ "<a xmlns:=\"u\"/>", false },
	{ "<a :b=\"\"/>", false },
	/* prefixes */
	{ "<p:a/>", false },
	{ "<a p:b=\"\"/>", false },
	{ "<a p:b=\"\" xmlns:p=\"u\"/>", true },
	{ "<a xmlns:p=\"u\"><b><p:c p:d=\"\"/></b></a>", true },
	{ "<a xmlns:p=\"u\"/><p:b/>", false },
	{ "<a xmlns:p=\"u\"></a><p:b/>", false },
	{ "<a xmlns:p=\"u\"><b xmlns:p=\"v\"/><p:c/></a>", true },
	{ "<a xmlns:pp=\"u\"><p:c/></a>", false },
	{ "<xml:a xml:lang=\"en\" xml:b=\"\"/>", true },
	{ "<a xmlns:xml=\"" NS_XML "\"/>", false },
	{ "<a xmlns:xml=\"u\"/>", false },
	{ "<a xmlns:p=\"" NS_XML "\"/>", false },
	{ "<a xmlns=\"" NS_XML "\"/>", false },
	{ "<a xmlns:xmlns=\"u\"/>", false },
	{ "<a xmlns:p=\"" NS_XMLNS "\"/>", false },
	{ "<a xmlns=\"" NS_XMLNS "\"/>", false },
	{ "<xmlns:a/>", false },
	{ "<a xmlns:p=\"\"/>", false },
	{ "<a xmlns=\"\"/>", true },
	{ "<a xmlns=\"u\"><b xmlns=\"v\"/></a>", true },
	/* each attribute once */
	{ "<a b=\"\" c=\"\"/>", true },
	{ "<a b=\"\" b=\"\"/>", false },
	{ "<a b=\"\" c=\"\" d=\"\" b=\"\"/>", false },
	{ "<a xmlns=\"u\" xmlns=\"u\"/>", false },
	{ "<a xmlns:p=\"u\" xmlns:p=\"v\"/>", false },
	{ "<a xmlns:p=\"u\" p:b=\"\" p:b=\"\"/>", false },
	{ "<a xmlns:p=\"u\" xmlns:q=\"u\"/>", true },
	{ "<a xmlns:p=\"u\" xmlns:q=\"v\" p:b=\"\" q:b=\"\"/>", true },
	{ "<a xmlns:p=\"u\" xmlns:q=\"u\" p:b=\"\" q:b=\"\"/>", false },
	{ "<a xmlns:p=\"&lt;u\" xmlns:q=\"&lt;u\" p:b=\"\" q:b=\"\"/>", false },
	{ "<a xmlns:p=\"u\"><c xmlns:q=\"u\" p:b=\"\" q:b=\"\"/></a>", false },
	{ "<a xmlns:p=\"u\"><c xmlns:q=\"u\" xmlns:p=\"v\" p:b=\"\" q:b=\"\"/>"
	  "</a>",
	    true },
	{ "<a xmlns=\"u\" xmlns:p=\"u\" b=\"\" p:b=\"\"/>", true },
	{ "<a xml:lang=\"\" lang=\"\"/>", true },
	{ "<a xml:lang=\"\" xml:lang=\"\"/>", false },
	{ "<a xmlns:b=\"u\" b=\"\" xmlns=\"v\"/>", true },
};

START_TEST(names_and_prefixes_are_as_expat_takes_them)
{
	const char *inside = names[_i].inside;
	struct buf text;

	buf_init(&text, 0);
	buf_printf(&text, "<message>%s</message>", inside);
	expect((const char *)buf_bytes(&text), buf_len(&text),
	    names[_i].accepted ? RECOGNISED_MESSAGE : RECOGNISED_NOTHING);
	buf_destroy(&text);
}
END_TEST

START_TEST(one_recogniser_forgets_what_it_has_seen)
{
	EXPECT("<message xmlns:p=\"u\"><p:a><b>", RECOGNISED_NOTHING);
	EXPECT("<message><p:a/></message>", RECOGNISED_NOTHING);
	EXPECT("<iq type=\"get\" id=\"1\"><a/><b/></iq>", RECOGNISED_NOTHING);
	EXPECT("<iq type=\"get\" id=\"1\"><a/></iq>", RECOGNISED_IQ_REQUEST);
	EXPECT("<presence/>", RECOGNISED_PRESENCE);
}
END_TEST

static TCase *
make_case(void)
{
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, only_the_kinds_that_go_up_are_recognised, 0,
	    ARRAY_LEN(kinds));
	tcase_add_loop_test(all,
	    what_is_not_exactly_one_element_of_canonical_text_is_refused, 0,
	    ARRAY_LEN(broken));
	tcase_add_loop_test(all,
	    text_and_values_hold_the_characters_and_references_of_the_writer, 0,
	    ARRAY_LEN(pieces));
	tcase_add_test(all, a_nul_is_refused_wherever_it_stands);
	tcase_add_test(all, what_ends_too_soon_is_refused);
	tcase_add_loop_test(all, names_and_prefixes_are_as_expat_takes_them, 0,
	    ARRAY_LEN(names));
	tcase_add_test(all, one_recogniser_forgets_what_it_has_seen);
	tcase_set_timeout(all, 60);
	return all;
}

int
main(void)
{
	Suite *suite = suite_create("recognise");

	suite_add_tcase(suite, make_case());
	return run_suite(suite);
}
