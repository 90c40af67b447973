/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a list looks: on a terminal that is wide, narrow or none, with rows that
 * nobody expected, and with more of them than are kept.
 */
#include "master/cmctl/table.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define LIST \
	"{\"noun\":\"sessions\",\"columns\":[" \
	"{\"name\":\"id\",\"type\":\"text\",\"rank\":1}," \
	"{\"name\":\"jid\",\"type\":\"text\",\"rank\":1}," \
	"{\"name\":\"tls\",\"type\":\"flag\",\"rank\":3}," \
	"{\"name\":\"up\",\"type\":\"number\",\"rank\":2}," \
	"{\"name\":\"lane\",\"type\":\"number\",\"rank\":3}]}"
#define ALICE \
	"{\"id\":\"cm01\",\"jid\":\"alice@example.org/home\",\"tls\":true," \
	"\"up\":12,\"lane\":3}"
#define BOB \
	"{\"id\":\"cm0002\",\"jid\":\"bob@example.org/x\",\"tls\":false," \
	"\"up\":1234,\"lane\":15}"

static const struct table_look no_terminal = { .width = 0 };

static json_t *
parse(const char *text)
{
	json_t *value =
	    json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	ck_assert_msg(value, "a test's own JSON is wrong: %s", text);
	return value;
}

/* The list of those rows, up to a NULL; to be freed. */
static char *
draw(struct table_look look, const char *list, const char *const *rows)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *said = parse(list);
	struct table *table = table_new(said, look, out);

	json_decref(said);
	for (; *rows; rows++) {
		json_t *row = parse(*rows);

		table_add(table, row);
		json_decref(row);
	}
	table_end(&table, true);
	fclose(out);
	return text;
}

static void
expect(struct table_look look, const char *list, const char *const *rows,
    const char *wanted)
{
	char *text = draw(look, list, rows);

	ck_assert_str_eq(text, wanted);
	free(text);
}

static const char *const two[] = { ALICE, BOB, NULL };

START_TEST(where_there_is_no_terminal_all_is_shown)
{
	expect(no_terminal, LIST, two,
	    "id      jid                     tls    up  lane\n"
	    "cm01    alice@example.org/home  yes    12     3\n"
	    "cm0002  bob@example.org/x       no   1234    15\n");
}
END_TEST

START_TEST(a_terminal_that_is_wide_enough_shows_all)
{
	expect((struct table_look){ .width = 47 }, LIST, two,
	    "id      jid                     tls    up  lane\n"
	    "cm01    alice@example.org/home  yes    12     3\n"
	    "cm0002  bob@example.org/x       no   1234    15\n");
}
END_TEST

/* The last of the highest rank first. */
START_TEST(a_narrow_terminal_shows_what_matters)
{
	expect((struct table_look){ .width = 46 }, LIST, two,
	    "id      jid                     tls    up\n"
	    "cm01    alice@example.org/home  yes    12\n"
	    "cm0002  bob@example.org/x       no   1234\n");
	expect((struct table_look){ .width = 40 }, LIST, two,
	    "id      jid                       up\n"
	    "cm01    alice@example.org/home    12\n"
	    "cm0002  bob@example.org/x       1234\n");
}
END_TEST

START_TEST(what_matters_most_is_never_cut)
{
	expect((struct table_look){ .width = 10 }, LIST, two,
	    "id      jid\n"
	    "cm01    alice@example.org/home\n"
	    "cm0002  bob@example.org/x\n");
}
END_TEST

START_TEST(a_screen_of_its_own_cuts_its_lines)
{
	expect((struct table_look){ .width = 10, .cut = true }, LIST, two,
	    "id      ji\n"
	    "cm01    al\n"
	    "cm0002  bo\n");
}
END_TEST

START_TEST(one_long_cell_does_not_cost_the_others_their_columns)
{
	static const char *const rows[] = { ALICE,
		"{\"id\":\"cm03\",\"jid\":\"a-very-long-name-indeed@example"
		".org/and-a-resource-as-long\",\"tls\":false,\"up\":1,"
		"\"lane\":1}",
		NULL };

	expect((struct table_look){ .width = 60 }, LIST, rows,
	    "id    jid                       tls  up  lane\n"
	    "cm01  alice@example.org/home    yes  12     3\n"
	    "cm03  a-very-long-name-indeed@example.org/and-a-resource-as-long"
	    "  no    1     1\n");
}
END_TEST

START_TEST(what_rows_are_sorted_by_stays_and_is_marked)
{
	static const char list[] =
	    "{\"noun\":\"x\",\"sorted_by\":\"b\",\"ascending\":false,"
	    "\"columns\":[{\"name\":\"a\",\"type\":\"text\",\"rank\":2},"
	    "{\"name\":\"b\",\"type\":\"number\",\"rank\":9}]}";
	static const char *const rows[] = { "{\"a\":\"long\",\"b\":7}", NULL };

	expect((struct table_look){ .width = 80 }, list, rows,
	    "a     b\xe2\x96\xbc\nlong   7\n");
	expect((struct table_look){ .width = 5 }, list, rows,
	    "b\xe2\x96\xbc\n 7\n");
	expect(no_terminal, list, rows, "a     b\nlong  7\n");
}
END_TEST

START_TEST(a_list_without_rows_has_titles_and_says_so)
{
	static const char *const none[] = { NULL };

	expect(no_terminal, LIST, none, "id  jid  tls  up  lane\n0 sessions\n");
	expect((struct table_look){ .width = 10, .bold = true }, LIST, none,
	    "\033[1mid  jid\033[0m\n0 sessions\n");
}
END_TEST

START_TEST(a_list_that_broke_off_does_not_claim_to_be_empty)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *said = parse(LIST);
	struct table *table = table_new(said, no_terminal, out);

	json_decref(said);
	table_end(&table, false);
	fclose(out);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

