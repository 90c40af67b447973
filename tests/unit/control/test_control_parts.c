/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request line says, which sessions a filter takes, how an answer looks.
 */
#include "tests/support/check/run_suite.h"
#include "worker/control/control_line.h"
#include "worker/control/report.h"
#include "worker/control/session_filter.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct control_line line;

static int
parse(const char *text)
{
	return control_line_parse(text, strlen(text), &line);
}

START_TEST(words_are_parted_by_blanks_and_kept_by_quotes)
{
	ck_assert_int_eq(parse("  show sessions \"jid=a b\\\"c\" \"\"\r"), 0);
	ck_assert_uint_eq(line.count, 4);
	ck_assert_str_eq(line.words[0], "show");
	ck_assert_str_eq(line.words[2], "jid=a b\"c");
	ck_assert_str_eq(line.words[3], "");
	ck_assert_int_eq(parse(""), 0);
	ck_assert_uint_eq(line.count, 0);
}
END_TEST

START_TEST(what_cannot_be_read_is_refused)
{
	char many[2 * CONTROL_WORDS_MAX + 3], large[CONTROL_LINE_MAX + 2];
	size_t i;

	ck_assert_int_eq(parse("a\tb"), -EINVAL);
	ck_assert_int_eq(parse("\"a"), -EINVAL);
	ck_assert_int_eq(parse("\"a\\"), -EINVAL);
	ck_assert_int_eq(control_line_parse("a\0b", 3, &line), -EINVAL);
	for (i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 ? ' ' : 'x';
	many[sizeof(many) - 1] = '\0';
	ck_assert_int_eq(parse(many), -EMSGSIZE);
	memset(large, 'x', sizeof(large));
	ck_assert_int_eq(control_line_parse(large, CONTROL_LINE_MAX, &line), 0);
	ck_assert_int_eq(control_line_parse(large, sizeof(large), &line),
	    -EMSGSIZE);
}
END_TEST

static const struct session_view someone = {
	.owner = 3,
	.lane = 5,
	.phase = SESSION_BOUND,
	.transport = TRANSPORT_STARTTLS,
	.peer_address = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 },
	.peer_port = 4321,
	.since_s = 1000,
	.active_s = 1050,
	.jid = "alice@example.com/home",
};

static bool
takes(const char *argument)
{
	struct session_filter filter;

	session_filter_init(&filter);
	ck_assert_int_eq(session_filter_add(&filter, argument), 0);
	return session_filter_takes(&filter, &someone, 1060);
}

START_TEST(a_filter_takes_what_it_says)
{
	static const char *const fit[] = { "jid=alice@*", "worker=3", "lane=5",
		"state=bound", "tls=yes", "age=60", "idle=10",
		"address=192.0.2.1", "address=192.0." };
	static const char *const other[] = { "jid=alice", "worker=2", "lane=0",
		"state=opening", "tls=no", "age=61", "idle=11",
		"address=192.0.3" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(fit); i++)
		ck_assert_msg(takes(fit[i]), "%s", fit[i]);
	for (i = 0; i < ARRAY_LEN(other); i++)
		ck_assert_msg(!takes(other[i]), "%s", other[i]);
}
END_TEST

START_TEST(an_exact_address_is_no_beginning_of_another)
{
	static const struct {
		const char *address;
		bool takes;
	} cases[] = { { "192.0.2.1", true }, { "192.0.2.1:4321", true },
		{ "192.0.2.1:432", false }, { "192.0.2", false },
		{ "192.0.2.1:", false }, { "192.0.2.12", false } };
	struct session_filter filter;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		session_filter_init(&filter);
		filter.address = cases[i].address;
		filter.address_exact = true;
		ck_assert_msg(session_filter_takes(&filter, &someone, 1060) ==
				  cases[i].takes,
		    "%s", cases[i].address);
	}
}
END_TEST

START_TEST(what_is_no_filter_is_told_from_a_bad_value)
{
	struct session_filter filter;

	session_filter_init(&filter);
	ck_assert_int_eq(session_filter_add(&filter, "limit=3"), -ENOENT);
	ck_assert_int_eq(session_filter_add(&filter, "jid"), -ENOENT);
	ck_assert_int_eq(session_filter_add(&filter, "worker=-1"), -EINVAL);
	ck_assert_int_eq(session_filter_add(&filter, "age=4294967296"),
	    -EINVAL);
	ck_assert_int_eq(session_filter_add(&filter, "tls=perhaps"), -EINVAL);
	ck_assert_int_eq(session_filter_add(&filter, "state=odd"), -EINVAL);
}
END_TEST

START_TEST(a_long_pattern_is_refused)
{
	struct session_filter filter;
	char argument[4 + SESSION_PATTERN_MAX + 2] = "jid=";

	session_filter_init(&filter);
	memset(argument + 4, '*', SESSION_PATTERN_MAX);
	ck_assert_int_eq(session_filter_add(&filter, argument), 0);
	argument[4 + SESSION_PATTERN_MAX] = '*';
	ck_assert_int_eq(session_filter_add(&filter, argument), -EMSGSIZE);
}
END_TEST

