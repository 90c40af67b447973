/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several domains: which of them a client belongs to, and that it is offered
 * and called what is that domain's (worker/client/client_domain.h).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND "second.example"
#define THIRD  "third.example"
/* The main domain is example.org. */
#define SEVERAL \
	"<xmpp><domain>" SECOND "</domain><domain>" THIRD "</domain></xmpp>"
#define BALANCED \
	SEVERAL "<xmpp><socket><default><proxy>127.0.0.1</proxy></default>" \
		"</socket></xmpp>"
#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define FEATURES "</stream:features>"

/* The server has said what it offers in the first two; the third is in our
 * configuration alone. */
static void
begin_several(const char *options)
{
	struct server_offer *second = &rig_server.offers[1];

	rig_server.domain_count = 3;
	rig_server.offers[0].known = 1;
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	second->known = 1;
	second->tls_policy = SERVER_TLS_OPTIONAL;
	second->in_band_register = 1;
	snprintf(second->mechanisms, sizeof(second->mechanisms), "OTHER");
	begin(options);
}

static void
finish_several(void)
{
	finish();
	memset(&rig_server, 0, sizeof(rig_server));
	peer_tls_name = "example.org";
}

static void
send_header(const char *to)
{
	char header[512];

	snprintf(header, sizeof(header), PEER_OPEN "%s%s%s>", to ? " to='" : "",
	    to ? to : "", to ? "'" : "");
	peer_send(&peer, header);
}

/* The answer is the domain's own. */
static void
expect_domain(const char *domain)
{
	bool second = strcmp(domain, SECOND) == 0;
	const char *text = peer_expect(&peer, FEATURES);
	char from[64];

	snprintf(from, sizeof(from), " from=\"%s\"", domain);
	HAS(text, from);
	if (second) {
		HAS(text, "<mechanism>OTHER</mechanism></mechanisms>");
		HAS(text, "iq-register");
	} else {
		HAS(text, "<mechanism>PLAIN</mechanism>");
		HAS_NOT(text, "OTHER");
		HAS_NOT(text, "iq-register");
	}
}

static void
begin_tls(const char *name, bool direct, const char *before)
{
	peer_tls_name = name;
	if (direct) {
		peer_close(&peer);
		peer_connect(&peer, true);
		return;
	}
	send_header(before);
	peer_expect(&peer, FEATURES);
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	peer_start_tls(&peer);
}

/* The server is told who is meant. */
static void
expect_created_for(const char *domain)
{
	char to[64];

	snprintf(to, sizeof(to), "to=\"%s\"", domain);
	peer_send(&peer, PEER_AUTH);
	rig_take_past_ends(FRAME_CREATE, &session);
	HAS(session.text, to);
	rig_take(FRAME_AUTH, &frame);
	HAS(frame.text, to);
}

/* --- by the header --- */

static const struct {
	const char *to, *domain;
} addressed[] = {
	{ "example.org", "example.org" },
	{ SECOND, SECOND },
	{ "Second.EXAMPLE.", SECOND },
	{ NULL, "example.org" },
};

START_TEST(the_header_says_which_domain_it_is)
{
	begin_several(SEVERAL);
	send_header(addressed[_i].to);
	expect_domain(addressed[_i].domain);
	expect_created_for(addressed[_i].domain);
	finish_several();
}
END_TEST

/* The third is not served by the server, or not yet. */
static const char *const unknown[] = { "fourth.example", THIRD, "",
	"sub." SECOND, "user@" SECOND, SECOND "/r" };

START_TEST(no_other_domain_is_served)
{
	begin_several(SEVERAL);
	send_header(unknown[_i]);
	peer_expect_refusal(&peer, "host-unknown");
	finish_several();
}
END_TEST

START_TEST(a_domain_is_served_once_the_server_has_said_so)
{
	begin_several(SEVERAL);
	send_header(THIRD);
	peer_expect_refusal(&peer, "host-unknown");
	rig_server.offers[2].known = 1;
	rig_publish();
	peer_close(&peer);
	peer_connect(&peer, false);
	send_header(THIRD);
	HAS(peer_expect(&peer, FEATURES), " from=\"" THIRD "\"");
	finish_several();
}
END_TEST

