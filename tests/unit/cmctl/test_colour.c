/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal sets off, and that it takes no room.
 */
#include "master/cmctl/colour.h"
#include "master/cmctl/table.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define YELLOW "\033[33m"
#define RED    "\033[31m"
#define LIST \
	"{\"noun\":\"x\",\"columns\":[" \
	"{\"name\":\"id\",\"type\":\"text\",\"rank\":1}," \
	"{\"name\":\"state\",\"type\":\"text\",\"rank\":1}," \
	"{\"name\":\"n\",\"type\":\"number\",\"rank\":1}]}"
#define ROW(state) "{\"id\":\"a\",\"state\":\"" state "\",\"n\":7}"

static void
expect(struct table_look look, const char *row, const char *wanted)
{
	json_t *list = json_loads(LIST, 0, NULL);
	json_t *parsed = json_loads(row, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct table *table = table_new(list, look, out);

	table_add(table, parsed);
	table_end(&table, true);
	(void)fclose(out);
	ck_assert_str_eq(text, wanted);
	free(text);
	json_decref(parsed);
	json_decref(list);
}

START_TEST(only_a_terminal_that_may_be_coloured_is)
{
	expect((struct table_look){ .width = 80, .bold = true },
	    ROW("draining"),
	    "\033[1mid  state     n\033[0m\n"
	    "a   " YELLOW "draining\033[0m  7\n");
	expect((struct table_look){ .width = 80 }, ROW("draining"),
	    "id  state     n\na   draining  7\n");
	expect((struct table_look){ .width = 0 }, ROW("waiting"),
	    "id  state    n\na   waiting  7\n");
}
END_TEST

START_TEST(what_is_as_it_should_be_has_no_colour)
{
	expect((struct table_look){ .width = 80, .bold = true }, ROW("serving"),
	    "\033[1mid  state    n\033[0m\na   serving  7\n");
}
END_TEST

/* In a line that is cut within the word, or before it. */
START_TEST(a_cut_line_is_as_long_with_colour_as_without)
{
	expect((struct table_look){ .width = 7, .bold = true, .cut = true },
	    ROW("waiting"), "\033[1mid  sta\033[0m\na   " RED "wai\033[0m\n");
	expect((struct table_look){ .width = 2, .bold = true, .cut = true },
	    ROW("waiting"), "\033[1mid\033[0m\na " RED "\033[0m\n");
}
END_TEST

static const struct {
	const char *column, *value, *code;
} values[] = {
	{ "state", "draining", YELLOW },
	{ "state", "starting", YELLOW },
	{ "state", "waiting", RED },
	{ "state", "hanging", RED },
	{ "state", "serving", NULL },
	{ "state", "bound", NULL },
	{ "server", "serving", NULL },
	{ "server", "holding", YELLOW },
	{ "server", "gone", RED },
	{ "level", "error", RED },
	{ "level", "warning", YELLOW },
	{ "problems", "", NULL },
	{ "problems", "self-signed", NULL },
	{ "problems", "expires soon, weak key", YELLOW },
	{ "problems", "expired, weak key", RED },
	{ "jid", "draining@example.org", NULL },
	{ "text", "error", NULL },
};

START_TEST(a_word_has_its_colour_in_its_column)
{
	json_t *value = json_string(values[_i].value);
	const char *code = colour_of(values[_i].column, value);

	json_decref(value);
	if (values[_i].code)
		ck_assert_str_eq(code, values[_i].code);
	else
		ck_assert_ptr_null(code);
	ck_assert_ptr_null(colour_of(values[_i].column, NULL));
	ck_assert_ptr_null(colour_of(values[_i].column, json_true()));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("colour");
	TCase *tests = tcase_create("colour");

	tcase_add_test(tests, only_a_terminal_that_may_be_coloured_is);
	tcase_add_test(tests, what_is_as_it_should_be_has_no_colour);
	tcase_add_test(tests, a_cut_line_is_as_long_with_colour_as_without);
	tcase_add_loop_test(tests, a_word_has_its_colour_in_its_column, 0,
	    (int)ARRAY_LEN(values));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
