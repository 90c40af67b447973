/* SPDX-License-Identifier: Apache-2.0 */
/* However a stream is cut into reads: the same elements come out, each with its
 * last byte, and a byte costs the same. */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct framer_limits limits = {
	.element_bytes = 1 << 17,
	.depth = 64,
	.attributes = 64,
	.header_bytes = 1 << 17,
};

/* --- what a byte costs --- */

#define DRIPPED 40000u

static double
cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct drip {
	const char *start;
	char byte;
	unsigned options;
	bool header;
};

/* Seconds for DRIPPED bytes, each in a read of its own. */
static double
cost_of(const struct drip *drip)
{
	struct framer *framer = framer_new(&limits, drip->options);
	bool more = true;
	double before;
	unsigned i;

	if (!drip->header)
		framer_prime(framer, drip->options ? NS_MULTIPLEX : NS_CLIENT);
	ck_assert_int_eq(framer_feed(framer, drip->start, strlen(drip->start)),
	    FRAMER_MORE);
	before = cpu_s();
	for (i = 0; i < DRIPPED; i++)
		more &= framer_feed(framer, &drip->byte, 1) == FRAMER_MORE;
	ck_assert_msg(more, "no byte of the drip should complete an item");
	before = cpu_s() - before;
	framer_free(&framer);
	return before;
}

static const struct drip drips[] = {
	{ "<m a=\"", 'x', 0, false },
	{ "<m a=\"", '>', 0, false },
	{ "<m a='", '"', 0, false },
	{ "<m a='", '\xC3', 0, false },
	{ "<m a='&", 'x', 0, false },
	{ "<m xmlns:p='", 'x', 0, false },
	{ "<m", 'x', 0, false },
	{ "<m ", ' ', 0, false },
	{ "<m></m", ' ', 0, false },
	{ "<m></m", 'm', 0, false },
	{ "<m>&", 'x', 0, false },
	{ "<m>&#", '0', 0, false },
	{ "<m>", ']', 0, false },
	{ "<m>", '\r', 0, false },
	{ "<m><![CDATA[", ']', 0, false },
	{ "<m><![CDATA[", '>', 0, false },
	{ "<?xml ", ' ', 0, true },
	{ "<stream:stream a='", '>', 0, true },
	{ "<s", 's', 0, true },
	{ "<route streamid='", '>', FRAMER_UNWRAP, false },
	{ "<route><m a='", '>', FRAMER_UNWRAP, false },
	{ "<route>&", 'x', FRAMER_UNWRAP, false },
};

START_TEST(test_a_byte_that_completes_nothing_costs_no_more_than_text)
{
	static const struct drip text = { "<m>", 'x', 0, false };
	double usual = cost_of(&text), cost;
	size_t i;

	for (i = 0; i < ARRAY_LEN(drips); i++) {
		cost = cost_of(&drips[i]);
		ck_assert_msg(cost < 6 * usual,
		    "%s and then %c, byte by byte: %.3f s; text: %.3f s",
		    drips[i].start, drips[i].byte, cost, usual);
	}
}
END_TEST

/* --- what need not be waited for --- */

/* The bytes it took to have it refused, one at a time. */
static void
expect_refusal(bool header, const char *bytes, size_t expected,
    enum framer_result result_expected)
{
	struct framer *framer = framer_new(&limits, 0);
	enum framer_result result = FRAMER_MORE;
	size_t fed = 0;

	if (!header)
		framer_prime(framer, NS_CLIENT);
	while (result == FRAMER_MORE && bytes[fed])
		result = framer_feed(framer, bytes + fed++, 1);
	ck_assert_msg(result == result_expected && fed == expected,
	    "%s: %s after %zu", bytes, framer_result_name(result), fed);
	framer_reset(framer);
	if (!header)
		framer_prime(framer, NS_CLIENT);
	ck_assert_int_eq(framer_feed(framer, bytes, strlen(bytes)),
	    result_expected);
	framer_free(&framer);
}