/* Every other one has gone. */
static json_t *
odd_row(void *context, size_t at)
{
	unsigned *calls = context;

	++*calls;
	return at % 2 ? json_pack("{s:i}", "n", (int)at) : NULL;
}

static const struct report_column columns[] = {
	{ "n", REPORT_NUMBER, 1 },
	{ "why", REPORT_LONG, 2 },
};
static const struct report_table table = {
	.noun = "numbers", .columns = columns, .count = ARRAY_LEN(columns)
};

#define TABLE_LINE \
	"{\"noun\":\"numbers\",\"columns\":[" \
	"{\"name\":\"n\",\"type\":\"number\",\"rank\":1}," \
	"{\"name\":\"why\",\"type\":\"long\",\"rank\":2}]}\n"

static unsigned
write_rows(size_t count, struct buf *out)
{
	struct report report;
	unsigned calls = 0, steps = 1;

	report_begin_rows(&report, &table,
	    (struct report_rows){ odd_row, &calls, count });
	while (!report_step(&report, out)) {
		ck_assert_uint_le(calls, 32 * steps);
		steps++;
	}
	buf_append_char(out, '\0');
	return calls;
}

START_TEST(rows_are_made_as_they_are_written)
{
	struct buf out;

	buf_init(&out, 0);
	ck_assert_uint_eq(write_rows(5, &out), 5);
	ck_assert_str_eq((const char *)buf_bytes(&out),
	    TABLE_LINE "{\"n\":1}\n{\"n\":3}\n");
	buf_reset(&out);
	ck_assert_uint_eq(write_rows(0, &out), 0);
	ck_assert_str_eq((const char *)buf_bytes(&out), TABLE_LINE);
	buf_reset(&out);
	ck_assert_uint_eq(write_rows(1000, &out), 1000);
	buf_destroy(&out);
}
END_TEST

static void
expect_report(const struct report_table *of, json_t *answer, const char *wanted)
{
	struct report report;
	struct buf out;

	buf_init(&out, 0);
	report_begin(&report, of, answer);
	while (!report_step(&report, &out))
		continue;
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), wanted);
	buf_destroy(&out);
	json_decref(answer);
}

START_TEST(an_answer_is_a_line_for_each_object)
{
	expect_report(NULL,
	    json_pack("{s:s,s:b}", "a", "x\ny\xc2\x9b", "on", 1),
	    "{\"a\":\"x\\ny\\u009B\",\"on\":true}\n");
	expect_report(&table, json_pack("[{s:i},{s:i}]", "n", 1, "n", 2),
	    TABLE_LINE "{\"n\":1}\n{\"n\":2}\n");
	expect_report(&table, json_array(), TABLE_LINE);
	expect_report(NULL, report_string("as it\nis\n"), "as it\nis\n");
}
END_TEST

START_TEST(a_list_says_what_it_is_sorted_by)
{
	struct report_table sorted = table;
	struct buf out;

	sorted.sorted_by = "n";
	sorted.ascending = true;
	buf_init(&out, 0);
	report_put_table(&sorted, &out);
	buf_append_char(&out, '\0');
	ck_assert_ptr_nonnull(strstr((const char *)buf_bytes(&out),
	    "],\"sorted_by\":\"n\",\"ascending\":true}\n"));
	buf_destroy(&out);
}
END_TEST

static void
expect_end(const char *error, const char *wanted)
{
	struct buf out;

	buf_init(&out, 0);
	report_put_end(error ? "lost" : "a\nb", error, &out);
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), wanted);
	buf_destroy(&out);
}

/* An error repeats what was asked, cut anywhere. */
START_TEST(the_last_line_says_how_it_went_whatever_the_error_holds)
{
	expect_end(NULL, "{\"ok\":true,\"message\":\"a\\nb\"}\n");
	expect_end("no such \"x\"\n", "{\"error\":\"no such \\\"x\\\"\\n\"}\n");
	expect_end("a\xff"
		   "b\xc3\xa4\xe2\x82",
	    "{\"error\":\"a?b\\u00E4??\"}\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control");
	TCase *tests = tcase_create("parts");

	tcase_add_test(tests, words_are_parted_by_blanks_and_kept_by_quotes);
	tcase_add_test(tests, what_cannot_be_read_is_refused);
	tcase_add_test(tests, a_filter_takes_what_it_says);
	tcase_add_test(tests, an_exact_address_is_no_beginning_of_another);
	tcase_add_test(tests, what_is_no_filter_is_told_from_a_bad_value);
	tcase_add_test(tests, a_long_pattern_is_refused);
	tcase_add_test(tests, rows_are_made_as_they_are_written);
	tcase_add_test(tests, an_answer_is_a_line_for_each_object);
	tcase_add_test(tests, a_list_says_what_it_is_sorted_by);
	tcase_add_test(tests,
	    the_last_line_says_how_it_went_whatever_the_error_holds);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