START_TEST(without_the_server_nobody_is_told_that_a_domain_is_unknown)
{
	begin_several(SEVERAL);
	set_phase(SERVER_HOLDING);
	expect_refused();
	peer_close(&peer);
	peer_connect(&peer, false);
	send_header(THIRD);
	peer_expect_refusal(&peer, "remote-connection-failed");
	finish_several();
}
END_TEST

START_TEST(a_session_stays_with_its_domain)
{
	const char *again = _i == 0 ? "example.org" : SECOND;

	begin_several(SEVERAL);
	send_header(SECOND);
	expect_domain(SECOND);
	expect_created_for(SECOND);
	peer_succeed(&peer, &session);
	send_header(_i == 2 ? NULL : again);
	if (_i == 0)
		peer_expect_refusal(&peer, "host-unknown");
	else
		HAS(peer_expect(&peer, FEATURES), " from=\"" SECOND "\"");
	finish_several();
}
END_TEST

/* --- by the name with which TLS begins --- */

static const struct {
	const char *name, *before, *to, *domain; /* NULL: host-unknown */
} named[] = {
	{ SECOND, SECOND, SECOND, SECOND },
	{ SECOND, SECOND, NULL, SECOND },
	{ "SECOND.example", "example.org", NULL, SECOND },
	{ SECOND, "example.org", SECOND, SECOND },
	{ SECOND, SECOND, "example.org", NULL },
	{ "example.org", "example.org", SECOND, NULL },
	{ "example.org", SECOND, NULL, "example.org" },
	/* the name of a host says nothing about the domain */
	{ "xmpp.example", SECOND, SECOND, SECOND },
	{ "xmpp.example", SECOND, NULL, "example.org" },
	{ THIRD, SECOND, THIRD, NULL },
	{ SECOND, SECOND, "fourth.example", NULL },
};

static void
expect_named(const char *to, const char *domain)
{
	send_header(to);
	if (!domain) {
		peer_expect_refusal(&peer, "host-unknown");
		return;
	}
	expect_domain(domain);
	expect_created_for(domain);
}

START_TEST(header_and_tls_name_the_same_domain)
{
	int i = _i / 2;

	begin_several(SEVERAL);
	begin_tls(named[i].name, _i % 2 == 1, named[i].before);
	expect_named(named[i].to, named[i].domain);
	finish_several();
}
END_TEST

/* A session that was begun in clear text ends with it. */
START_TEST(starttls_may_begin_another_domain)
{
	begin_several(SEVERAL);
	send_header("example.org");
	expect_domain("example.org");
	expect_created_for("example.org");
	rig_give(&session, FRAME_FAILURE,
	    "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<not-authorized/></failure>");
	peer_expect(&peer, "</failure>");
	peer_tls_name = SECOND;
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	rig_take(FRAME_CLOSE, &frame);
	peer_start_tls(&peer);
	expect_named(SECOND, SECOND);
	finish_several();
}
END_TEST

/* Nor is a header that is refused after it answered as the domain that was
 * named in clear text, perhaps by somebody else. */
START_TEST(what_was_named_in_clear_text_is_forgotten)
{
	const char *text;

	begin_several(SEVERAL);
	begin_tls("xmpp.example", false, SECOND);
	peer_send(&peer, "<stream:stream xmlns='jabber:server'"
			 " xmlns:stream='http://etherx.jabber.org/streams'>");
	text = peer_expect(&peer, "<invalid-namespace");
	HAS(text, " from=\"example.org\"");
	finish_several();
}
END_TEST

/* Version 2 of the PROXY protocol, with TLS and the name that was sent. */
#define PROXIED(authority) \
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x25" \
	"\xC6\x33\x64\x08\x7F\x00\x00\x01\xC0\x02\x14\x66" \
	"\x02\x00\x0E" authority "\x20\x00\x05\x01\x00\x00\x00\x00"

