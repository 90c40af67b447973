/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream headers and features, as one worker handles them by itself
 * (PROTOCOL.md §8).
 */
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"

/* --- headers --- */

START_TEST(a_header_is_answered_with_the_domain_and_an_id_of_our_name)
{
	const char *text;

	begin("");
	text = peer_greet(&peer);
	HAS(text, "<?xml version='1.0' encoding='UTF-8'?><stream:stream "
		  "xmlns:stream=\"http://etherx.jabber.org/streams\" "
		  "xmlns=\"jabber:client\" from=\"example.org\" id=\"cm1");
	HAS(text, " xml:lang=\"en\" version=\"1.0\">");
	finish();
}
END_TEST

struct header_case {
	const char *header;
	const char *condition;
	const char *options;
};

static const struct header_case bad_headers[] = {
	{ "<stream:stream xmlns='jabber:server' version='1.0' "
	  "xmlns:stream='http://etherx.jabber.org/streams'>",
	    "invalid-namespace", "" },
	{ "<stream:stream version='1.0' "
	  "xmlns:stream='http://etherx.jabber.org/streams'>",
	    "invalid-namespace", "" },
	{ "<stream:stream xmlns='jabber:client' version='1.0' "
	  "xmlns:stream='http://example.org/streams'>",
	    "invalid-namespace", "" },
	{ "<stream:flow xmlns='jabber:client' version='1.0' "
	  "xmlns:stream='http://etherx.jabber.org/streams'>",
	    "bad-format", "" },
	{ PEER_OPEN " to='elsewhere.example'>", "host-unknown",
	    "<xmpp><client><validate><host>true</host></validate></client>"
	    "</xmpp>" },
	{ "<!DOCTYPE x><stream:stream>", "restricted-xml", "" },
	{ "GET / HTTP/1.1\r\n", "not-well-formed", "" },
};

START_TEST(a_wrong_header_gets_a_header_and_its_error)
{
	const struct header_case *c = &bad_headers[_i];

	begin(c->options);
	peer_send(&peer, c->header);
	peer_expect_refusal(&peer, c->condition);
	finish();
}
END_TEST

START_TEST(a_header_to_another_domain_is_taken_unless_it_is_to_be_checked)
{
	begin("");
	peer_send(&peer, PEER_OPEN " to='elsewhere.example'>");
	peer_expect(&peer, "</stream:features>");
	finish();
}
END_TEST

START_TEST(a_client_before_version_1_gets_no_version_and_no_features)
{
	const char *text;

	begin("");
	peer_send(&peer, "<stream:stream xmlns='jabber:client' "
			 "xmlns:stream='http://etherx.jabber.org/streams'>");
	peer_send(&peer, "<iq/>");
	text = peer_expect(&peer, "</iq>");
	HAS_NOT(text, " version=\"");
	HAS_NOT(text, "features");
	HAS(text, "bad-request");
	finish();
}
END_TEST

START_TEST(a_language_is_echoed_when_it_is_one)
{
	begin("");
	peer_send(&peer, PEER_OPEN " xml:lang='de-CH'>");
	HAS(peer_expect(&peer, "</stream:features>"), "xml:lang=\"de-CH\"");
	peer_close(&peer);
	peer_connect(&peer, false);
	peer_send(&peer, PEER_OPEN " xml:lang='&quot;/>'>");
	HAS(peer_expect(&peer, "</stream:features>"), "xml:lang=\"en\"");
	finish();
}
END_TEST

START_TEST(a_header_in_single_bytes_is_read)
{
	const char *header = "<?xml version='1.0'?>" PEER_HEADER;
	size_t i;

	begin("");
	for (i = 0; i < strlen(header); i++)
		peer_send_bytes(&peer, header + i, 1);
	peer_expect(&peer, "</stream:features>");
	finish();
}
END_TEST

/* --- features --- */

