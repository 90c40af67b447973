/* SPDX-License-Identifier: Apache-2.0 */
/* How much of anything the recogniser takes: what clients' options allow at
 * most, with what our writers add, and not more. */
#include "common/xmpp/recognise.h"

#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/xmpp/recognised_breach.h"

#include <check.h>
#include <string.h>

static struct recogniser *recogniser;

static void
set_up(void)
{
	recogniser = recogniser_new();
}

static void
tear_down(void)
{
	recogniser_free(&recogniser);
}

static enum recognised
recognise(const struct buf *text)
{
	enum recognised kind =
	    recognise_element(recogniser, buf_bytes(text), buf_len(text));

	if (kind != RECOGNISED_NOTHING)
		ck_assert_ptr_null(recognised_breach(buf_bytes(text),
		    buf_len(text)));
	return kind;
}

static enum recognised
recognise_nested(unsigned depth)
{
	struct buf text;
	enum recognised kind;
	unsigned i;

	buf_init(&text, 0);
	buf_append_str(&text, "<message>");
	for (i = 1; i < depth; i++)
		buf_append_str(&text, "<a>");
	buf_append_str(&text, "<b/>");
	for (i = 1; i < depth; i++)
		buf_append_str(&text, "</a>");
	buf_append_str(&text, "</message>");
	kind = recognise(&text);
	buf_destroy(&text);
	return kind;
}

START_TEST(nesting_has_a_limit)
{
	ck_assert_int_eq(recognise_nested(RECOGNISE_DEPTH_MAX),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_nested(RECOGNISE_DEPTH_MAX + 1),
	    RECOGNISED_NOTHING);
}
END_TEST

/* In no order; ' a7_1="x"', or ' a7_0="x"', of which the
 * 1010th is the first again. */
static enum recognised
recognise_attributes(const char *start, bool numbered, const char *value,
    unsigned count)
{
	struct buf text;
	enum recognised kind;
	unsigned i;

	buf_init(&text, 0);
	buf_append_str(&text, "<message");
	for (i = 0; i < count; i++)
		buf_printf(&text, " %s%u_%u=\"%s\"", start, i * 7919 % 1009,
		    numbered ? i : 0, value);
	buf_append_str(&text, "/>");
	kind = recognise(&text);
	if (kind != RECOGNISED_NOTHING)
		ck_assert_ptr_null(recognised_breach(buf_bytes(&text),
		    buf_len(&text)));
	buf_destroy(&text);
	return kind;
}

START_TEST(attributes_and_declarations_have_a_limit)
{
	ck_assert_int_eq(recognise_attributes("a", true, "", 1024),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_attributes("a", true, "", 1025),
	    RECOGNISED_NOTHING);
	ck_assert_int_eq(recognise_attributes("xmlns:a", true, "u", 1024),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_attributes("xmlns:a", true, "u", 1025),
	    RECOGNISED_NOTHING);
}
END_TEST

START_TEST(of_many_attributes_each_is_there_once)
{
	ck_assert_int_eq(recognise_attributes("a", false, "", 1009),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_attributes("a", false, "", 1010),
	    RECOGNISED_NOTHING);
}
END_TEST

START_TEST(more_prefixes_in_force_than_any_stanza_has_are_refused)
{
	struct buf text;
	unsigned i;

	buf_init(&text, 0);
	buf_append_str(&text, "<message>");
	for (i = 0; i < 900; i++)
		buf_printf(&text, "<a xmlns:p%u=\"u\" xmlns:q%u=\"v\">", i, i);
	ck_assert_int_eq(recognise(&text), RECOGNISED_NOTHING);
	buf_reset(&text);
	buf_append_str(&text, "<message>"); /* not all at once */
	for (i = 0; i < 900; i++)
		buf_printf(&text, "<a xmlns:p%u=\"u\" xmlns:q%u=\"v\"/>", i, i);
	buf_append_str(&text, "</message>");
	ck_assert_int_eq(recognise(&text), RECOGNISED_MESSAGE);
	buf_destroy(&text);
}
END_TEST

