/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person or a script is given of what the daemon says.
 */
#include "master/cmctl/show.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define LIST \
	"{\"noun\":\"things\",\"columns\":[" \
	"{\"name\":\"a\",\"type\":\"text\",\"rank\":1}]}\n"
#define OK "{\"ok\":true}\n"

static const struct table_look no_terminal = { .width = 0 };

/* What is shown of those lines of the daemon. */
static void
expect(enum show_form form, const char *lines, int code, const char *wanted)
{
	FILE *daemon = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_int_eq(show_answer(daemon, form, no_terminal, out), code);
	fclose(out);
	fclose(daemon);
	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(people_get_a_list_as_a_table)
{
	expect(SHOW_PEOPLE, LIST "{\"a\":\"x\"}\n{\"a\":\"y\"}\n" OK, DONE,
	    "a\nx\ny\n");
	expect(SHOW_PEOPLE, LIST OK, DONE, "a\n0 things\n");
}
END_TEST

START_TEST(people_get_an_object_as_lines)
{
	expect(SHOW_PEOPLE,
	    "{\"a\":\"x\\ny\",\"n\":12,\"on\":true,\"empty\":\"\"}\n" OK, DONE,
	    "a: x?y\nn: 12\non: yes\nempty: -\n");
}
END_TEST

START_TEST(people_get_a_message_instead_of_what_it_is_about)
{
	static const char lines[] =
	    "{\"clients\":3}\n"
	    "{\"ok\":true,\"message\":\"3 clients\\nare\\u001b closed\"}\n";

	expect(SHOW_PEOPLE, lines, DONE, "3 clients\nare? closed\n");
	expect(SHOW_JSON, lines, DONE, "{\"clients\":3}\n");
}
END_TEST

START_TEST(text_stays_as_it_is_but_for_control_bytes)
{
	expect(SHOW_PEOPLE, "# HELP x \"y\"\nx 1\n\033[2J\n\n" OK, DONE,
	    "# HELP x \"y\"\nx 1\n?[2J\n\n");
}
END_TEST

START_TEST(programs_get_each_object_on_a_line_and_nothing_else)
{
	expect(SHOW_JSON, LIST "{\"a\":\"x\\u001b\"}\n{\"a\":\"y\"}\n" OK, DONE,
	    "{\"a\":\"x\\u001b\"}\n{\"a\":\"y\"}\n");
	expect(SHOW_JSON, LIST OK, DONE, "");
	expect(SHOW_JSON, "# \"x\"\nx 1\n" OK, DONE,
	    "\"# \\\"x\\\"\"\n\"x 1\"\n");
}
END_TEST

START_TEST(elements_of_a_trace_come_in_lines)
{
	expect(SHOW_TRACE,
	    LIST "{\"time\":\"T\",\"direction\":\"in\",\"text\":\"<a>\\n\","
		 "\"left_out\":0,\"lost_before\":0}\n"
		 "{\"time\":\"U\",\"direction\":\"begin\",\"text\":\"\","
		 "\"left_out\":7,\"lost_before\":3}\n" OK,
	    DONE, "T in    <a>?\nU 3 lost\nU begin  (7 bytes more)\n");
}
END_TEST

START_TEST(an_answer_that_went_wrong_has_its_code)
{
	expect(SHOW_PEOPLE, "{\"error\":\"no such \\u001bsession\"}\n", REFUSED,
	    "");
	expect(SHOW_PEOPLE, LIST "{\"a\":\"x\"}\n", UNREACHABLE, "a\nx\n");
	expect(SHOW_PEOPLE, LIST, UNREACHABLE, "");
	expect(SHOW_PEOPLE, "{\"a\":\n" OK, UNREACHABLE, "");
	expect(SHOW_JSON, "", UNREACHABLE, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("show");
	TCase *tests = tcase_create("show");

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_test(tests, people_get_a_list_as_a_table);
	tcase_add_test(tests, people_get_an_object_as_lines);
	tcase_add_test(tests, people_get_a_message_instead_of_what_it_is_about);
	tcase_add_test(tests, text_stays_as_it_is_but_for_control_bytes);
	tcase_add_test(tests,
	    programs_get_each_object_on_a_line_and_nothing_else);
	tcase_add_test(tests, elements_of_a_trace_come_in_lines);
	tcase_add_test(tests, an_answer_that_went_wrong_has_its_code);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