START_TEST(features_are_what_the_server_configured)
{
	const char *text;

	begin("");
	rig_server.offers[0].non_sasl_auth =
	    rig_server.offers[0].in_band_register = 1;
	rig_publish();
	text = peer_greet(&peer);
	HAS(text, "<mechanism>PLAIN</mechanism>"
		  "<mechanism>SCRAM-SHA-1</mechanism></mechanisms>");
	HAS(text, "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>");
	HAS(text,
	    "<register xmlns=\"http://jabber.org/features/iq-register\"/>");
	HAS(text, "<max-bytes>16384</max-bytes>");
	HAS_NOT(text, "starttls");
	HAS_NOT(text, "bind");
	finish();
}
END_TEST

START_TEST(with_tls_required_starttls_is_all_that_is_offered)
{
	const char *text;

	begin("");
	rig_server.offers[0].non_sasl_auth =
	    rig_server.offers[0].in_band_register = 1;
	set_tls(SERVER_TLS_REQUIRED);
	text = peer_greet(&peer);
	HAS(text, "<required/></starttls>");
	HAS_NOT(text, "mechanism");
	HAS_NOT(text, "iq-auth");
	HAS_NOT(text, "iq-register");
	finish();
}
END_TEST

START_TEST(with_tls_optional_everything_is_offered)
{
	const char *text;

	begin("");
	set_tls(SERVER_TLS_OPTIONAL);
	text = peer_greet(&peer);
	HAS(text, STARTTLS "<mechanisms");
	finish();
}
END_TEST

START_TEST(direct_tls_offers_no_starttls)
{
	const char *text;

	rig_start("");
	set_tls(SERVER_TLS_REQUIRED);
	peer_connect(&peer, true);
	text = peer_greet(&peer);
	HAS(text, "<mechanism>PLAIN</mechanism>");
	HAS_NOT(text, "starttls");
	finish();
}
END_TEST

START_TEST(without_tls_the_offer_for_clear_text_holds)
{
	const char *text;

	rig_start("");
	rig_server.offers[0].has_clear =
	    rig_server.offers[0].clear_in_band_register = 1;
	rig_server.offers[0].non_sasl_auth = 1;
	snprintf(rig_server.offers[0].clear_mechanisms,
	    sizeof(rig_server.offers[0].clear_mechanisms), "X-CLEAR");
	set_tls(SERVER_TLS_OPTIONAL);
	peer_connect(&peer, false);
	text = peer_greet(&peer);
	HAS(text, "<mechanism>X-CLEAR</mechanism></mechanisms><register");
	HAS_NOT(text, "PLAIN");
	HAS_NOT(text, "iq-auth");
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	peer_start_tls(&peer);
	text = peer_greet(&peer);
	HAS(text, "<mechanism>PLAIN</mechanism>");
	HAS(text, "iq-auth");
	HAS_NOT(text, "X-CLEAR");
	HAS_NOT(text, "iq-register");
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client streams");
	TCase *headers = tcase_create("headers");
	TCase *features = tcase_create("features");

	tcase_set_timeout(headers, 40);
	tcase_set_timeout(features, 40);
	tcase_add_test(headers,
	    a_header_is_answered_with_the_domain_and_an_id_of_our_name);
	tcase_add_loop_test(headers, a_wrong_header_gets_a_header_and_its_error,
	    0, (int)ARRAY_LEN(bad_headers));
	tcase_add_test(headers,
	    a_header_to_another_domain_is_taken_unless_it_is_to_be_checked);
	tcase_add_test(headers,
	    a_client_before_version_1_gets_no_version_and_no_features);
	tcase_add_test(headers, a_language_is_echoed_when_it_is_one);
	tcase_add_test(headers, a_header_in_single_bytes_is_read);
	tcase_add_test(features, features_are_what_the_server_configured);
	tcase_add_test(features,
	    with_tls_required_starttls_is_all_that_is_offered);
	tcase_add_test(features, with_tls_optional_everything_is_offered);
	tcase_add_test(features, direct_tls_offers_no_starttls);
	tcase_add_test(features, without_tls_the_offer_for_clear_text_holds);
	suite_add_tcase(suite, headers);
	suite_add_tcase(suite, features);
	return run_suite(suite);
}