/* Columns are what a terminal gives a character, not bytes. */
START_TEST(characters_of_any_width_stand_below_each_other)
{
	static const char *const rows[] = {
		"{\"id\":\"1\",\"jid\":\"j\xc3\xb6rg\",\"tls\":true}",
		"{\"id\":\"2\",\"jid\":\"\xe6\xbc\xa2\xe5\xad\x97\","
		"\"tls\":true}",
		"{\"id\":\"3\",\"jid\":\"e\xcc\x81x\",\"tls\":true}", NULL
	};

	expect(no_terminal, LIST, rows,
	    "id  jid   tls  up  lane\n"
	    "1   j\xc3\xb6rg  yes   -     -\n"
	    "2   \xe6\xbc\xa2\xe5\xad\x97  yes   -     -\n"
	    "3   e\xcc\x81x    yes   -     -\n");
}
END_TEST

START_TEST(nothing_in_a_row_moves_the_cursor)
{
	static const char *const rows[] = {
		"{\"id\":\"a\\u001b[2J\\u0000\\n\",\"jid\":\"\\u009b\\u202e"
		"\\u007f\\t\"}",
		NULL
	};

	expect(no_terminal, LIST, rows,
	    "id       jid   tls  up  lane\n"
	    "a?[2J??  ????  -     -     -\n");
	expect(no_terminal,
	    "{\"noun\":\"x\\u001b\",\"columns\":[{\"name\":\"a\\r\"}]}",
	    (const char *const[]){ NULL }, "a?\n0 x?\n");
}
END_TEST

START_TEST(rows_of_any_kind_are_shown)
{
	static const char *const rows[] = { "{}", "[]", "\"text\"",
		"{\"id\":null,\"jid\":[1,{\"a\":\"\\u0007\"}],\"up\":1.25}",
		"{\"id\":\"\",\"other\":1}", NULL };

	expect(no_terminal, LIST, rows,
	    "id  jid                 tls   up  lane\n"
	    "-   -                   -      -     -\n"
	    "-   -                   -      -     -\n"
	    "-   -                   -      -     -\n"
	    "-   [1,{\"a\":\"\\u0007\"}]  -    1.2     -\n"
	    "-   -                   -      -     -\n");
	expect(no_terminal, "{\"columns\":7}", two, "\n\n\n");
}
END_TEST

static void
add_number(struct table *table, int number)
{
	json_t *row = json_pack("{s:i,s:s}", "id", number, "jid",
	    number < 1000 ? "x" : "longer than all that were measured");

	table_add(table, row);
	json_decref(row);
}

/* A thousand are kept; the next are there before the list has ended. */
START_TEST(of_many_rows_the_first_are_measured_and_the_others_go_on)
{
	char *text = NULL, line[128];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *said = parse(LIST);
	struct table *table = table_new(said, no_terminal, out);
	int i;

	json_decref(said);
	for (i = 0; i < 999; i++)
		add_number(table, i);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_uint_eq(len, 0);
	for (; i < 1002; i++)
		add_number(table, i);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n1001  longer than"));
	table_end(&table, true);
	fclose(out);
	ck_assert_int_eq(strncmp(text, "id   jid  tls  up  lane\n", 24), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n7    x    -     -     -\n"));
	snprintf(line, sizeof(line), "\n1001  %s  -     -     -\n",
	    "longer than all that were measured");
	ck_assert_ptr_nonnull(strstr(text, line));
	free(text);
}
END_TEST

/* It begins where there is room for some of it, and goes on. */
START_TEST(a_sentence_costs_no_column_its_place)
{
	static const char list[] =
	    "{\"noun\":\"errors\",\"columns\":["
	    "{\"name\":\"time\",\"type\":\"text\",\"rank\":1},"
	    "{\"name\":\"pid\",\"type\":\"number\",\"rank\":2},"
	    "{\"name\":\"text\",\"type\":\"long\",\"rank\":1}]}";
	static const char *const rows[] = {
		"{\"time\":\"12:00\",\"pid\":4711,\"text\":\"the link to the"
		" server was lost and is tried again\"}",
		NULL
	};

	expect((struct table_look){ .width = 33 }, list, rows,
	    "time    pid  text\n"
	    "12:00  4711  the link to the server was lost and is tried"
	    " again\n");
	expect((struct table_look){ .width = 32 }, list, rows,
	    "time   text\n"
	    "12:00  the link to the server was lost and is tried again\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table");
	TCase *tests = tcase_create("table");

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_test(tests, where_there_is_no_terminal_all_is_shown);
	tcase_add_test(tests, a_terminal_that_is_wide_enough_shows_all);
	tcase_add_test(tests, a_narrow_terminal_shows_what_matters);
	tcase_add_test(tests, what_matters_most_is_never_cut);
	tcase_add_test(tests, a_screen_of_its_own_cuts_its_lines);
	tcase_add_test(tests,
	    one_long_cell_does_not_cost_the_others_their_columns);
	tcase_add_test(tests, what_rows_are_sorted_by_stays_and_is_marked);
	tcase_add_test(tests, a_list_without_rows_has_titles_and_says_so);
	tcase_add_test(tests, a_list_that_broke_off_does_not_claim_to_be_empty);
	tcase_add_test(tests, characters_of_any_width_stand_below_each_other);
	tcase_add_test(tests, nothing_in_a_row_moves_the_cursor);
	tcase_add_test(tests, rows_of_any_kind_are_shown);
	tcase_add_test(tests,
	    of_many_rows_the_first_are_measured_and_the_others_go_on);
	tcase_add_test(tests, a_sentence_costs_no_column_its_place);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
