/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes back when a stanza could not go on. On a link one undeclared
 * prefix, or one declared twice, ends the link for all its clients (PROTOCOL.md
 * §6.6), so each answer must stand alone whatever it answers.
 */
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/xmpp/meaning.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/unit/xmpp/multiplex_rig.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct multiplex_names names = { "example.org", "cm1" };

static const struct stanza_fault conflict = { "wait", "conflict", "why" };
static struct multiplex_item
decode(const char *inner)
{
	static const char start[] = "<route streamid='s'>", end[] = "</route>";
	struct multiplex_item item;

	framer_prime(framer, NS_MULTIPLEX);
	ck_assert_int_eq(framer_feed(framer, start, sizeof(start) - 1),
	    FRAMER_MORE);
	ck_assert_int_eq(framer_feed(framer, inner, strlen(inner)),
	    FRAMER_MORE);
	ck_assert_int_eq(framer_feed(framer, end, sizeof(end) - 1),
	    FRAMER_ELEMENT);
	item = rig_item();
	ck_assert_int_eq(item.kind, MULTIPLEX_PACKET);
	return item;
}

/* Alone, as the server parses it. */
static void
expect_stands_alone(void)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct meaning meaning;

	ck_assert_ptr_null(safe_profile_breach(buf_bytes(&out), buf_len(&out),
	    NULL));
	meaning_read(&meaning, &plain, "<r>", buf_bytes(&out), buf_len(&out),
	    "</r>");
	ck_assert_msg(meaning.whole,
	    "what is returned should be whole XML by itself");
	meaning_free(&meaning);
}

static bool
says(const char *text)
{
	return memmem(buf_bytes(&out), buf_len(&out), text, strlen(text)) !=
	       NULL;
}

static void
expect_says(const char *text)
{
	ck_assert_msg(says(text), "%s should be in %.*s", text,
	    (int)buf_len(&out), (const char *)buf_bytes(&out));
}

static void
expect_never_says(const char *text)
{
	ck_assert_msg(!says(text), "%s should not be in %.*s", text,
	    (int)buf_len(&out), (const char *)buf_bytes(&out));
}

static void
return_it(const char *inner)
{
	struct multiplex_item item = decode(inner);

	buf_reset(&out);
	if (item.content == CONTENT_MESSAGE)
		ck_assert_int_eq(multiplex_render_failed(&out, &names, "s", "1",
				     item.bytes, item.len),
		    0);
	else if (item.content == CONTENT_IQ_REQUEST)
		ck_assert_int_eq(multiplex_render_undelivered(&out, item.bytes,
				     item.len),
		    0);
	else
		ck_abort_msg("not to be returned: %s", inner);
	expect_stands_alone();
}

START_TEST(test_the_streams_prefix_is_declared_once)
{
	return_it("<iq type='get' id='1'><x><stream:y/></x></iq>");
	expect_says(" xmlns:stream=\"" NS_STREAM "\"");
	return_it("<iq type='get' id='1' "
		  "xmlns:stream='urn:x'><stream:y/></iq>");
	expect_says(" xmlns:stream=\"urn:x\"");
	expect_never_says(NS_STREAM);
	return_it("<message><stream:y/></message>");
	expect_says(" xmlns:stream=\"" NS_STREAM "\"");
	return_it("<message xmlns:stream='urn:x'><stream:y/></message>");
	expect_never_says(NS_STREAM);
	return_it("<message><x xmlns:stream='urn:x'><stream:y/></x></message>");
}
END_TEST

START_TEST(test_ends_of_tags_in_text_go_back_as_they_came)
{
	return_it("<message id='>'>>/><body>>&gt;]]&gt;\">&lt;/message></body>"
		  "></message>");
	expect_says(" id=\"&gt;\">>/><body>>>]]&gt;\">&lt;/message></body>>"
		    "</message>");
	return_it("<iq type='get' id='1' to='>'>><q>/>]]&gt;</q>></iq>");
	expect_says(" from=\"&gt;\">><q>/>]]&gt;</q>><error ");
	return_it("<message>><stream:y/> xmlns:stream=\"></message>");
	expect_says(" xmlns:stream=\"" NS_STREAM "\">><stream:y");
}
END_TEST

START_TEST(test_a_request_with_too_many_prefixes_is_answered_without_them)
{
	struct buf inner;
	int i;

	buf_init(&inner, 0);
	buf_append_str(&inner, "<iq type='get' id='1' from='a@x'");
	for (i = 0; i < 40; i++)
		buf_printf(&inner, " xmlns:p%d='u'", i);
	buf_append_str(&inner, "><p39:x/></iq>");
	buf_append_char(&inner, '\0');
	return_it((const char *)buf_bytes(&inner));
	expect_says("<iq type=\"error\" id=\"1\" to=\"a@x\"><error ");
	buf_destroy(&inner);
}
END_TEST

