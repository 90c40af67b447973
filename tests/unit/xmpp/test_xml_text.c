/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of names against expat, all of them; text and values are in
 * test_recognise.c. */
#include "common/xmpp/xml_text.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>

/* In UTF-8, terminated. */
static void
encode(uint32_t point, char text_out[5])
{
	unsigned len = point < 0x80      ? 1
		       : point < 0x800   ? 2
		       : point < 0x10000 ? 3
					 : 4;
	unsigned i;

	memset(text_out, 0, 5);
	for (i = len - 1; i > 0; i--, point >>= 6)
		text_out[i] = (char)(0x80 | (point & 0x3F));
	text_out[0] = (char)(len == 1 ? point : (0xF00u >> len) | point);
}

static bool
expat_takes(XML_Parser parser, const char *name)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "<%s/>", name);

	ck_assert_msg(XML_ParserReset(parser, "UTF-8"),
	    "the parser should be used again");
	return XML_Parse(parser, text, len, XML_TRUE) == XML_STATUS_OK;
}

static bool
we_take(const char *name)
{
	struct canonical_reader reader;
	char text[16];
	size_t prefix_len;
	int len = snprintf(text, sizeof(text), "<%s/>", name);

	canonical_begin(&reader, text, (size_t)len);
	(void)canonical_next(&reader);
	return !canonical_enter(&reader) && reader.token == CANONICAL_EMPTY &&
	       xml_text_split_name(reader.name, &prefix_len);
}

/* Up to beyond the last that has two or three bytes: of the others expat takes
 * none. */
START_TEST(names_have_the_characters_that_they_have_for_expat)
{
	XML_Parser parser = XML_ParserCreateNS("UTF-8", ' ');
	char character[5], name[8];
	uint32_t point;

	for (point = 1; point < 0x10400; point++) {
		encode(point, character);
		ck_assert_msg(we_take(character) ==
				  expat_takes(parser, character),
		    "U+%04X as first", point);
		snprintf(name, sizeof(name), "a%s", character);
		/* A slash ends it; a blank is not canonical there. */
		if (!strchr("/ \t\r\n", character[0]))
			ck_assert_msg(we_take(name) ==
					  expat_takes(parser, name),
			    "U+%04X as second", point);
	}
	XML_ParserFree(parser);
}
END_TEST

START_TEST(a_name_is_split_at_its_colon)
{
	static const struct {
		const char *name;
		int prefix_len; /* -1: none */
	} cases[] = { { "a", 0 }, { "a:b", 1 }, { "abc:d", 3 },
		{ "\xC3\xA4:\xC3\xB6", 2 }, { "a:", -1 }, { ":a", -1 },
		{ "a:b:c", -1 }, { "a::b", -1 }, { "a:-b", -1 }, { "a:.", -1 },
		{ "a:9", -1 }, { "a:\xC2\xB7", -1 }, { "a9:b-", 2 } };
	size_t i, prefix_len;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name = cases[i].name;
		bool taken = xml_text_split_name((struct canonical_span){ name,
						     strlen(name) },
		    &prefix_len);

		ck_assert_msg(taken == (cases[i].prefix_len >= 0), "%s", name);
		if (taken)
			ck_assert_int_eq((int)prefix_len, cases[i].prefix_len);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("xml_text");
	TCase *all = tcase_create("all");

	tcase_add_test(all, names_have_the_characters_that_they_have_for_expat);
	tcase_add_test(all, a_name_is_split_at_its_colon);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