START_TEST(test_what_is_restricted_is_refused_before_it_ends)
{
	expect_refusal(false, "<!-- never ends", 4, FRAMER_RESTRICTED);
	expect_refusal(false, "<m><!-- never ends", 7, FRAMER_RESTRICTED);
	expect_refusal(false, "<?php never ends", 3, FRAMER_RESTRICTED);
	expect_refusal(false, "<?xml-style never ends", 6, FRAMER_RESTRICTED);
	expect_refusal(false, "<m><!DOCTYPE never ends", 6, FRAMER_RESTRICTED);
	expect_refusal(true, "<!-- never ends", 4, FRAMER_RESTRICTED);
	expect_refusal(true, "<?xml version='1.0'?><?p never ends", 24,
	    FRAMER_RESTRICTED);
	expect_refusal(true, "<!DOCTYPE never ends", 3, FRAMER_RESTRICTED);
	expect_refusal(true, "\xEF\xBB\xBF\n<!ENTITY never", 7,
	    FRAMER_RESTRICTED);
	expect_refusal(true, "never ends", 1, FRAMER_NOT_WELL_FORMED);
	expect_refusal(true, " 'never ends", 2, FRAMER_NOT_WELL_FORMED);
	expect_refusal(false, "<m a='<", 7, FRAMER_NOT_WELL_FORMED);
	expect_refusal(false, "<m <", 4, FRAMER_NOT_WELL_FORMED);
}
END_TEST

/* --- the same whatever the segmentation --- */

#define ELEMENTS_MAX 12u

static uint32_t state;

static unsigned
random_below(unsigned limit)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % limit;
}

static const char *
any_of(const char *const *list, size_t count)
{
	return list[random_below((unsigned)count)];
}

static void
put_value(struct buf *out)
{
	static const char *const parts[] = { ">", "/>", "]]>", "x", "&lt;",
		"&#10;", "\xC3\xBC", "--", "\t", " ", "</a>;", "" };
	char quote = random_below(2) ? '\'' : '"';
	unsigned i, count = random_below(5);

	buf_append_char(out, (char)quote);
	for (i = 0; i < count; i++) {
		const char *part = any_of(parts, ARRAY_LEN(parts));

		if (strchr(part, '<'))
			part = quote == '"' ? "'" : "\"";
		buf_append_str(out, part);
	}
	buf_append_char(out, (char)quote);
}

static void
put_content(struct buf *out)
{
	static const char *const parts[] = { ">", "'", "\"", "text\r\n", "\r",
		"&amp;", "&#x20AC;", "\xF0\x9F\x8E\x89", "]", "]]", "-->",
		"<![CDATA[<m a='>]]]]>", "<![CDATA[]]>", "<![CDATA[ ]>]] ]]>" };

	buf_append_str(out, any_of(parts, ARRAY_LEN(parts)));
	/* "]]>" by chance would be an error. */
	buf_append_str(out, ".");
}

static void
put_element(struct buf *out, unsigned depth)
{
	static const char *const names[] = { "m", "a-1", "stream:x",
		"p:\xC3\xBC" };
	static const char *const spaces[] = { " ", "  ", "\n", "\t\r\n" };
	const char *name = any_of(names, ARRAY_LEN(names));
	unsigned i, count = random_below(4);

	buf_printf(out, "<%s xmlns:p='urn:p'", name);
	for (i = 0; i < count; i++) {
		buf_printf(out, "%sa%u%s=", any_of(spaces, ARRAY_LEN(spaces)),
		    i, random_below(2) ? " " : "");
		put_value(out);
	}
	if (random_below(4) == 0) {
		buf_append_str(out, random_below(2) ? "/>" : " />");
		return;
	}
	buf_append_char(out, '>');
	for (i = random_below(4); i > 0; i--) {
		if (depth < 4 && random_below(2))
			put_element(out, depth + 1);
		else
			put_content(out);
	}
	buf_printf(out, random_below(2) ? "</%s>" : "</%s >", name);
}

/* ends_out: where each of the elements does, the header too. */
static unsigned
make_stream(struct buf *out, bool packets, size_t *ends_out)
{
	unsigned i, count = 1 + random_below(ELEMENTS_MAX - 1);

	buf_append_str(out, random_below(2) ? "<?xml version='1.0'?>\n" : "");
	buf_printf(out, "<stream:stream xmlns='%s' b='>' xmlns:stream='%s'>",
	    packets ? NS_MULTIPLEX : NS_CLIENT, NS_STREAM);
	ends_out[0] = buf_len(out);
	for (i = 1; i < count; i++) {
		buf_append_str(out, random_below(2) ? " \r\n" : "");
		buf_append_str(out, packets ? "<route streamid='>'>" : "");
		put_element(out, 0);
		buf_append_str(out, packets ? "</route>" : "");
		ends_out[i] = buf_len(out);
	}
	return count;
}