START_TEST(a_load_balancer_says_which_domain_tls_was_begun_for)
{
	static const char header[] = PROXIED("second.example");
	static const struct {
		const char *to, *domain;
	} cases[] = { { SECOND, SECOND }, { NULL, SECOND },
		{ "example.org", NULL } };

	begin_several(BALANCED);
	peer_send_bytes(&peer, header, sizeof(header) - 1);
	expect_named(cases[_i].to, cases[_i].domain);
	finish_several();
}
END_TEST

/* Without TLS it is nobody's word about that. */
START_TEST(a_name_without_tls_counts_for_nothing)
{
	static const char header[] =
	    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1D"
	    "\xC6\x33\x64\x08\x7F\x00\x00\x01\xC0\x02\x14\x66"
	    "\x02\x00\x0Esecond.example";

	begin_several(BALANCED);
	peer_send_bytes(&peer, header, sizeof(header) - 1);
	expect_named(NULL, "example.org");
	finish_several();
}
END_TEST

/* --- what is the domain's --- */

START_TEST(a_refused_domain_is_called_unknown)
{
	begin_several(SEVERAL);
	send_header(SECOND);
	expect_domain(SECOND);
	expect_created_for(SECOND);
	rig_give(&session, FRAME_REFUSED,
	    _i == 0 ? "item-not-found" : "not-allowed");
	peer_expect_error(&peer, _i == 0 ? "host-unknown" : "not-authorized");
	finish_several();
}
END_TEST

/* Prosody takes it for a log-in to the session's own domain. */
static const char *const of_another[] = { "example.org", "example.org.",
	"bob@example.org", "example.org/x", THIRD, "bob@" THIRD "/x" };

START_TEST(no_log_in_goes_up_to_another_of_the_domains)
{
	char iq[512];

	begin_several(SEVERAL);
	send_header(SECOND);
	expect_domain(SECOND);
	snprintf(iq, sizeof(iq),
	    "<iq type='set' id='a' to='%s'><query xmlns='jabber:iq:auth'>"
	    "<username>bob</username><password>x</password>"
	    "<resource>r</resource></query></iq>",
	    of_another[_i]);
	peer_send(&peer, iq);
	peer_expect(&peer, "<not-allowed ");
	expect_created_for(SECOND);
	finish_several();
}
END_TEST

START_TEST(tls_is_demanded_where_the_domain_demands_it)
{
	begin_several(SEVERAL);
	rig_server.offers[1].tls_policy = SERVER_TLS_REQUIRED;
	rig_publish();
	send_header(SECOND);
	HAS(peer_expect(&peer, FEATURES), "<required/>");
	peer_close(&peer);
	peer_connect(&peer, false);
	send_header("example.org");
	HAS_NOT(peer_expect(&peer, FEATURES), "<required/>");
	finish_several();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_domains");
	TCase *tcase = tcase_create("domains");

	tcase_add_checked_fixture(tcase, NULL, rig_end);
	tcase_add_loop_test(tcase, the_header_says_which_domain_it_is, 0,
	    ARRAY_LEN(addressed));
	tcase_add_loop_test(tcase, no_other_domain_is_served, 0,
	    ARRAY_LEN(unknown));
	tcase_add_test(tcase, a_domain_is_served_once_the_server_has_said_so);
	tcase_add_test(tcase,
	    without_the_server_nobody_is_told_that_a_domain_is_unknown);
	tcase_add_loop_test(tcase, a_session_stays_with_its_domain, 0, 3);
	tcase_add_loop_test(tcase, header_and_tls_name_the_same_domain, 0,
	    2 * ARRAY_LEN(named));
	tcase_add_test(tcase, starttls_may_begin_another_domain);
	tcase_add_test(tcase, what_was_named_in_clear_text_is_forgotten);
	tcase_add_loop_test(tcase,
	    a_load_balancer_says_which_domain_tls_was_begun_for, 0, 3);
	tcase_add_test(tcase, a_name_without_tls_counts_for_nothing);
	tcase_add_loop_test(tcase, a_refused_domain_is_called_unknown, 0, 2);
	tcase_add_loop_test(tcase, no_log_in_goes_up_to_another_of_the_domains,
	    0, ARRAY_LEN(of_another));
	tcase_add_test(tcase, tls_is_demanded_where_the_domain_demands_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
