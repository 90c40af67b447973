/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of canonical text accepts, what it says of it, and that it
 * says "broken" of all else and never looks outside the text. Random texts are
 * compared with a shadow that asks each rule of the grammar in turn.
 */
#include "common/xmpp/canonical.h"

#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const struct framer_limits limits = {
	.element_bytes = 1 << 16,
	.depth = 64,
	.attributes = 64,
	.header_bytes = 4096,
};

/* --- a text of its own, so that a sanitizer sees each byte too far --- */

static char *exact;
static struct canonical_reader reader;

static void
begin(const void *bytes, size_t len)
{
	free(exact);
	exact = xmalloc(MAX(len, 1u));
	if (len)
		memcpy(exact, bytes, len);
	canonical_begin(&reader, exact, len);
}

static void
begin_text(const char *text)
{
	begin(text, strlen(text));
}

static void
teardown(void)
{
	free(exact);
	exact = NULL;
}

#define EXPECT_SPAN(span, expected) \
	ck_assert_msg(canonical_is(span, expected), \
	    "\"%.*s\", expected \"%s\"", (int)(span).len, \
	    (span).text ? (span).text : "", expected)

/* --- tokens --- */

static const char *
token_name(enum canonical_token token)
{
	static const char *const names[] = { "start", "attribute", "open",
		"empty", "close", "content", "end", "broken" };

	return names[token];
}

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
	ck_assert(canonical_enter(&reader));
	ck_assert(canonical_next_child(&reader, 1));
	EXPECT_SPAN(reader.name, "b");
	ck_assert(canonical_next_child(&reader, 1));
	EXPECT_SPAN(reader.name, "e");
	ck_assert(!canonical_next_child(&reader, 1));
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
	ck_assert(canonical_enter(&reader));
	ck_assert(!canonical_next_child(&reader, 1));
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
	ck_assert(canonical_read_stanza(reader.at,
	    (size_t)(reader.end - reader.at), &stanza));
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

/* --- the shadow --- */

struct shadow {
	const char *text;
	size_t at, len;
	bool in_tag, is_broken;
	int64_t depth;
};

/* Bytes of a name there, by the letter of the header's grammar. */
static size_t
shadow_name(const struct shadow *shadow, size_t at)
{
	static const char first[] = ":_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz";
	size_t len = 0;

	for (; at + len < shadow->len; len++) {
		char byte = shadow->text[at + len];

		if (byte == '\0' ||
		    !((byte & 0x80) || strchr(first, byte) ||
			(len > 0 && strchr("0123456789-.", byte))))
			break;
	}
	return len;
}

/* Bytes of ` name="value"` there; 0: there is none. */
static size_t
shadow_attribute(const struct shadow *shadow, size_t at)
{
	size_t name = at < shadow->len && shadow->text[at] == ' '
			  ? shadow_name(shadow, at + 1)
			  : 0;
	size_t i = at + 1 + name;

	if (!name || i + 1 >= shadow->len || shadow->text[i] != '=' ||
	    shadow->text[i + 1] != '"')
		return 0;
	for (i += 2; i < shadow->len; i++) {
		if (shadow->text[i] == '"')
			return i + 1 - at;
		if (shadow->text[i] == '<' || shadow->text[i] == '>')
			return 0;
	}
	return 0;
}

static bool
shadow_has(const struct shadow *shadow, size_t at, const char *text)
{
	return shadow->len - at >= strlen(text) &&
	       memcmp(shadow->text + at, text, strlen(text)) == 0;
}

/* True when a '>' comes, and no '<' before it. */
static bool
shadow_tag_ends(const struct shadow *shadow, size_t at)
{
	for (; at < shadow->len; at++)
		if (shadow->text[at] == '<' || shadow->text[at] == '>')
			return shadow->text[at] == '>';
	return false;
}

static enum canonical_token
shadow_take(struct shadow *shadow, enum canonical_token token, size_t len)
{
	shadow->at += len;
	return token;
}

static enum canonical_token
shadow_in_tag(struct shadow *shadow)
{
	size_t len = shadow_attribute(shadow, shadow->at);

	if (len)
		return shadow_take(shadow, CANONICAL_ATTRIBUTE, len);
	shadow->in_tag = false;
	if (shadow_has(shadow, shadow->at, "/>"))
		return shadow_take(shadow, CANONICAL_EMPTY, 2);
	if (!shadow_has(shadow, shadow->at, ">"))
		return CANONICAL_BROKEN;
	shadow->depth++;
	return shadow_take(shadow, CANONICAL_OPEN, 1);
}