static unsigned
take(struct framer *framer, enum framer_result result, struct buf *out)
{
	unsigned count = 0;

	while (result != FRAMER_MORE) {
		const struct element *element = framer_element(framer);

		buf_append_str(out, framer_result_name(result));
		if (!framer_is_suspended(framer))
			return count;
		buf_append(out, element->bytes, element->len);
		buf_append(out, element->text, element->text_len);
		count++;
		result = framer_resume(framer);
	}
	return count;
}

static unsigned
ended_by(const size_t *ends, unsigned count, size_t at)
{
	unsigned i;

	for (i = 0; i < count && ends[i] <= at;)
		i++;
	return i;
}

/* most: bytes of one read; 0: all. */
static void
run(const struct buf *stream, bool packets, const size_t *ends, unsigned count,
    unsigned most, struct buf *out)
{
	struct framer *framer =
	    framer_new(&limits, packets ? FRAMER_UNWRAP : 0);
	size_t at, now, len = buf_len(stream);
	unsigned elements = 0;

	for (at = 0; at < len; at += now) {
		now = most ? 1 + random_below(most) : len;
		now = MIN(now, len - at);
		elements += take(framer,
		    framer_feed(framer, buf_bytes(stream) + at, now), out);
		if (elements != ended_by(ends, count, at + now))
			ck_abort_msg("%u elements at %zu", elements, at + now);
	}
	ck_assert_msg(framer_is_lendable(framer),
	    "a framer behind a whole element should be lendable");
	framer_free(&framer);
}

START_TEST(test_elements_come_with_their_last_byte_however_they_are_cut)
{
	static const unsigned most[] = { 1, 2, 7, 50, 1000 };
	struct buf stream, whole, pieces;
	size_t ends[ELEMENTS_MAX], i;
	unsigned count, round;

	state = seed_random("test_framer_split");
	buf_init(&stream, 0);
	buf_init(&whole, 0);
	buf_init(&pieces, 0);
	for (round = 0; round < 150; round++) {
		bool packets = round % 2;

		buf_reset(&stream);
		buf_reset(&whole);
		count = make_stream(&stream, packets, ends);
		run(&stream, packets, ends, count, 0, &whole);
		for (i = 0; i < ARRAY_LEN(most); i++) {
			buf_reset(&pieces);
			run(&stream, packets, ends, count, most[i], &pieces);
			ck_assert_uint_eq(buf_len(&pieces), buf_len(&whole));
			ck_assert_mem_eq(buf_bytes(&pieces), buf_bytes(&whole),
			    buf_len(&whole));
		}
	}
	buf_destroy(&stream);
	buf_destroy(&whole);
	buf_destroy(&pieces);
}
END_TEST

START_TEST(test_the_rest_behind_an_element_is_all_that_was_not_parsed)
{
	static const char input[] = "<a/><b x='>' /><c y='unfinished";
	struct framer *framer = framer_new(&limits, 0);
	char rest[64];

	framer_prime(framer, NS_CLIENT);
	ck_assert_int_eq(framer_feed(framer, input, sizeof(input) - 1),
	    FRAMER_ELEMENT);
	ck_assert_uint_gt(framer_rest_bytes(framer), 0);
	ck_assert_uint_eq(framer_take_rest(framer, rest, sizeof(rest)),
	    sizeof(input) - 5);
	ck_assert_mem_eq(rest, input + 4, sizeof(input) - 5);
	ck_assert_uint_eq(framer_take_rest(framer, rest, 20), 20);
	ck_assert_int_eq(framer_resume(framer), FRAMER_ELEMENT);
	ck_assert_uint_gt(framer_rest_bytes(framer), 0);
	ck_assert_uint_eq(framer_take_rest(framer, rest, sizeof(rest)), 16);
	ck_assert_mem_eq(rest, input + 15, 16);
	framer_free(&framer);
}
END_TEST

