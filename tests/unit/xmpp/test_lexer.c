/* SPDX-License-Identifier: Apache-2.0 */
/* Where tokens end, and what has to be looked at now: in one piece and byte by
 * byte. */
#include "common/xmpp/lexer.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *bytes;
	size_t taken; /* up to the end of the last token */
	bool due;
	enum lexer_fault fault;
} cases[] = {
	{ "<message", 0, false, LEXER_FINE },
	{ "<message id='1' to=\"a>b'\"", 0, false, LEXER_FINE },
	{ "<message>", 9, true, LEXER_FINE },
	{ "<message>text", 13, true, LEXER_FINE },
	{ "<message>text&am", 13, true, LEXER_FINE },
	{ "<message>text&amp;", 18, true, LEXER_FINE },
	{ "<message/><pres", 10, true, LEXER_FINE },
	{ "<message></message", 9, true, LEXER_FINE },
	{ " ", 1, true, LEXER_FINE },
	{ "text", 4, true, LEXER_FINE },
	{ "<m a='<", 7, true, LEXER_FINE },
	{ "<![CDAT", 0, false, LEXER_FINE },
	{ "<![CDATA[", 9, true, LEXER_FINE },
	{ "<![CDATA[>]]&<", 14, true, LEXER_FINE },
	{ "<![CDATA[x]]]>&", 14, true, LEXER_FINE },
	{ "<!", 0, false, LEXER_FINE },
	{ "<!-", 0, false, LEXER_FINE },
	{ "<!--", 0, true, LEXER_RESTRICTED },
	{ "<a/><!--", 4, true, LEXER_RESTRICTED },
	{ "<!DOCTYPE", 0, true, LEXER_RESTRICTED },
	{ "<?xm", 0, false, LEXER_FINE },
	{ "<?xml version='1.0'?", 0, false, LEXER_FINE },
	{ "<?xml version='1.0'?>", 21, true, LEXER_FINE },
	{ "<?xslt", 0, true, LEXER_RESTRICTED },
}, header_cases[] = {
	{ "<?xml version='1.0'?>", 21, false, LEXER_FINE },
	{ "<?xml version='1.0'?>\n<stream:stream a='>'", 22, false,
	    LEXER_FINE },
	{ "<stream:stream a='>'>", 21, true, LEXER_FINE },
	{ "<stream:stream a='>'> <m", 22, true, LEXER_FINE },
	{ "\xEF\xBB\xBF <s", 4, false, LEXER_FINE },
	{ "\xEF\xBB ", 3, false, LEXER_FINE },
	{ " \xEF", 1, true, LEXER_NO_HEADER },
	{ "stream", 0, true, LEXER_NO_HEADER },
	{ "&", 0, true, LEXER_NO_HEADER },
};

static void
check(const char *bytes, size_t step, bool header, size_t taken, bool due,
    enum lexer_fault fault)
{
	size_t at, now, len = strlen(bytes), found = 0, part;
	struct lexer lexer;

	lexer_init(&lexer, header);
	for (at = 0; at < len; at += now) {
		now = MIN(step, len - at);
		part = lexer_take(&lexer, bytes + at, now);
		found = part ? at + part : found;
	}
	ck_assert_msg(found == taken && lexer_is_due(&lexer) == due &&
			  lexer.fault == fault,
	    "%s by %zu: %zu, due %d, fault %d", bytes, step, found,
	    lexer_is_due(&lexer), lexer.fault);
}

START_TEST(test_each_beginning_is_seen_for_what_it_is)
{
	size_t i, step;

	for (step = 1; step < 30; step++) {
		for (i = 0; i < ARRAY_LEN(cases); i++)
			check(cases[i].bytes, step, false, cases[i].taken,
			    cases[i].due, cases[i].fault);
		for (i = 0; i < ARRAY_LEN(header_cases); i++)
			check(header_cases[i].bytes, step, true,
			    header_cases[i].taken, header_cases[i].due,
			    header_cases[i].fault);
	}
}
END_TEST

START_TEST(test_text_is_due_between_elements_and_not_inside)
{
	static const char *const inside[] = { "<a>", "<a><b>", "<a><b></b>",
		"<a><b/>", "<a x='/'>", "<a><b c='/' />" };
	static const char *const between[] = { "<a></a>", "<a/>", "<a />",
		"<a><b/></a>", "<a><b x='>'></b></a >" };
	struct lexer lexer;
	size_t i;

	for (i = 0; i < ARRAY_LEN(inside); i++) {
		lexer_init(&lexer, false);
		lexer_take(&lexer, inside[i], strlen(inside[i]));
		lexer.due = false;
		ck_assert_uint_eq(lexer_take(&lexer, "text", 4), 4);
		ck_assert_msg(!lexer_is_due(&lexer), "%s", inside[i]);
	}
	for (i = 0; i < ARRAY_LEN(between); i++) {
		lexer_init(&lexer, false);
		lexer_take(&lexer, between[i], strlen(between[i]));
		lexer.due = false;
		ck_assert_uint_eq(lexer_take(&lexer, "text", 4), 4);
		ck_assert_msg(lexer_is_due(&lexer), "%s", between[i]);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lexer");
	TCase *tcase = tcase_create("lexer");

	tcase_add_test(tcase, test_each_beginning_is_seen_for_what_it_is);
	tcase_add_test(tcase, test_text_is_due_between_elements_and_not_inside);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
