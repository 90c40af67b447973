/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends may not outgrow the limit that it was told: what goes up
 * is measured, too, and text does not grow (PROTOCOL.md §6.6). */
#include "common/base/buf.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdlib.h>

#define SMALL \
	"<xmpp><parser><buffer><size>20000</size></buffer></parser></xmpp>"
#define PREAUTH \
	"<xmpp><client><stanza><preauth>1024</preauth></stanza></client></" \
	"xmpp>"

/* start, so many bytes, end: to be freed. */
static char *
filled(const char *start, char byte, size_t count, const char *end)
{
	size_t head = strlen(start);
	char *text = malloc(head + count + strlen(end) + 1);

	memcpy(text, start, head);
	memset(text + head, byte, count);
	strcpy(text + head + count, end);
	return text;
}

static void
send_filled(const char *start, char byte, size_t count, const char *end)
{
	char *text = filled(start, byte, count, end);

	peer_send(&peer, text);
	free(text);
}

START_TEST(text_full_of_tag_ends_goes_up_as_long_as_it_came)
{
	char *text = filled("<message><body>", '>', 19960, "</body></message>");

	begin(SMALL);
	peer_login(&peer, &frame);
	peer_send(&peer, text);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, text);
	free(text);
	finish();
}
END_TEST

/* Pieces that stay as long as they are, and such as grow. */
static const struct growth {
	const char *start, *piece, *end;
	size_t count;
	bool passes; /* the limit is 20000 */
} growths[] = {
	{ "<message a='", "\"", "'/>", 3330, true },
	{ "<message a='", "\"", "'/>", 3331, false },
	{ "<message a='", "\"", "'/>", 19900, false },
	{ "<message a='", ">", "'/>", 4900, true },
	{ "<message a='", ">", "'/>", 5000, false },
	{ "<message a='", "&#34;", "'/>", 3331, false },
	{ "<message a='", "&#9;", "'/>", 4990, true },
	{ "<message a='", "&#xA;", "'/>", 3900, true },
	{ "<message a='", "\t", "'/>", 19900, true },
	{ "<message><x a='", "\"", "'/></message>", 3400, false },
	{ "<message><![CDATA[", "&", "]]></message>", 3900, true },
	{ "<message><![CDATA[", "&", "]]></message>", 4000, false },
	{ "<message><![CDATA[", "<", "]]></message>", 5000, false },
	{ "<message><![CDATA[", ">", "]]></message>", 19900, true },
	{ "<message>", "&#93;&#93;>", "</message>", 1800, true },
	{ "<message><![CDATA[", "]]>]]&gt;<![CDATA[", "]]></message>", 1100,
	    true },
	{ "<message>", "<x:a/>", "</message>", 800, true },
	{ "<message>", "<x:a/>", "</message>", 1000, false },
	{ "<message>", "<a xmlns='urn:a'/>", "</message>", 1100, true },
};

/* Logged in; the header declares a prefix. */
static void
login_declaring(void)
{
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	peer_succeed(&peer, &frame);
	peer_send(&peer, PEER_OPEN " xmlns:x='urn:x'>");
	peer_expect(&peer, "</stream:features>");
}

START_TEST(what_grows_past_the_limit_ends_the_stream)
{
	const struct growth *c = &growths[_i];
	struct buf said;
	size_t i;

	buf_init(&said, 0);
	buf_append_str(&said, c->start);
	for (i = 0; i < c->count; i++)
		buf_append_str(&said, c->piece);
	buf_append_str(&said, c->end);
	ck_assert_uint_le(buf_len(&said), 20000);
	begin(SMALL);
	login_declaring();
	peer_send_bytes(&peer, buf_bytes(&said), buf_len(&said));
	if (c->passes) {
		rig_take(FRAME_MESSAGE, &frame);
	} else {
		peer_expect_error(&peer, "policy-violation");
		ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_BIG), 1);
		rig_take(FRAME_CLOSE, &frame);
	}
	buf_destroy(&said);
	finish();
}
END_TEST

#define START "<message to=\"b@example.org\"><body>"
#define END   "</body></message>"

START_TEST(a_stanza_of_just_the_limit_passes)
{
	size_t room = 20000 - strlen(START END);

	begin(SMALL);
	peer_login(&peer, &frame);
	send_filled(START, 'x', room, END);
	rig_take(FRAME_MESSAGE, &frame);
	send_filled(START, '>', room, END);
	rig_take(FRAME_MESSAGE, &frame);
	send_filled(START, 'x', room + 1, END);
	peer_expect_error(&peer, "policy-violation");
	finish();
}
END_TEST

START_TEST(preparing_an_address_takes_nothing_from_the_limit)
{
	char start[1200] = "<message to=\"b@example.org/";
	int i;

	for (i = 0; i < 300; i++)
		strcat(start,
		    "\xEF\xBC\x82"); /* prepared, a quote of six bytes */
	strcat(start, "\">");
	begin(SMALL);
	peer_login(&peer, &frame);
	send_filled(start, 'x', 20000 - strlen(start) - strlen("</message>"),
	    "</message>");
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "/&quot;&quot;&quot;");
	ck_assert_uint_gt(strlen(frame.text), 20900);
	finish();
}
END_TEST

START_TEST(an_unauthenticated_client_may_not_grow_past_its_limit)
{
	begin(PREAUTH);
	peer_greet(&peer);
	send_filled(START, '>', 1024 - strlen(START END), END);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_MESSAGE, &frame);
	send_filled("<message a='", '"', 300, "'/>");
	peer_expect_error(&peer, "policy-violation");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_BIG), 1);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client growth");
	TCase *tcase = tcase_create("growth");

	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, text_full_of_tag_ends_goes_up_as_long_as_it_came);
	tcase_add_loop_test(tcase, what_grows_past_the_limit_ends_the_stream, 0,
	    (int)ARRAY_LEN(growths));
	tcase_add_test(tcase, a_stanza_of_just_the_limit_passes);
	tcase_add_test(tcase,
	    preparing_an_address_takes_nothing_from_the_limit);
	tcase_add_test(tcase,
	    an_unauthenticated_client_may_not_grow_past_its_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
