/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may see of a stanza. */
#include "common/xmpp/mask.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SASL "xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\""

static const struct {
	const char *element, *shown;
} cases[] = {
	{ "<message to=\"a@x\"><body>hello &lt;b&gt;</body></message>",
	    "<message to=\"a@x\"><body>hello &lt;b&gt;</body></message>" },
	{ "<message to=\"a@x\"><body>>/>\"]]&gt;></body>></message>",
	    "<message to=\"a@x\"><body>>/>\"]]&gt;></body>></message>" },
	{ "<auth " SASL ">>a\">b/>]]&gt;c</auth>",
	    "<auth " SASL ">***</auth>" },
	{ "<iq><query xmlns=\"jabber:iq:auth\"><password>></password>"
	  "<digest>\"/>></digest></query></iq>",
	    "<iq><query xmlns=\"jabber:iq:auth\"><password>***</password>"
	    "<digest>***</digest></query></iq>" },
	{ "<auth " SASL " mechanism=\"PLAIN\">AGEAYg==</auth>",
	    "<auth " SASL " mechanism=\"PLAIN\">***</auth>" },
	{ "<s:response "
	  "xmlns:s=\"urn:ietf:params:xml:ns:xmpp-sasl\">Yz1</s:response>",
	    "<s:response "
	    "xmlns:s=\"urn:ietf:params:xml:ns:xmpp-sasl\">***</s:response>" },
	{ "<challenge " SASL ">cj0=</challenge>",
	    "<challenge " SASL ">***</challenge>" },
	{ "<success " SASL ">dj0=</success>",
	    "<success " SASL ">***</success>" },
	{ "<success " SASL "/>", "<success " SASL "/>" },
	{ "<failure " SASL "><not-authorized/><text>no</text></failure>",
	    "<failure " SASL "><not-authorized/><text>no</text></failure>" },
	{ "<stream:features><mechanisms " SASL "><mechanism>PLAIN</mechanism>"
	  "</mechanisms></stream:features>",
	    "<stream:features><mechanisms " SASL "><mechanism>PLAIN</mechanism>"
	    "</mechanisms></stream:features>" },
	{ "<iq><query xmlns=\"jabber:iq:auth\"><username>a</username>"
	  "<password>b</password></query></iq>",
	    "<iq><query xmlns=\"jabber:iq:auth\"><username>***</username>"
	    "<password>***</password></query></iq>" },
	{ "<iq><query xmlns=\"jabber:iq:register\"><password>b &amp; "
	  "c</password>"
	  "</query></iq>",
	    "<iq><query xmlns=\"jabber:iq:register\"><password>***</password>"
	    "</query></iq>" },
	{ "<iq><x xmlns=\"jabber:x:data\"><field type=\"text-private\" "
	  "var=\"p\">"
	  "<value>b</value></field></x></iq>",
	    "<iq><x xmlns=\"jabber:x:data\"><field type=\"text-private\" "
	    "var=\"p\">"
	    "<value>***</value></field></x></iq>" },
	{ "<iq><service host=\"t\" password=\"a&gt;b\" username=\"u\"/></iq>",
	    "<iq><service host=\"t\" password=\"***\" username=\"u\"/></iq>" },
	{ "<t token=\"\"/>", "<t token=\"***\"/>" },
	{ "<m n=\"<![CDATA[\">x</m>", "***" },
	{ "<m>x<![CDATA[y]]></m>", "<m>x***" },
	{ "<m>x<!-- y --></m>", "<m>x***" },
	{ "<m n='a'/>", "***" },
	{ "<m password=\"a>b\"/>", "***" },
	{ "<auth " SASL ">a<b c='d'>e</auth>", "<auth " SASL ">***" },
	{ "<auth " SASL ">a<!-- b --></auth>", "<auth " SASL ">***" },
	{ "<?xml version='1.0'?><stream:stream id=\"a\" version=\"1.0\">",
	    "<?xml version='1.0'?><stream:stream id=\"a\" version=\"1.0\">" },
	{ "</stream:stream>", "</stream:stream>" },
	{ "<?xml", "***" },
	{ "text", "text" },
	{ "<t password=\"cut", "***" },
	{ "", "" },
};

START_TEST(secrets_are_masked)
{
	struct buf out;

	buf_init(&out, 0);
	mask_secrets(cases[_i].element, strlen(cases[_i].element), &out);
	buf_append_char(&out, '\0');
	ck_assert_str_eq((const char *)buf_bytes(&out), cases[_i].shown);
	buf_destroy(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mask");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, secrets_are_masked, 0, ARRAY_LEN(cases));
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
