/* SPDX-License-Identifier: Apache-2.0 */
/* What upstream says of a stanza in its frame's header, and what a worker
 * believes of it. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "worker/parsed.h"

#include "common/xmpp/stream.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct parsed parsed;

static bool
parse(uint8_t kind, const char *text)
{
	struct frame_fields fields;
	const uint8_t *bytes = (const uint8_t *)text;

	if (!parsed_fill(kind, bytes, strlen(text), &fields))
		return false;
	ck_assert_msg(parsed_read(&fields, bytes, strlen(text), &parsed), "%s",
	    text);
	return true;
}

static void
expect_span(struct canonical_span span, const char *expected)
{
	if (expected)
		ck_assert_msg(canonical_is(span, expected), "\"%.*s\", not %s",
		    (int)span.len, span.text ? span.text : "", expected);
	else
		ck_assert_ptr_null(span.text);
}

#define BIND "<bind xmlns=\"" NS_BIND "\">"

static const struct {
	uint8_t kind;
	const char *text;
	enum parsed_type type;
	bool is_iq, is_empty, is_to_itself;
	const char *id, *from, *jid;
} answers[] = {
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a&quot;1\"/>",
	    PARSED_RESULT, true, true, false, "a&quot;1", NULL, NULL },
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"\" from=\"\"></iq>",
	    PARSED_RESULT, true, true, false, "", "", NULL },
	{ FRAME_IQ_ANSWER, "<iq from=\"x\" id=\"1\" type=\"error\"><a/></iq>",
	    PARSED_OTHER, true, false, false, "1", "x", NULL },
	{ FRAME_IQ_ANSWER,
	    "<iq type=\"result\">" BIND "<jid>a@b/c&amp;d</jid></bind></iq>",
	    PARSED_RESULT, true, false, false, NULL, NULL, "a@b/c&amp;d" },
	{ FRAME_BOUNCE, "<message type=\"error\" id=\"1\"><e/></message>",
	    PARSED_OTHER, false, false, false, "1", NULL, NULL },
	{ FRAME_BOUNCE, "<iq type=\"error\" id=\"1\"/>", PARSED_OTHER, true,
	    true, false, "1", NULL, NULL },
	{ FRAME_PRESENCE,
	    "<presence to=\"a@b/c\" from=\"a@b/c\" type=\"unavailable\"/>",
	    PARSED_UNAVAILABLE, false, true, true, NULL, "a@b/c", NULL },
	{ FRAME_PRESENCE, "<presence to=\"a\" type=\"unavailable\"/>",
	    PARSED_UNAVAILABLE, false, true, false, NULL, NULL, NULL },
};

START_TEST(what_a_worker_asks_after_is_told)
{
	ck_assert_msg(parse(answers[_i].kind, answers[_i].text),
	    "a %s should be parsed: %s",
	    frame_kind_name((enum frame_kind)answers[_i].kind),
	    answers[_i].text);
	ck_assert_int_eq(parsed.type, answers[_i].type);
	ck_assert_int_eq(parsed.is_iq, answers[_i].is_iq);
	ck_assert_int_eq(parsed.is_empty, answers[_i].is_empty);
	ck_assert_int_eq(parsed.is_to_itself, answers[_i].is_to_itself);
	expect_span(parsed.id, answers[_i].id);
	expect_span(parsed.from, answers[_i].from);
	expect_span(parsed.jid, answers[_i].jid);
}
END_TEST

static const char *const unbound[] = {
	"<iq type=\"error\">" BIND "<jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\"><bind><jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\"><bind xmlns=\"x\"><jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\"><x>" BIND "<jid>a@b/c</jid></bind></x></iq>",
	"<iq type=\"result\"><x/>" BIND "<jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\">x" BIND "<jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\">" BIND "<x/><jid>a@b/c</jid></bind></iq>",
	"<iq type=\"result\">" BIND "<x><jid>a@b/c</jid></x></bind></iq>",
	"<iq type=\"result\">" BIND "<jid/></bind></iq>",
	"<iq type=\"result\">" BIND "<jid></jid></bind></iq>",
	"<iq type=\"result\">" BIND "<jid>a@b/c<x/></jid></bind></iq>",
	"<iq type=\"result\">" BIND "<jids>a@b/c</jids></bind></iq>",
	"<iq type=\"result\">" BIND "</bind></iq>",
	"<iq type=\"result\"></iq>",
};

START_TEST(only_a_result_that_begins_with_it_binds_an_address)
{
	ck_assert_msg(parse(FRAME_IQ_ANSWER, unbound[_i]),
	    "an answer should be parsed: %s", unbound[_i]);
	ck_assert_ptr_null(parsed.jid.text);
}
END_TEST

START_TEST(what_no_worker_asks_after_costs_nothing)
{
	static const char text[] = "<iq type=\"result\" id=\"1\"/>";
	uint8_t kind;

	for (kind = 0; kind < FRAME_KIND_COUNT; kind++)
		ck_assert_int_eq(parse(kind, text),
		    kind == FRAME_IQ_ANSWER || kind == FRAME_BOUNCE);
	ck_assert_msg(!parse(FRAME_PRESENCE, "<presence/>"),
	    "presence should not be parsed without a type");
	ck_assert_msg(!parse(FRAME_IQ_ANSWER, "<iq"),
	    "a stanza that is not whole should not be parsed");
	ck_assert_msg(!parse(FRAME_IQ_ANSWER, ""),
	    "an empty text should not be parsed");
}
END_TEST

START_TEST(of_nothing_is_nothing_known)
{
	ck_assert_msg(parsed_read(&parsed_nothing, (const uint8_t *)"<x/>", 4,
			  &parsed),
	    "an item without facts should be readable");
	ck_assert_msg(!parsed.is_iq, "nothing should be known to be an <iq/>");
	ck_assert_msg(!parsed.is_empty, "nothing should be known to be empty");
	ck_assert_msg(!parsed.is_to_itself,
	    "nothing should be known to be to itself");
	expect_span(parsed.id, NULL);
	expect_span(parsed.from, NULL);
	expect_span(parsed.jid, NULL);
	ck_assert_msg(parsed_read(&parsed_nothing, NULL, 0, &parsed),
	    "no bytes without facts should be readable");
}
END_TEST

/* --- what a broken sibling may write --- */