START_TEST(test_stanzas_by_name_alone_are_not_returned)
{
	static const char *const others[] = {
		"<message xmlns='urn:x'/>",
		"<message xmlns=''/>",
		"<iq xmlns='urn:x' type='get' id='1'/>",
		"<p:message xmlns:p='jabber:connectionmanager'/>",
		"<p:iq xmlns:p='jabber:connectionmanager' type='get' id='1'/>",
		"<messages/>",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_int_eq(decode(others[i]).content, CONTENT_OTHER);
	ck_assert_int_eq(decode("<message xmlns='jabber:client'/>").content,
	    CONTENT_MESSAGE);
	ck_assert_int_eq(decode("<p:message xmlns:p='jabber:client'/>").content,
	    CONTENT_MESSAGE);
}
END_TEST

START_TEST(test_two_prefixes_of_one_namespace_do_not_make_one_attribute)
{
	struct multiplex_item item =
	    decode("<message xmlns:p='jabber:connectionmanager' "
		   "xmlns:q='jabber:client' p:a='1' q:a='2'/>");
	const char *expected =
	    "<message xmlns:p=\"jabber:connectionmanager\" "
	    "xmlns:q=\"jabber:client\" p:a=\"1\" q:a=\"2\"/>";

	ck_assert_uint_eq(item.len, strlen(expected));
	ck_assert_mem_eq(item.bytes, expected, item.len);
}
END_TEST

START_TEST(test_what_is_no_stanza_is_not_returned)
{
	static const char *const texts[] = { "", "<", "<iq", "<iq type=\"get\"",
		"<iq type=\"get", "<iq type=\"get\">", "<iq type=\"get\"></",
		"<message", "<messages/>", "message", "<presence/>",
		"<iq type=\"result\"/>", "<iq type=\"error\"/>", "<iq/>" };
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		const uint8_t *bytes = (const uint8_t *)texts[i];

		len = strlen(texts[i]);
		ck_assert_int_eq(multiplex_render_undelivered(&out, bytes, len),
		    -ENOENT);
		ck_assert_int_eq(multiplex_render_failed(&out, &names, "s", "1",
				     bytes, len),
		    -ENOENT);
		ck_assert_int_eq(multiplex_render_bounce(&out, bytes, len,
				     &conflict),
		    -ENOENT);
		ck_assert_uint_eq(buf_len(&out), 0);
	}
}
END_TEST

START_TEST(test_what_is_too_long_for_the_link_does_not_go_up_again)
{
	static const char end[] = "</body></message>";
	static const char iq_end[] = "</q></iq>";
	struct buf stanza;
	size_t i;

	buf_init(&stanza, 0);
	buf_append_str(&stanza, "<message><body>");
	for (i = 0; i < 1048576; i++)
		buf_append_char(&stanza, 'x');
	buf_append(&stanza, end, sizeof(end) - 1);
	ck_assert_int_eq(multiplex_render_failed(&out, &names, "s", "1",
			     buf_bytes(&stanza), buf_len(&stanza)),
	    -ENOENT);
	buf_reset(&stanza);
	buf_append_str(&stanza, "<iq type=\"get\" id=\"1\"><q>");
	for (i = 0; i < 1048576; i++)
		buf_append_char(&stanza, 'x');
	buf_append(&stanza, iq_end, sizeof(iq_end) - 1);
	ck_assert_int_eq(multiplex_render_undelivered(&out, buf_bytes(&stanza),
			     buf_len(&stanza)),
	    0);
	ck_assert_uint_lt(buf_len(&out), 1000);
	expect_stands_alone();
	buf_destroy(&stanza);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("multiplex_return");
	TCase *tcase = tcase_create("multiplex_return");

	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, test_the_streams_prefix_is_declared_once);
	tcase_add_test(tcase, test_ends_of_tags_in_text_go_back_as_they_came);
	tcase_add_test(tcase,
	    test_a_request_with_too_many_prefixes_is_answered_without_them);
	tcase_add_test(tcase, test_stanzas_by_name_alone_are_not_returned);
	tcase_add_test(tcase,
	    test_two_prefixes_of_one_namespace_do_not_make_one_attribute);
	tcase_add_test(tcase, test_what_is_no_stanza_is_not_returned);
	tcase_add_test(tcase,
	    test_what_is_too_long_for_the_link_does_not_go_up_again);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
