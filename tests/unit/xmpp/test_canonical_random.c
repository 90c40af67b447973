/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of canonical text and random texts: it reads them as a shadow does
 * that asks each rule of the grammar in turn, and what the framer writes as the
 * parser saw it.
 */
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/xmpp/canonical_rig.h"

#include <string.h>

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
	unsigned seed = seed_random("test_canonical_random"), i;
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

static const struct framer_limits limits = {
	.element_bytes = 1 << 16,
	.depth = 64,
	.attributes = 64,
	.header_bytes = 4096,
};

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
	ck_assert_msg(canonical_read_stanza(exact, element->len, &stanza),
	    "the framer's canonical text should be readable: %.*s",
	    (int)element->len, (const char *)element->bytes);
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
	unsigned seed = seed_random("test_canonical_random"), i;
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

int
main(void)
{
	Suite *suite = suite_create("canonical_random");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, finish);
	tcase_add_test(all, random_texts_are_read_as_the_grammar_says);
	tcase_add_test(all,
	    what_the_framer_writes_is_read_as_the_parser_saw_it);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
