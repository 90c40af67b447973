/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may cost: sizes, depth, names, memory; and that a link goes on
 * behind what is too much of it. */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct framer_limits limits = {
	.element_bytes = 4096,
	.depth = 8,
	.attributes = 8,
	.header_bytes = 1024,
};

static struct buf input;

static void
setup(void)
{
	buf_init(&input, 0);
}

static void
teardown(void)
{
	buf_destroy(&input);
}

static void
put(const char *text, unsigned times)
{
	while (times-- > 0)
		buf_append_str(&input, text);
}

static enum framer_result
feed(struct framer *framer, size_t step)
{
	enum framer_result result = FRAMER_MORE;
	size_t at, now;

	for (at = 0; at < buf_len(&input) && result == FRAMER_MORE; at += now) {
		now = MIN(step, buf_len(&input) - at);
		result = framer_feed(framer, buf_bytes(&input) + at, now);
	}
	return result;
}

/* In one piece and byte by byte. */
static void
expect(unsigned options, bool primed, enum framer_result expected)
{
	static const size_t steps[] = { 1, 100, 1 << 20 };
	struct framer *framer;
	size_t i;

	for (i = 0; i < ARRAY_LEN(steps); i++) {
		framer = framer_new(&limits, options);
		if (primed)
			framer_prime(framer, NS_CLIENT);
		ck_assert_str_eq(framer_result_name(feed(framer, steps[i])),
		    framer_result_name(expected));
		framer_free(&framer);
	}
	buf_reset(&input);
}

START_TEST(test_a_header_may_be_as_long_as_the_limit_and_no_longer)
{
	static const char start[] = "<s:s xmlns:s='u' to='", end[] = "'>";
	unsigned room = 1024 - (sizeof(start) - 1) - (sizeof(end) - 1);

	put(start, 1);
	put("x", room);
	put(end, 1);
	expect(0, false, FRAMER_HEADER);
	put(start, 1);
	put("x", room + 1);
	put(end, 1);
	expect(0, false, FRAMER_TOO_BIG);
	put("<s to='", 1);
	put("x", 4096);
	expect(0, false, FRAMER_TOO_BIG);
	/* Nothing behind it can be told from it, so it is not skipped. */
	expect(FRAMER_UNWRAP, false, FRAMER_MORE);
	put("<s to='", 1);
	put("x", 4096);
	expect(FRAMER_UNWRAP, false, FRAMER_NO_MEMORY);
}
END_TEST

START_TEST(test_a_header_that_grows_when_looked_at_is_too_big)
{
	struct framer_limits wide = limits;
	struct framer *framer;
	unsigned i;

	wide.header_bytes = 16384;
	put("<s:s xmlns:s='", 1);
	put("u", 3000);
	put("'", 1);
	for (i = 0; i < 20; i++)
		buf_printf(&input, " s:a%u=''", i);
	put(">", 1);
	framer = framer_new(&wide, 0);
	ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_TOO_BIG);
	framer_free(&framer);
}
END_TEST

START_TEST(test_a_client_nests_and_declares_up_to_the_limit)
{
	put("<a>", 9);
	put("</a>", 9);
	expect(0, true, FRAMER_ELEMENT);
	put("<a>", 10);
	expect(0, true, FRAMER_TOO_DEEP);
	put("<a a='' b='' c='' d='' e='' f='' xmlns:g='u' xmlns:h='u'/>", 1);
	expect(0, true, FRAMER_ELEMENT);
	put("<a a='' b='' c='' d='' e='' f='' xmlns:g='u' xmlns:h='u' "
	    "xmlns:i='u'/>",
	    1);
	expect(0, true, FRAMER_TOO_MANY_ATTRIBUTES);
	put("<a xmlns:a='u' xmlns:b='u' xmlns:c='u' xmlns:d='u' xmlns:e='u'>"
	    "<b xmlns:f='u' xmlns:g='u' xmlns:h='u' xmlns:i='u' xmlns:j='u'/>",
	    1);
	expect(0, true, FRAMER_TOO_MANY_ATTRIBUTES);
}
END_TEST