static enum canonical_token
shadow_tag(struct shadow *shadow)
{
	bool is_end = shadow_has(shadow, shadow->at, "</");
	size_t name = shadow_name(shadow, shadow->at + 1 + is_end);

	if (is_end) {
		if (!name || !shadow_has(shadow, shadow->at + 2 + name, ">"))
			return CANONICAL_BROKEN;
		shadow->depth--;
		return shadow_take(shadow, CANONICAL_CLOSE, name + 3);
	}
	if (!name || !shadow_tag_ends(shadow, shadow->at + 1))
		return CANONICAL_BROKEN;
	shadow->in_tag = true;
	return shadow_take(shadow, CANONICAL_START, name + 1);
}

static enum canonical_token
shadow_next(struct shadow *shadow)
{
	size_t len = 0;

	if (shadow->in_tag)
		return shadow_in_tag(shadow);
	if (shadow->at == shadow->len)
		return CANONICAL_END;
	if (shadow->text[shadow->at] == '<')
		return shadow_tag(shadow);
	while (shadow->at + len < shadow->len &&
	       shadow->text[shadow->at + len] != '<')
		len++;
	return shadow_take(shadow, CANONICAL_CONTENT, len);
}

static unsigned
seed_random(void)
{
	const char *given = getenv("CM_SEED");
	unsigned seed = 0;

	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	else
		ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0),
		    sizeof(seed));
	printf("test_canonical: CM_SEED=%u\n", seed);
	fflush(stdout);
	srandom(seed);
	return seed;
}

static size_t
below(size_t count)
{
	return (size_t)random() % count;
}

static const struct {
	const char *bytes;
	size_t len;
} pieces[] = {
#define PIECE(text) \
	{ \
		text, sizeof(text) - 1 \
	}
	PIECE("<a"), PIECE("<iq"), PIECE("<p:b"), PIECE(" c=\"d\""),
	PIECE(" xmlns=\"e\""), PIECE(" id=\"\""), PIECE(">"), PIECE(">"),
	PIECE("/>"), PIECE("/>"), PIECE("</a>"), PIECE("</iq>"), PIECE("x"),
	PIECE("&amp;"), PIECE("<"), PIECE("\""), PIECE(" "), PIECE("="),
	PIECE("'"), PIECE("/"), PIECE("<!--"), PIECE("<![CDATA["), PIECE("]]>"),
	PIECE("<?"), PIECE("\xC3\xA4"), PIECE("\0"), PIECE("\n"), PIECE("0-.")
};

/* Mostly what is well-formed: the first pieces come more often. */
static void
make_text(struct buf *out)
{
	size_t count = below(24), i, which;

	buf_reset(out);
	while (count-- > 0) {
		which = below(8) ? below(14) : below(ARRAY_LEN(pieces));
		buf_append(out, pieces[which].bytes, pieces[which].len);
	}
	for (i = below(3) ? 0 : below(3); i && buf_len(out); i--)
		out->data[out->start + below(buf_len(out))] =
		    (uint8_t)(" <>/\"'=a\0"[below(9)]);
}

static void
compare(const struct buf *text, unsigned seed)
{
	struct shadow shadow = { .text = (const char *)buf_bytes(text),
		.len = buf_len(text) };
	enum canonical_token expected;
	size_t before;

	begin(buf_bytes(text), buf_len(text));
	do {
		before = shadow.at;
		expected = shadow_next(&shadow);
		ck_assert_msg(canonical_next(&reader) == expected,
		    "CM_SEED=%u \"%.*s\" at %zu: %s, expected %s", seed,
		    (int)shadow.len, shadow.text, before,
		    token_name(reader.token), token_name(expected));
		ck_assert_ptr_eq(reader.whole.text, exact + before);
		ck_assert_int_eq(reader.depth, shadow.depth);
		if (expected != CANONICAL_BROKEN)
			ck_assert_uint_eq(reader.whole.len, shadow.at - before);
	} while (expected != CANONICAL_END && expected != CANONICAL_BROKEN);
}

START_TEST(random_texts_are_read_as_the_grammar_says)
{
	unsigned seed = seed_random(), i;
	struct buf text;

	buf_init(&text, 0);
	for (i = 0; i < 10000; i++) {
		make_text(&text);
		compare(&text, seed);
	}
	buf_destroy(&text);
}
END_TEST

