/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs in by jabber:iq:auth, as the question says it. */
#include "common/xmpp/framer.h"
#include "common/xmpp/login_claim.h"
#include "tests/support/check/run_suite.h"
#include "worker/client/login_jid.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HEADER \
	"<stream:stream xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define QUERY(fields) \
	"<iq type='set' id='a'><query xmlns='jabber:iq:auth'>" fields \
	"</query></iq>"

static const struct {
	const char *iq, *jid;
} cases[] = {
	{ QUERY("<username>alice</username><password>p</password>"
		"<resource>r</resource>"),
	    "alice@example.org/r" },
	{ QUERY("\n <resource>a/b@c &amp; &lt;d&gt;</resource>\n"
		"<digest>00</digest><username>Alice</username>\n"),
	    "alice@example.org/a/b@c & <d>" },
	{ "<iq type='set' id='a'>\n<query "
	  "xmlns='jabber:iq:auth'><username>alice"
	  "</username><resource>r</resource></query></iq>",
	    "alice@example.org/r" },
	{ QUERY("<username>alice</username>"
		"<resource>a&amp;#13;b</resource>"),
	    "alice@example.org/a&#13;b" },
	/* Is no address, nor the one above. */
	{ QUERY("<username>alice</username><resource>a&#13;b</resource>"),
	    NULL },
	/* Another's name in it, or none */
	{ QUERY("<x><username>bob</username></x><username>alice</username>"
		"<resource>r</resource>"),
	    NULL },
	{ QUERY("<username>bob</username><username>alice</username>"
		"<resource>r</resource>"),
	    NULL },
	{ QUERY("<username xmlns='x'>bob</username><resource>r</resource>"),
	    NULL },
	{ QUERY("<username>bob<x/></username><resource>r</resource>"), NULL },
	{ QUERY("<username>b@c</username><resource>r</resource>"), NULL },
	{ QUERY("<username>b/c</username><resource>r</resource>"), NULL },
	{ QUERY("<username>a&amp;b</username><resource>r</resource>"), NULL },
	{ QUERY("<username/><resource>r</resource>"), NULL },
	{ QUERY("<username>alice</username><resource/>"), NULL },
	{ QUERY("<username>alice</username>"), NULL },
	{ QUERY(""), NULL },
	/* Prefixes stay as they are. */
	{ "<iq type='set' id='a'><x:query xmlns:x='jabber:iq:auth'>"
	  "<x:username>alice</x:username><x:resource>r</x:resource>"
	  "</x:query></iq>",
	    NULL },
	{ "<iq type='set' id='a'/>", NULL },
	{ "<iq type='set' id='a'><query xmlns='x'><username>bob</username>"
	  "<resource>r</resource></query></iq>",
	    NULL },
};

START_TEST(the_address_is_made_of_user_and_resource)
{
	const struct framer_limits limits = { .element_bytes = 10000,
		.depth = 20,
		.attributes = 20,
		.header_bytes = 1000 };
	struct framer *framer = framer_new(&limits, 0);
	const char *iq = cases[_i].iq;
	struct login_fields fields;
	char *jid;

	ck_assert_int_eq(framer_feed(framer, (const uint8_t *)HEADER,
			     strlen(HEADER)),
	    FRAMER_HEADER);
	ck_assert_int_eq(framer_resume(framer), FRAMER_MORE);
	ck_assert_int_eq(framer_feed(framer, (const uint8_t *)iq, strlen(iq)),
	    FRAMER_ELEMENT);
	login_fields_read(&fields, framer_element(framer));
	jid = login_jid(&fields, "example.org");
	if (cases[_i].jid)
		ck_assert_str_eq(jid, cases[_i].jid);
	else
		ck_assert_ptr_null(jid);
	free(jid);
	framer_free(&framer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("login");
	TCase *tcase = tcase_create("login");

	tcase_add_loop_test(tcase, the_address_is_made_of_user_and_resource, 0,
	    (int)ARRAY_LEN(cases));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