static enum recognised
recognise_size(size_t size)
{
	enum recognised kind;
	struct buf text;

	buf_init(&text, 0);
	buf_append_str(&text, "<message>");
	while (buf_len(&text) < size - strlen("</message>"))
		buf_append_char(&text, 'x');
	buf_append_str(&text, "</message>");
	ck_assert_uint_eq(buf_len(&text), size);
	kind = recognise(&text);
	buf_destroy(&text);
	return kind;
}

START_TEST(size_has_a_limit_that_leaves_room_for_what_is_around)
{
	ck_assert_int_eq(recognise_size(MULTIPLEX_STANZA_MAX),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_size(RECOGNISE_BYTES_MAX),
	    RECOGNISED_MESSAGE);
	ck_assert_int_eq(recognise_size(RECOGNISE_BYTES_MAX + 1),
	    RECOGNISED_NOTHING);
}
END_TEST

/* --- what our writers make --- */

START_TEST(what_the_framer_makes_of_the_most_that_options_allow_is_recognised)
{
	static const struct framer_limits largest = {
		.element_bytes = 1 << 20,
		.depth = RECOGNISE_DEPTH_MAX,
		.attributes = RECOGNISE_ATTRIBUTES_MAX,
		.header_bytes = 4096,
	};
	struct framer *framer = framer_new(&largest, 0);
	struct buf text;
	unsigned i;

	buf_init(&text, 0);
	buf_append_str(&text, "<s:stream xmlns='" NS_CLIENT
			      "' xmlns:s='" NS_STREAM "' xml:lang='en'");
	for (i = 0; i < FRAMER_SCOPE_DECLARATIONS; i++)
		buf_printf(&text, " xmlns:h%u='u%u'", i, i);
	buf_append_str(&text, ">");
	ck_assert_int_eq(framer_feed(framer, buf_bytes(&text), buf_len(&text)),
	    FRAMER_HEADER);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	buf_reset(&text);
	buf_append_str(&text, "<message s:a=''");
	for (i = 0; i < 999; i++)
		buf_printf(&text, " h%u:a%u='&#9;'", i % 16, i);
	buf_append_str(&text, "/>");
	ck_assert_int_eq(framer_feed(framer, buf_bytes(&text), buf_len(&text)),
	    FRAMER_ELEMENT);
	ck_assert_int_eq(recognise_element(recogniser,
			     framer_element(framer)->bytes,
			     framer_element(framer)->len),
	    RECOGNISED_MESSAGE);
	buf_destroy(&text);
	framer_free(&framer);
}
END_TEST

/* Of what a <route/> around it is not part. */
START_TEST(the_answer_to_what_cannot_be_delivered_is_recognised)
{
	static const char iq[] =
	    "<iq type=\"set\" id=\"1\" from=\"a\" to=\"b\" xmlns:p=\"u\">"
	    "<p:c/><stream:d/></iq>";
	struct buf out;

	buf_init(&out, 0);
	ck_assert_int_eq(multiplex_render_undelivered(&out, (const uint8_t *)iq,
			     sizeof(iq) - 1),
	    0);
	ck_assert_int_eq(recognise_element(recogniser, buf_bytes(&out),
			     buf_len(&out)),
	    RECOGNISED_IQ_ANSWER);
	buf_destroy(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("recognise_limits");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, nesting_has_a_limit);
	tcase_add_test(all, attributes_and_declarations_have_a_limit);
	tcase_add_test(all, of_many_attributes_each_is_there_once);
	tcase_add_test(all,
	    more_prefixes_in_force_than_any_stanza_has_are_refused);
	tcase_add_test(all,
	    size_has_a_limit_that_leaves_room_for_what_is_around);
	tcase_add_test(all,
	    what_the_framer_makes_of_the_most_that_options_allow_is_recognised);
	tcase_add_test(all,
	    the_answer_to_what_cannot_be_delivered_is_recognised);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