/* --- what the framer writes --- */

static void
append_one_of(struct buf *out, const char *const *choices, size_t count)
{
	buf_append_str(out, choices[below(count)]);
}

static void
append_attributes(struct buf *out)
{
	static const char *const values[] = { "a@b/c", "", "\"&gt;&lt;'",
		"&amp;&quot;&#10;\t", "x='y'>", "\xF0\x9F\x98\x80" };
	static const char *const names[] = { "id", "to", "type", "from",
		"xml:lang", "p" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = values[below(ARRAY_LEN(values))];

		if (below(2))
			continue;
		if (strchr(value, '\''))
			buf_printf(out, "\n %s = \"%s\" ", names[i],
			    strchr(value, '"') ? "&quot;>" : value);
		else
			buf_printf(out, " %s='%s'", names[i], value);
	}
}

/* As clients may write it: any quotes, blanks, sections. */
static void
append_element(struct buf *out, unsigned depth)
{
	static const char *const names[] = { "iq", "message", "x", "b" };
	static const char *const texts[] = { "text", "&lt;x/&gt;", ">",
		"<![CDATA[<a b='c'>]]>", "]]&gt;", "\n ", "&#x3C;!--" };
	const char *name = names[below(ARRAY_LEN(names))];
	size_t count;

	buf_printf(out, "<%s", name);
	append_attributes(out);
	if (below(3) == 0) {
		buf_append_str(out, " xmlns='urn:&lt;x' />");
		return;
	}
	buf_append_str(out, "\n>");
	for (count = below(4); count > 0; count--) {
		if (depth < 4 && below(2))
			append_element(out, depth + 1);
		else
			append_one_of(out, texts, ARRAY_LEN(texts));
	}
	buf_printf(out, "</%s >", name);
}

static void
expect_attribute(const struct element *element, const char *name,
    struct canonical_span span)
{
	const char *value = element_attribute(element, name);
	struct buf escaped;

	ck_assert_int_eq(value != NULL, span.text != NULL);
	if (!value)
		return;
	buf_init(&escaped, 0);
	stream_escape_value(&escaped, value, strlen(value));
	ck_assert_uint_eq(buf_len(&escaped), span.len);
	if (span.len)
		ck_assert_mem_eq(buf_bytes(&escaped), span.text, span.len);
	buf_destroy(&escaped);
}

static void
expect_read(const struct element *element)
{
	struct canonical_stanza stanza;
	unsigned children = 0;

	begin(element->bytes, element->len);
	ck_assert(canonical_read_stanza(exact, element->len, &stanza));
	EXPECT_SPAN(stanza.name, element->name);
	expect_attribute(element, "to", stanza.to);
	expect_attribute(element, "from", stanza.from);
	expect_attribute(element, "id", stanza.id);
	expect_attribute(element, "type", stanza.type);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_START);
	if (canonical_enter(&reader)) {
		while (canonical_next_child(&reader, 1))
			children++;
		ck_assert_int_eq(reader.token, CANONICAL_CLOSE);
	}
	ck_assert_uint_eq(children, element->child_count);
	ck_assert_int_eq(canonical_next(&reader), CANONICAL_END);
	ck_assert_int_eq(reader.depth, 0);
}

START_TEST(what_the_framer_writes_is_read_as_the_parser_saw_it)
{
	struct framer *framer = framer_new(&limits, 0);
	unsigned seed = seed_random(), i;
	struct buf text;

	buf_init(&text, 0);
	framer_prime(framer, NS_CLIENT);
	for (i = 0; i < 1000; i++) {
		buf_reset(&text);
		append_element(&text, 0);
		ck_assert_msg(framer_feed(framer, buf_bytes(&text),
				  buf_len(&text)) == FRAMER_ELEMENT,
		    "CM_SEED=%u \"%.*s\"", seed, (int)buf_len(&text),
		    (const char *)buf_bytes(&text));
		expect_read(framer_element(framer));
		ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	}
	buf_destroy(&text);
	framer_free(&framer);
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
	tcase_add_test(all, random_texts_are_read_as_the_grammar_says);
	tcase_add_test(all,
	    what_the_framer_writes_is_read_as_the_parser_saw_it);
}

int
main(void)
{
	Suite *suite = suite_create("canonical");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, teardown);
	add_tests(all);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
