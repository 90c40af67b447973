/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical text under the models of the server's scanner (PROTOCOL.md §6.6):
 * a bare '>' in text is borne at every place, in every neighbourhood, and what
 * is no canonical text is seen to be cut wrongly.
 */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/xmpp/meaning.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/support/xmpp/scanner_cut.h"
#include "tests/support/xmpp/wide_limits.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MANY (120 * 1024)

static struct framer *framer;

static void
setup(void)
{
	framer = framer_new(&wide_limits, 0);
}

static void
teardown(void)
{
	framer_free(&framer);
}

/* Fed in two pieces; the element stays the framer's. */
static const struct element *
reserialise(const struct buf *said, size_t split)
{
	enum framer_result result;

	framer_prime(framer, NS_CLIENT);
	result = framer_feed(framer, buf_bytes(said), split);
	if (result == FRAMER_MORE)
		result = framer_feed(framer, buf_bytes(said) + split,
		    buf_len(said) - split);
	ck_assert_str_eq(framer_result_name(result), "element");
	return framer_element(framer);
}

static void
expect_same_meaning(const struct buf *said, const struct element *element)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct meaning before, after;

	meaning_read(&before, &plain, "<r xmlns='" NS_CLIENT "'>",
	    buf_bytes(said), buf_len(said), "</r>");
	meaning_read(&after, &plain, "<r xmlns='" NS_CLIENT "'>",
	    element->bytes, element->len, "</r>");
	ck_assert_msg(before.whole, "what went in should be whole XML");
	ck_assert_msg(after.whole, "what came out should be whole XML");
	ck_assert_msg(meaning_same(&before, 0, &after, 0),
	    "what came out should mean the same as what went in");
	meaning_free(&before);
	meaning_free(&after);
}

static void
expect_borne(const struct element *element)
{
	const char *breach = scanner_cut_breach(element->bytes, element->len);

	ck_assert_msg(!breach, "%s: %.*s", breach, (int)MIN(element->len, 200u),
	    element->bytes);
	breach = safe_profile_breach(element->bytes, element->len, NULL);
	ck_assert_msg(!breach, "%s: %.*s", breach, (int)MIN(element->len, 200u),
	    element->bytes);
}

/* Where a text may stand: %s. */
static const char *const places[] = {
	"<message>%s</message>",
	"<message><body>%s</body></message>",
	"<message id='&#34;>'>%s<body a=\"'\"/>%s</message>",
	"<message><a><b>%s</b>%s<c/>%s</a>%s</message>",
	"<p:message xmlns:p='jabber:client'><p:a>%s</p:a></p:message>",
};

static const char *const texts[] = {
	">",
	"/>",
	"\">",
	"'>",
	" >",
	"\n>",
	"&lt;/route>",
	"&lt;/message>",
	"&lt;/message>&lt;/route>",
	"&lt;!-- -->",
	"&lt;?pi ?>",
	"&lt;![CDATA[>]]&gt;>",
	"]>",
	"]]&gt;",
	"&#93;]>",
	"]]]&gt;>",
	"<![CDATA[</message></route>]]>",
	"<![CDATA[>]]>",
	"<![CDATA[]]]]>>",
	"a=\">\" b='>'",
	"route>",
	"=\">>\"=",
	"\xF0\x9F\x8E\x89>\xC3\xBC>",
};

static void
fill(struct buf *out, const char *place, const char *text)
{
	const char *mark;

	buf_reset(out);
	while ((mark = strstr(place, "%s"))) {
		buf_append(out, place, (size_t)(mark - place));
		buf_append_str(out, text);
		place = mark + 2;
	}
	buf_append_str(out, place);
}

START_TEST(a_tag_end_in_text_is_borne_at_every_place_and_split)
{
	const struct element *element;
	struct buf said;
	size_t place, split;

	buf_init(&said, 0);
	for (place = 0; place < ARRAY_LEN(places); place++) {
		fill(&said, places[place], texts[_i]);
		for (split = 0; split <= buf_len(&said); split++) {
			element = reserialise(&said, split);
			expect_borne(element);
			expect_same_meaning(&said, element);
		}
	}
	buf_destroy(&said);
}
END_TEST