/* Each name in a namespace costs as much as the namespace's own is long. */
START_TEST(test_what_names_a_namespace_is_short)
{
	static const char *const starts[] = { "<a xmlns='", "<a xmlns:p='",
		"<a><b xmlns:p='" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(starts); i++) {
		put(starts[i], 1);
		put("u", FRAMER_NAMESPACE_BYTES + 1);
		put("'/>", 1);
		expect(0, true, FRAMER_TOO_BIG);
	}
	put("<a xmlns:", 1);
	put("p", FRAMER_NAMESPACE_BYTES + 1);
	put("='u'/>", 1);
	expect(0, true, FRAMER_TOO_BIG);
	put("<a xmlns:p='", 1);
	put("u", FRAMER_NAMESPACE_BYTES);
	put("'/>", 1);
	expect(0, true, FRAMER_ELEMENT);
}
END_TEST

static void
expect_skipped(const char *what)
{
	struct framer *framer = framer_new(&limits, FRAMER_UNWRAP);
	const struct element *element;
	enum framer_result result;

	put("<route streamid='next'><n/></route>", 1);
	framer_prime(framer, NS_MULTIPLEX);
	result = feed(framer, 1 << 20);
	ck_assert_msg(result == FRAMER_TOO_BIG, "%s: %s", what,
	    framer_result_name(result));
	element = framer_element(framer);
	ck_assert_str_eq(element->name, "route");
	ck_assert_str_eq(element_attribute(element, "streamid"), "big");
	ck_assert_str_eq(element->text, "");
	ck_assert_msg(framer_is_suspended(framer),
	    "the framer should be suspended");
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	element = framer_element(framer);
	ck_assert_str_eq(element_attribute(element, "streamid"), "next");
	ck_assert_mem_eq(element->bytes, "<n/>", element->len);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	framer_free(&framer);
	buf_reset(&input);
}

START_TEST(test_a_link_goes_on_behind_each_thing_that_is_too_much)
{
	unsigned i;

	put("<route streamid='big'>", 1);
	put("x", 5000);
	put("</route>", 1);
	expect_skipped("text of a packet");
	put("<route streamid='big'><m>", 1);
	put("<b/>", 5000);
	put("</m></route>", 1);
	expect_skipped("many elements");
	put("<route streamid='big'>", 1);
	put("<a>", 50);
	put("</a>", 50);
	put("</route>", 1);
	expect_skipped("depth");
	put("<route streamid='big'><m", 1);
	for (i = 0; i < 50; i++)
		buf_printf(&input, " a%u=''", i);
	put("/></route>", 1);
	expect_skipped("attributes");
	put("<route streamid='big'><m", 1);
	for (i = 0; i < 50; i++)
		buf_printf(&input, " xmlns:p%u='u'", i);
	put("/></route>", 1);
	expect_skipped("declarations");
	put("<route streamid='big'><m b='", 1);
	put("&#34;", 800); /* six bytes each when written */
	put("'/>", 1);
	put("&#13;", 2000);
	put("</route>", 1);
	expect_skipped("text that grows");
	put("<route streamid='big'><m xmlns='", 1);
	put("u", FRAMER_NAMESPACE_BYTES + 1);
	put("'/></route>", 1);
	expect_skipped("a long namespace");
}
END_TEST

START_TEST(test_strings_that_grow_are_skipped_with_an_empty_view)
{
	unsigned i;

	put("<route streamid='big'><m xmlns:p='", 1);
	put("u", 3500);
	put("'", 1);
	for (i = 0; i < 7; i++)
		buf_printf(&input, " p:a%u=''", i);
	put("/></route>", 1);
	expect_skipped("namespaces of attributes");
}
END_TEST

/* So many that the last ones begin where the room for them ends. */
START_TEST(test_attributes_that_do_not_fit_are_empty_in_the_view)
{
	struct framer_limits wide = limits;
	const struct element *element;
	struct framer *framer;
	size_t i;

	wide.element_bytes = 6144; /* room for 16384 bytes of strings */
	put("<route streamid='big'><m xmlns:p='", 1);
	put("u", 30);
	put("'", 1);
	for (i = 0; i < 500; i++)
		buf_printf(&input, " p:a%zu=''", i);
	put("/></route>", 1);
	framer = framer_new(&wide, FRAMER_UNWRAP);
	framer_prime(framer, NS_MULTIPLEX);
	ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_TOO_BIG);
	element = framer_element(framer);
	ck_assert_uint_eq(element->child_attribute_count, 500);
	for (i = 0; i < element->child_attribute_count; i++)
		ck_assert_uint_le(strlen(element->child_attributes[i].name), 4);
	ck_assert_str_eq(element->child_attributes[499].name, "");
	framer_free(&framer);
}
END_TEST

