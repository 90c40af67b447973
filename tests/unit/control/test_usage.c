/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever calls a command wrongly is told how it is called: each row of
 * commands.def, with too few arguments, too many, or a word that is none.
 */
#include "common/base/log_line.h"
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "worker/control/session_filter.h"
#include "worker/control/usage.h"
#include "worker/control/wording.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct control_line line;
static struct buf why;

static void
setup(void)
{
	buf_init(&why, 0);
}

static void
teardown(void)
{
	buf_destroy(&why);
}

static const char *
said(void)
{
	buf_append_char(&why, '\0');
	return (const char *)buf_bytes(&why);
}

static void
expect(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) != NULL, "'%s' is not in '%s'", words,
	    text);
}

static void
parse(const char *words, unsigned arguments)
{
	char text[512];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", words);

	while (arguments-- > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " a%u",
		    arguments);
	ck_assert_int_eq(control_line_parse(text, len, &line), 0);
}

/* Whether the row takes so many arguments. */
static bool
takes(const struct usage *usage, unsigned arguments)
{
	const struct usage *found;
	unsigned first;

	parse(usage->words, arguments);
	found = usage_find(&line, &first);
	ck_assert_msg(found == usage, "%s is found", usage->words);
	ck_assert_uint_eq(line.count - first, arguments);
	buf_reset(&why);
	return usage_fits(usage, &line, first, &why);
}

