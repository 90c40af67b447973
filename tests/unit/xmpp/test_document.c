/* SPDX-License-Identifier: Apache-2.0 */
/* Whole documents as named values. */
#include "common/base/buf.h"
#include "common/xmpp/framer_document.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct buf seen;
static struct document_error error;

static void
setup(void)
{
	buf_init(&seen, 0);
}

static void
teardown(void)
{
	buf_destroy(&seen);
}

static void
note(void *context, const struct document_element *element)
{
	ck_assert_ptr_eq(context, &seen);
	buf_printf(&seen, "%s|%s|%s|%u%s\n", element->path, element->name,
	    element->text, element->line,
	    element->has_children ? "|children" : "");
}

static int
parse(const char *text)
{
	buf_reset(&seen);
	return framer_document_parse(text, strlen(text), note, &seen, &error);
}

static void
expect(const char *text, const char *expected)
{
	ck_assert_int_eq(parse(text), 0);
	ck_assert_str_eq(error.text, "");
	buf_append_char(&seen, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&seen), expected);
}

START_TEST(test_values_have_the_path_of_their_names)
{
	expect("<jive>\n<xmpp><domain> a.org\n</domain>"
	       "<port>1</port></xmpp>\n</jive>",
	    "xmpp.domain|domain|a.org|2\n"
	    "xmpp.port|port|1|3\n"
	    "xmpp|xmpp||2|children\n"
	    "|jive||1|children\n");
}
END_TEST

START_TEST(test_same_named_siblings_are_all_reported)
{
	expect("<j><v>true</v><v><c>false</c></v></j>",
	    "v|v|true|1\nv.c|c|false|1\nv|v||1|children\n|j||1|children\n");
}
END_TEST

START_TEST(test_comments_are_no_text_and_references_are)
{
	expect("<?xml version='1.0'?><!-- x --><j><a>1<!-- 2 -->3&amp;&#52;"
	       "<![CDATA[<5>]]></a><b/></j>",
	    "a|a|13&4<5>|1\nb|b||1\n|j||1|children\n");
}
END_TEST

START_TEST(test_what_is_no_document_is_refused_with_its_line)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "", 1 },
		{ "<j>\n<a></b></j>", 2 },
		{ "<j>\n\n&foo;</j>", 3 },
		{ "<!DOCTYPE j><j/>", 1 },
		{ "<!DOCTYPE j [<!ENTITY a 'b'>]>\n<j>&a;</j>", 1 },
		{ "<j/><k/>", 1 },
		{ "<j>", 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(parse(cases[i].text), -EBADMSG);
		ck_assert_str_ne(error.text, "");
		ck_assert_uint_eq(error.line, cases[i].line);
	}
}
END_TEST

START_TEST(test_depth_and_names_are_bounded)
{
	struct buf text;
	int i;

	buf_init(&text, 0);
	for (i = 0; i < DOCUMENT_DEPTH_MAX + 1; i++)
		buf_append_str(&text, "<a>");
	buf_append_char(&text, '\0');
	ck_assert_int_eq(parse((const char *)buf_bytes(&text)), -EBADMSG);
	ck_assert_str_eq(error.text, "elements nested too deep");
	buf_reset(&text);
	buf_append_str(&text, "<j><");
	for (i = 0; i < DOCUMENT_PATH_MAX; i++)
		buf_append_char(&text, 'n');
	buf_append_str(&text, "/></j>");
	buf_append_char(&text, '\0');
	ck_assert_int_eq(parse((const char *)buf_bytes(&text)), -EBADMSG);
	ck_assert_str_eq(error.text, "element names too long");
	buf_destroy(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("document");
	TCase *tcase = tcase_create("document");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_values_have_the_path_of_their_names);
	tcase_add_test(tcase, test_same_named_siblings_are_all_reported);
	tcase_add_test(tcase, test_comments_are_no_text_and_references_are);
	tcase_add_test(tcase,
	    test_what_is_no_document_is_refused_with_its_line);
	tcase_add_test(tcase, test_depth_and_names_are_bounded);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