START_TEST(test_one_tag_longer_than_the_limit_ends_a_link_at_any_split)
{
	put("<route streamid='s'><m a='", 1);
	put("x", 5000);
	put("'/></route>", 1);
	expect(FRAMER_UNWRAP, true, FRAMER_NO_MEMORY);
}
END_TEST

START_TEST(test_text_that_grows_by_escaping_has_a_limit_of_its_own)
{
	struct framer_limits tight = limits;
	struct framer *framer;

	tight.output_bytes = 1000;
	framer = framer_new(&tight, 0);
	framer_prime(framer, NS_CLIENT);
	put("<m a='", 1);
	put("\"", 164); /* six bytes each when written, and ten around */
	put("'/>", 1);
	ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_ELEMENT);
	ck_assert_uint_eq(framer_element(framer)->len, 6 + 6 * 164 + 3);
	buf_reset(&input);
	framer_prime(framer, NS_CLIENT);
	put("<m a='", 1);
	put("\"", 166);
	put("'/>", 1);
	ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_TOO_BIG);
	framer_free(&framer);
}
END_TEST

/* Each name is a new one, and expat keeps what it has seen. */
static void
put_new_names(unsigned *counter)
{
	unsigned i;

	put("<route streamid='s'><m>", 1);
	for (i = 0; i < 50; i++, ++*counter)
		buf_printf(&input, "<name%u a%u=''/>", *counter, *counter);
	put("</m></route>", 1);
}

START_TEST(test_new_names_without_end_do_not_use_up_a_links_memory)
{
	struct framer *framer = framer_new(&limits, FRAMER_UNWRAP);
	size_t most = 0, cap = 4 * limits.element_bytes + 256 * 1024;
	unsigned i, counter = 0;

	framer_prime(framer, NS_MULTIPLEX);
	for (i = 0; i < 1000; i++) {
		put_new_names(&counter);
		ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_ELEMENT);
		ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
		buf_reset(&input);
		most = MAX(most, framer_memory(framer));
	}
	ck_assert_uint_gt(most, cap / 2);
	ck_assert_uint_le(most, cap);
	ck_assert_uint_eq(framer_element_count(framer), 1000);
	ck_assert_msg(framer_is_lendable(framer),
	    "the framer should be lendable behind its last element");
	framer_free(&framer);
}
END_TEST

START_TEST(test_a_framer_that_ran_out_of_memory_can_be_lent_again)
{
	struct framer_limits wide = limits;
	struct framer *framer;
	unsigned i;

	wide.element_bytes = 65536;
	for (i = 0; i < 8000; i++)
		buf_printf(&input, i ? " a%u=''" : "<m a%u=''", i);
	put("/>", 1);
	framer = framer_new(&wide, 0);
	for (i = 0; i < 3; i++) {
		framer_prime(framer, NS_CLIENT);
		ck_assert_int_eq(feed(framer, 1 << 20), FRAMER_NO_MEMORY);
	}
	framer_prime(framer, NS_CLIENT);
	ck_assert_msg(framer_is_lendable(framer),
	    "a framer that was primed anew should be lendable");
	ck_assert_int_eq(framer_feed(framer, "<a/>", 4), FRAMER_ELEMENT);
	framer_free(&framer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer_limits");
	TCase *tcase = tcase_create("framer_limits");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    test_a_header_may_be_as_long_as_the_limit_and_no_longer);
	tcase_add_test(tcase,
	    test_a_header_that_grows_when_looked_at_is_too_big);
	tcase_add_test(tcase, test_a_client_nests_and_declares_up_to_the_limit);
	tcase_add_test(tcase, test_what_names_a_namespace_is_short);
	tcase_add_test(tcase,
	    test_a_link_goes_on_behind_each_thing_that_is_too_much);
	tcase_add_test(tcase,
	    test_strings_that_grow_are_skipped_with_an_empty_view);
	tcase_add_test(tcase,
	    test_attributes_that_do_not_fit_are_empty_in_the_view);
	tcase_add_test(tcase,
	    test_one_tag_longer_than_the_limit_ends_a_link_at_any_split);
	tcase_add_test(tcase,
	    test_text_that_grows_by_escaping_has_a_limit_of_its_own);
	tcase_add_test(tcase,
	    test_new_names_without_end_do_not_use_up_a_links_memory);
	tcase_add_test(tcase,
	    test_a_framer_that_ran_out_of_memory_can_be_lent_again);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