/* What one pattern makes when it is repeated does not grow. */
static void
expect_many(const char *pattern)
{
	const struct element *element;
	struct buf said;
	size_t i;

	buf_init(&said, 0);
	buf_append_str(&said, "<message><body>");
	for (i = 0; i < MANY / strlen(pattern); i++)
		buf_append_str(&said, pattern);
	buf_append_str(&said, "</body></message>");
	element = reserialise(&said, buf_len(&said) / 2);
	ck_assert_uint_le(element->len, buf_len(&said));
	expect_borne(element);
	expect_same_meaning(&said, element);
	buf_destroy(&said);
}

START_TEST(text_full_of_tag_ends_does_not_grow)
{
	static const char *const patterns[] = { ">", "]>", "]]&gt;", "/>",
		"<b/>>", "&lt;/route>", "&#93;>", "&gt;", "\"'>" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(patterns); i++)
		expect_many(patterns[i]);
}
END_TEST

/* Any mixture, any two pieces. */
START_TEST(random_texts_are_borne)
{
	static const char *const atoms[] = { ">", "]", "]]&gt;", "/", "\"", "'",
		"&lt;", "&amp;", "&#13;", "<b/>", "<b>]</b>", "x", "&#93;",
		"<![CDATA[]]]>", "<![CDATA[>]]>", "<![CDATA[</route>]]>",
		"<b c='>' d='\"]]'/>", "\t", "\n", "&gt;" };
	const struct element *element;
	struct buf said;
	unsigned atom, last, count, round;

	(void)seed_random("test_framer_scanner");
	buf_init(&said, 0);
	for (round = 0; round < 200; round++) {
		buf_reset(&said);
		buf_append_str(&said, "<m>");
		for (count = 0, last = 1; count < 20; count++, last = atom) {
			atom = (unsigned)random() % ARRAY_LEN(atoms);
			/* Literal "]]>" would be the client's fault. */
			if (atom == 0 && last == 1)
				atom = 11;
			buf_append_str(&said, atoms[atom]);
		}
		buf_append_str(&said, "</m>");
		element =
		    reserialise(&said, (size_t)random() % (buf_len(&said) + 1));
		expect_borne(element);
		expect_same_meaning(&said, element);
	}
	buf_destroy(&said);
}
END_TEST

/* Else what they bear would say nothing. */
START_TEST(the_models_see_what_the_server_cuts_wrongly)
{
	static const char *const texts_cut[] = {
		"<message id='a>b'/>",
		"<message foo='\"'/>",
		"<message><!-- \" --></message>",
		"<message><?pi x?></message>",
		"<message><!-- > </x></x></route> --></message>",
		"<message></message></route><route>",
		"<message>\x01</message>",
		"<message a=\">\"/>",
		"<message>]]></message>",
		"<message>\r</message>",
		"<message></message >",
		"<message><![CDATA[x]]></message>",
	};
	size_t i;

	ck_assert_ptr_null(scanner_cut_breach("<message/>", 10));
	for (i = 0; i < ARRAY_LEN(texts_cut); i++)
		ck_assert_msg(scanner_cut_breach(texts_cut[i],
				  strlen(texts_cut[i])) != NULL,
		    "%s", texts_cut[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer_scanner");
	TCase *tcase = tcase_create("framer_scanner");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase,
	    a_tag_end_in_text_is_borne_at_every_place_and_split, 0,
	    (int)ARRAY_LEN(texts));
	tcase_add_test(tcase, text_full_of_tag_ends_does_not_grow);
	tcase_add_loop_test(tcase, random_texts_are_borne, 0, 8);
	tcase_add_test(tcase, the_models_see_what_the_server_cuts_wrongly);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