/* As the contract says, in numbers that cannot run over. */
static bool
is_possible(struct frame_span span, size_t len)
{
	return span.at == FRAME_NOWHERE
		   ? span.len == 0
		   : (uint64_t)span.at + span.len <= (uint64_t)len;
}

static uint32_t
random_place(size_t len)
{
	const uint32_t near[] = { 0, 1, (uint32_t)len - 1, (uint32_t)len,
		(uint32_t)len + 1, UINT32_MAX, UINT32_MAX - 1,
		UINT32_MAX - (uint32_t)len, (uint32_t)random() };

	return near[(size_t)random() % ARRAY_LEN(near)];
}

static struct frame_span
random_span(size_t len)
{
	struct frame_span span;

	if (random() % 2)
		return (struct frame_span){ FRAME_NOWHERE, 0 };
	span.at = random_place(len);
	span.len = random_place(len);
	return span;
}

START_TEST(random_fields_are_believed_only_within_the_item)
{
	static const uint8_t bytes[64];
	unsigned seed = seed_random("test_parsed"), i, believed = 0;

	for (i = 0; i < 200000; i++) {
		size_t len = (size_t)random() % (sizeof(bytes) + 1);
		struct frame_fields fields = { .id = random_span(len),
			.from = random_span(len),
			.jid = random_span(len),
			.type = (uint8_t)(random() % 4),
			.marks = (uint8_t)(random() % 9) };
		bool expected = is_possible(fields.id, len) &&
				is_possible(fields.from, len) &&
				is_possible(fields.jid, len) &&
				fields.type < PARSED_TYPE_COUNT &&
				fields.marks < 8;

		ck_assert_msg(parsed_read(&fields, bytes, len, &parsed) ==
				  expected,
		    "CM_SEED=%u step %u", seed, i);
		believed += expected;
		if (expected && fields.id.at != FRAME_NOWHERE)
			ck_assert_ptr_eq(parsed.id.text,
			    (const char *)bytes + fields.id.at);
	}
	ck_assert_uint_gt(believed, 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parsed");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, what_a_worker_asks_after_is_told, 0,
	    ARRAY_LEN(answers));
	tcase_add_loop_test(all,
	    only_a_result_that_begins_with_it_binds_an_address, 0,
	    ARRAY_LEN(unbound));
	tcase_add_test(all, what_no_worker_asks_after_costs_nothing);
	tcase_add_test(all, of_nothing_is_nothing_known);
	tcase_add_test(all, random_fields_are_believed_only_within_the_item);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