/* [those], and those that must be. */
static void
count(const char *arguments, unsigned *least, unsigned *most)
{
	char text[256], *word, *rest;

	*least = *most = 0;
	snprintf(text, sizeof(text), "%s", arguments);
	for (word = strtok_r(text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		*least += word[0] != '[';
		++*most;
	}
}

START_TEST(each_command_says_how_it_is_called)
{
	const struct usage *usage = &usages[_i];
	unsigned least, most, i;
	char called[256];

	count(usage->arguments, &least, &most);
	snprintf(called, sizeof(called), "usage: %s%s%s", usage->words,
	    most > 0 ? " " : "", usage->arguments);
	for (i = 0; i < least; i++) {
		ck_assert_msg(!takes(usage, i), "%s with %u", usage->words, i);
		expect(said(), "missing");
		expect(said(), called);
		expect(said(), usage->help);
	}
	for (; i <= most; i++) {
		ck_assert_msg(takes(usage, i), "%s with %u", usage->words, i);
		ck_assert_uint_eq(buf_len(&why), 0);
	}
	if (strstr(usage->arguments, "..."))
		return;
	ck_assert_msg(!takes(usage, i), "%s with %u", usage->words, i);
	expect(said(), "'a0'");
	expect(said(), called);
}
END_TEST

/* Of two words, the first alone and with another one. */
START_TEST(the_beginning_of_a_command_names_those_that_begin_so)
{
	char first[64], longer[80];
	unsigned number;
	size_t i;

	snprintf(first, sizeof(first), "%.*s",
	    (int)strcspn(usages[_i].words, " "), usages[_i].words);
	if (strcmp(first, usages[_i].words) == 0)
		return;
	parse(first, 0);
	ck_assert_ptr_null(usage_find(&line, &number));
	usage_explain(&line, 0, &why);
	snprintf(longer, sizeof(longer), "%s wonder", first);
	parse(longer, 0);
	ck_assert_ptr_null(usage_find(&line, &number));
	usage_explain(&line, 0, &why);
	for (i = 0; i < usage_count; i++)
		if (strncmp(usages[i].words, first, strlen(first)) == 0)
			expect(said(), usages[i].words);
	expect(said(), "only the beginning");
	expect(said(), "no 'wonder'");
}
END_TEST

START_TEST(a_word_that_is_none_names_the_near_and_all_others)
{
	static const struct {
		const char *written, *near;
	} cases[] = { { "shwo", "'show'" }, { "Drain", "'drain'" },
		{ "reloda", "'reload'" }, { "traces session", "'trace'" },
		{ "show sesions", "'sessions'" },
		{ "wait drainde", "'drained'" }, { "log levle", "'level'" },
		{ "show work", "'workers'" } };
	unsigned first;
	char near[64];

	parse(cases[_i].written, 0);
	ck_assert_ptr_null(usage_find(&line, &first));
	usage_explain(&line, 0, &why);
	snprintf(near, sizeof(near), "did you mean %s?", cases[_i].near);
	expect(said(), near);
}
END_TEST

START_TEST(what_is_near_to_nothing_names_all)
{
	unsigned first;
	size_t i;

	parse("\xff\xfe\x9bxyzxyzxyz", 0);
	ck_assert_ptr_null(usage_find(&line, &first));
	usage_explain(&line, 0, &why);
	ck_assert_ptr_null(strstr(said(), "did you mean"));
	expect(said(), "'???xyzxyzxyz'");
	for (i = 0; i < usage_count; i++) {
		char word[64];

		snprintf(word, sizeof(word), "%.*s",
		    (int)strcspn(usages[i].words, " "), usages[i].words);
		expect(said(), word);
	}
	buf_reset(&why);
	parse("", 0);
	usage_explain(&line, 0, &why);
	expect(said(), "which command?");
}
END_TEST

START_TEST(a_group_begins_its_commands_only)
{
	parse("show", 0);
	ck_assert_msg(!usage_begins(&usages[0], &line, 0, 1),
	    "show should begin no command of another group");
	ck_assert_msg(usage_begins(&usages[1], &line, 0, 1),
	    "show should begin a command of its group");
	ck_assert_msg(!usage_begins(&usages[1], &line, 0, 2),
	    "one word should not count as two");
	parse("sho", 0);
	ck_assert_msg(!usage_begins(&usages[1], &line, 0, 1),
	    "half a word should begin nothing");
}
END_TEST

static const struct usage *
row_of(const char *words)
{
	size_t i;

	for (i = 0; i < usage_count; i++)
		if (strcmp(usages[i].words, words) == 0)
			return &usages[i];
	ck_abort_msg("no row %s", words);
	return NULL;
}

START_TEST(the_help_has_every_level)
{
	int level;

	for (level = LOG_ERROR; level <= LOG_DEBUG; level++)
		expect(row_of("log level")->help,
		    log_level_name((enum log_level)level));
}
END_TEST

START_TEST(a_filter_that_is_refused_names_what_it_takes)
{
	static const struct {
		const char *argument, *words[7];
	} cases[] = {
		{ "jid", { "no filter", "jid", "address", "idle" } },
		{ "jdi=x", { "did you mean jid=?", "worker", "tls" } },
		{ "=x", { "no filter", "state" } },
		{ "worker=-1",
		    { "worker= cannot be '-1'", "worker's number" } },
		{ "lane=16", { "0 to 15" } },
		{ "tls=", { "yes or no" } },
		{ "age=4294967296", { "seconds" } },
		{ "idle=1.5", { "seconds" } },
		{ "address=", { "192.0.2." } },
		{ "address=example.com", { "IP address" } },
		{ "state=odd",
		    { "state= cannot be 'odd'; it is one of ", "opening",
			"negotiating", "authenticated", "bound", "closing" } },
	};
	struct session_filter filter;
	size_t i;

	session_filter_init(&filter);
	ck_assert_int_ne(session_filter_add(&filter, cases[_i].argument), 0);
	session_filter_explain(cases[_i].argument, &why);
	for (i = 0; i < 7 && cases[_i].words[i]; i++)
		expect(said(), cases[_i].words[i]);
}
END_TEST

START_TEST(an_address_is_taken_in_any_spelling)
{
	static const struct {
		const char *text, *normal; /* NULL: it is none */
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7:5222", "192.0.2.7:5222" },
		{ "2001:DB8:0::7", "2001:db8::7" },
		{ "[2001:db8::7]", "2001:db8::7" },
		{ "[2001:db8:0:0::7]:05222", "[2001:db8::7]:5222" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "::", "::" },
		{ "", NULL },
		{ ":", NULL },
		{ ":1", NULL },
		{ "[", NULL },
		{ "[]:1", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.7:", NULL },
		{ "192.0.2.7:65536", NULL },
		{ "192.0.2.7:x", NULL },
		{ "[192.0.2.7]:1", NULL },
		{ "2001:db8::7:65536", NULL },
		{ "localhost", NULL },
	};
	char normal[ENDPOINT_TEXT_MAX];
	bool taken = session_filter_normalise(cases[_i].text, normal);

	ck_assert_msg(taken == (cases[_i].normal != NULL), "%s",
	    cases[_i].text);
	if (taken)
		ck_assert_str_eq(normal, cases[_i].normal);
}
END_TEST

START_TEST(a_word_is_shown_whole_while_it_can_be_a_jid)
{
	static char word[4001];

	memset(word, 'x', 3071);
	ck_assert_str_eq(wording_quote(word), word);
	memset(word, 'x', 4000);
	ck_assert_uint_eq(strlen(wording_quote(word)),
	    64 + strlen("… (4000 bytes)"));
	expect(wording_quote(word), "xxx… (4000 bytes)");
	word[300] = '\0';
	expect(wording_quote_short(word), "xxx… (300 bytes)");
	word[256] = '\0';
	ck_assert_str_eq(wording_quote_short(word), word);
}
END_TEST

START_TEST(a_count_has_its_noun_and_commas)
{
	static const struct {
		uint64_t count;
		const char *text;
	} cases[] = { { 0, "0 clients" }, { 1, "1 client" },
		{ 999, "999 clients" }, { 1234, "1,234 clients" },
		{ 1000000, "1,000,000 clients" },
		{ UINT64_MAX, "18,446,744,073,709,551,615 clients" } };
	char text[WORDING_COUNT_MAX];

	ck_assert_str_eq(wording_count(cases[_i].count, "client", "clients",
			     text),
	    cases[_i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage");
	TCase *tests = tcase_create("usage");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, each_command_says_how_it_is_called, 0,
	    (int)usage_count);
	tcase_add_loop_test(tests,
	    the_beginning_of_a_command_names_those_that_begin_so, 0,
	    (int)usage_count);
	tcase_add_loop_test(tests,
	    a_word_that_is_none_names_the_near_and_all_others, 0, 8);
	tcase_add_test(tests, what_is_near_to_nothing_names_all);
	tcase_add_test(tests, a_group_begins_its_commands_only);
	tcase_add_test(tests, the_help_has_every_level);
	tcase_add_loop_test(tests, a_filter_that_is_refused_names_what_it_takes,
	    0, 11);
	tcase_add_loop_test(tests, an_address_is_taken_in_any_spelling, 0, 19);
	tcase_add_test(tests, a_word_is_shown_whole_while_it_can_be_a_jid);
	tcase_add_loop_test(tests, a_count_has_its_noun_and_commas, 0, 6);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
