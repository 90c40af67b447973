/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one event looks to each reader, whatever is in it.
 */
#include "common/base/log_line.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char out[LOG_LINE_MAX + 1];
static struct log_line line;

static void
setup(void)
{
	setenv("TZ", "UTC", 1);
	line = (struct log_line){
		.time = { .tv_sec = 1772366400, .tv_nsec = 123456789 },
		.level = LOG_NOTICE,
		.process = "worker 3",
		.pid = 7,
	};
}

typedef size_t form_fn(const struct log_line *line, char bytes[LOG_LINE_MAX]);

static const char *
form(form_fn *fn, const char *body)
{
	line.body = body;
	out[fn(&line, out)] = '\0';
	return out;
}

START_TEST(text_has_all_in_one_line)
{
	ck_assert_str_eq(form(log_line_text, "link up link=2 id=\"a b\""),
	    "2026-03-01T12:00:00.123Z notice worker 3: link up link=2"
	    " id=\"a b\"\n");
}
END_TEST

START_TEST(what_a_terminal_obeys_becomes_a_blank)
{
	ck_assert_str_eq(form(log_line_text, "a\xc2\x9b"
					     "2J b\xe2\x80\xae"
					     "c \xff"
					     "d\xe2\x81\xa6"
					     " e\xc3\xa4"),
	    "2026-03-01T12:00:00.123Z notice worker 3: a 2J b c  d  e\xc3\xa4"
	    "\n");
}
END_TEST

START_TEST(syslog_has_priority_time_and_tag)
{
	line.level = LOG_ERROR;
	ck_assert_str_eq(form(log_line_syslog, "it broke"),
	    "<27>Mar  1 12:00:00 cmanagerd[7]: worker 3: it broke");
}
END_TEST

START_TEST(the_journal_gets_each_pair_as_a_field)
{
	ck_assert_str_eq(form(log_line_journal,
			     "stream closed session=ab jid=\"u@x/r 1\" n=5"),
	    "PRIORITY=5\nSYSLOG_IDENTIFIER=cmanagerd\nCM_SOURCE=worker 3\n"
	    "MESSAGE=worker 3: stream closed session=ab jid=\"u@x/r 1\" n=5\n"
	    "CM_SESSION=ab\nCM_JID=u@x/r 1\nCM_N=5\n");
}
END_TEST

static const struct {
	const char *body, *members;
} bodies[] = {
	{ "plain words", "\"message\":\"plain words\"}\n" },
	{ "a=1", "\"message\":\"\",\"a\":\"1\"}\n" },
	{ "w a=1 b_2=x=y", "\"message\":\"w\",\"a\":\"1\",\"b_2\":\"x=y\"}\n" },
	{ "w a=two words b=3",
	    "\"message\":\"w\",\"a\":\"two words\",\"b\":\"3\"}\n" },
	{ "w a=\"x b=1\" c=2",
	    "\"message\":\"w\",\"a\":\"x b=1\",\"c\":\"2\"}\n" },
	{ "w a=\"open", "\"message\":\"w\",\"a\":\"\\\"open\"}\n" },
	{ "w a=", "\"message\":\"w\",\"a\":\"\"}\n" },
	{ "5=6 A=7 =8", "\"message\":\"5=6 A=7 =8\"}\n" },
	{ "b\\s \"q\"", "\"message\":\"b\\\\s \\\"q\\\"\"}\n" },
	{ "tab\tnew\nline", "\"message\":\"tab new line\"}\n" },
	{ "\xc3\xa4 \xff \xe2\x82\xac \xe2\x82",
	    "\"message\":\"\xc3\xa4 \\ufffd \xe2\x82\xac \\ufffd\\ufffd\"}\n" },
	{ "a\xc2\x9b"
	  "2Jb\xe2\x80\xae"
	  "c\x7f"
	  "d\xd8\x9c"
	  "e",
	    "\"message\":\"a\\u009b2Jb\\u202ec d\\u061ce\"}\n" },
	{ "\xed\xa0\x80 \xf0\x9f\x98\x80",
	    "\"message\":\"\\ufffd\\ufffd\\ufffd \xf0\x9f\x98\x80\"}\n" },
};

START_TEST(json_has_phrase_and_pairs)
{
	static const char head[] =
	    "{\"time\":\"2026-03-01T12:00:00.123Z\",\"level\":\"notice\","
	    "\"source\":\"worker 3\",\"source_pid\":7,";

	form(log_line_json, bodies[_i].body);
	ck_assert_int_eq(strncmp(out, head, strlen(head)), 0);
	ck_assert_str_eq(out + strlen(head), bodies[_i].members);
}
END_TEST

static form_fn *const forms[] = { log_line_text, log_line_json, log_line_syslog,
	log_line_journal };

START_TEST(what_is_too_long_is_cut_and_the_form_kept)
{
	char body[3 * LOG_LINE_MAX];
	const char *text;
	size_t i, len;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (i = 100; i + 20 < sizeof(body); i += 100)
		memcpy(body + i, " key=\"v\x80\" ", 11);
	text = form(forms[_i], body);
	len = strlen(text);
	ck_assert_uint_le(len, LOG_LINE_MAX);
	if (forms[_i] == log_line_json)
		ck_assert_str_eq(text + len - 2, "}\n");
	else if (forms[_i] != log_line_syslog)
		ck_assert_str_eq(text + len - 1, "\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_line");
	TCase *tests = tcase_create("log_line");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, text_has_all_in_one_line);
	tcase_add_test(tests, syslog_has_priority_time_and_tag);
	tcase_add_test(tests, what_a_terminal_obeys_becomes_a_blank);
	tcase_add_test(tests, the_journal_gets_each_pair_as_a_field);
	tcase_add_loop_test(tests, json_has_phrase_and_pairs, 0,
	    ARRAY_LEN(bodies));
	tcase_add_loop_test(tests, what_is_too_long_is_cut_and_the_form_kept, 0,
	    ARRAY_LEN(forms));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