/* --- behind a header that was read elsewhere --- */

static const char *
scope_of(struct framer *framer, const char *attributes)
{
	char header[2048];

	snprintf(header, sizeof(header), "<stream:stream %s xmlns:stream='%s'>",
	    attributes, NS_STREAM);
	framer_reset(framer);
	ck_assert_int_eq(framer_feed(framer, header, strlen(header)),
	    FRAMER_HEADER);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	return framer_scope(framer);
}

START_TEST(test_a_framer_primed_with_a_scope_is_like_one_that_read_the_header)
{
	static const char input[] = "<m q:a='1'><q:b><r:c/></q:b></m>";
	struct framer *read = framer_new(&limits, 0);
	struct framer *primed = framer_new(&limits, 0);
	struct buf one, other;
	char *scope;

	ck_assert_ptr_null(scope_of(read, "xmlns='jabber:client' a='b'"));
	scope = strdup(scope_of(read,
	    "xmlns='jabber:client' xmlns:q=\"a'&lt;&amp;&#10;\" "
	    "xmlns:r='urn:r'"));
	ck_assert_str_eq(scope,
	    scope_of(read, "xmlns:r='urn:r' xmlns='jabber:client' to='x' "
			   "xmlns:q='a&#39;&lt;&amp;&#10;'"));
	buf_init(&one, 0);
	buf_init(&other, 0);
	ck_assert_msg(framer_prime_scope(primed, scope),
	    "the scope should be taken: %s", scope);
	ck_assert_msg(framer_is_lendable(primed),
	    "the primed framer should be lendable");
	ck_assert_msg(framer_is_lendable(read),
	    "the one that read the header should be lendable");
	ck_assert_str_eq(framer_scope(primed), scope);
	take(read, framer_feed(read, input, strlen(input)), &one);
	take(primed, framer_feed(primed, input, strlen(input)), &other);
	ck_assert_uint_eq(buf_len(&one), buf_len(&other));
	ck_assert_mem_eq(buf_bytes(&one), buf_bytes(&other), buf_len(&one));
	ck_assert_int_eq(framer_feed(primed, "</stream:stream>", 16),
	    FRAMER_END);
	framer_prime(primed, NS_CLIENT);
	ck_assert_ptr_null(framer_scope(primed));
	ck_assert_int_eq(framer_feed(primed, input, strlen(input)),
	    FRAMER_BAD_NAMESPACE);
	free(scope);
	buf_destroy(&one);
	buf_destroy(&other);
	framer_free(&read);
	framer_free(&primed);
}
END_TEST

/* A lent one is often not primed again: nothing of its last limits is left. */
START_TEST(test_new_limits_are_those_of_the_next_element)
{
	struct framer_limits small = limits;
	struct framer *framer = framer_new(&limits, 0);
	static const char tag[] = "<m a='\"\"\"\"\"\"\"\"\"\"\"\"'/>";

	framer_prime(framer, NS_CLIENT);
	small.output_bytes = 40;
	framer_set_limits(framer, &small);
	ck_assert_int_eq(framer_feed(framer, "<m/>", 4), FRAMER_ELEMENT);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	framer_set_limits(framer, &limits);
	ck_assert_int_eq(framer_feed(framer, tag, strlen(tag)), FRAMER_ELEMENT);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	framer_set_limits(framer, &small);
	ck_assert_int_eq(framer_feed(framer, tag, strlen(tag)), FRAMER_TOO_BIG);
	framer_free(&framer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer_split");
	TCase *tcase = tcase_create("framer_split");

	tcase_add_test(tcase,
	    test_a_byte_that_completes_nothing_costs_no_more_than_text);
	tcase_add_test(tcase,
	    test_what_is_restricted_is_refused_before_it_ends);
	tcase_add_test(tcase,
	    test_elements_come_with_their_last_byte_however_they_are_cut);
	tcase_add_test(tcase,
	    test_the_rest_behind_an_element_is_all_that_was_not_parsed);
	tcase_add_test(tcase,
	    test_a_framer_primed_with_a_scope_is_like_one_that_read_the_header);
	tcase_add_test(tcase, test_new_limits_are_those_of_the_next_element);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
