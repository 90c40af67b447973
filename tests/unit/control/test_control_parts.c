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
	ck_assert_msg(!line.json, "the answer should be for people");
	ck_assert_str_eq(line.words[0], "show");
	ck_assert_str_eq(line.words[2], "jid=a b\"c");
	ck_assert_str_eq(line.words[3], "");
	ck_assert_int_eq(parse(""), 0);
	ck_assert_uint_eq(line.count, 0);
}
END_TEST

START_TEST(a_first_word_asks_for_json)
{
	ck_assert_int_eq(parse("json show json"), 0);
	ck_assert_msg(line.json, "the answer should be JSON");
	ck_assert_uint_eq(line.count, 2);
	ck_assert_str_eq(line.words[1], "json");
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

static unsigned
write_rows(size_t count, bool json, struct buf *out)
{
	struct report report;
	unsigned calls = 0, steps = 1;

	report_begin_rows(&report,
	    (struct report_rows){ odd_row, &calls, count }, json);
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
	ck_assert_uint_eq(write_rows(12, false, &out), 24);
	ck_assert_str_eq((const char *)buf_bytes(&out),
	    " n\n 1\n 3\n 5\n 7\n 9\n11\n");
	buf_reset(&out);
	ck_assert_uint_eq(write_rows(5, true, &out), 5);
	ck_assert_str_eq((const char *)buf_bytes(&out),
	    "[{\"n\":1},{\"n\":3}]\n");
	buf_reset(&out);
	ck_assert_uint_eq(write_rows(0, true, &out), 0);
	ck_assert_str_eq((const char *)buf_bytes(&out), "[]\n");
	buf_reset(&out);
	ck_assert_uint_eq(write_rows(1000, true, &out), 1000);
	buf_destroy(&out);
}
END_TEST

static void
expect_text(json_t *answer, const char *wanted)
{
	struct buf out;

	buf_init(&out, 0);
	report_as_text(answer, &out);
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), wanted);
	buf_destroy(&out);
	json_decref(answer);
}

START_TEST(people_get_tables_and_lines)
{
	expect_text(json_pack("{s:s,s:i,s:b}", "a", "x\ny", "count", 12, "on",
			1),
	    "a: x?y\ncount: 12\non: yes\n");
	expect_text(json_pack("[{s:s,s:i,s:s},{s:s,s:i,s:s}]", "name",
			"b\xc3"
			"\xa4",
			"n", 5, "end", "", "name", "", "n", 123, "end", "z"),
	    "name    n  end\nb\xc3\xa4      5  \n-     123  z\n");
	expect_text(json_pack("{s:s}", "a",
			"j\xc2\x9b"
			"2J\xe2\x80\xae"
			"z"),
	    "a: j?2J?z\n");
	expect_text(json_array(), "");
	expect_text(report_string("as it\nis\n"), "as it\nis\n");
	expect_text(report_string("\xff"), "?");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control");
	TCase *tests = tcase_create("parts");

	tcase_add_test(tests, words_are_parted_by_blanks_and_kept_by_quotes);
	tcase_add_test(tests, a_first_word_asks_for_json);
	tcase_add_test(tests, what_cannot_be_read_is_refused);
	tcase_add_test(tests, a_filter_takes_what_it_says);
	tcase_add_test(tests, an_exact_address_is_no_beginning_of_another);
	tcase_add_test(tests, what_is_no_filter_is_told_from_a_bad_value);
	tcase_add_test(tests, a_long_pattern_is_refused);
	tcase_add_test(tests, rows_are_made_as_they_are_written);
	tcase_add_test(tests, people_get_tables_and_lines);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
