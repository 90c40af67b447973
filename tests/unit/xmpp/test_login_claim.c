/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanism and user name, out of what clients send, and the server's no. */
#include "common/xmpp/login_claim.h"

#include "common/base/buf.h"
#include "common/xmpp/canonical.h"
#include "common/xmpp/element.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of our own making, so that a table can show the message itself. */
static void
encode(const char *message, size_t len, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *bytes = (const uint8_t *)message;
	size_t i, k;

	for (i = 0; i < len; i += 3) {
		uint32_t three = 0;

		for (k = 0; k < 3; k++)
			three = three << 8 | (i + k < len ? bytes[i + k] : 0);
		for (k = 0; k < 4; k++)
			buf_append_char(out,
			    i + k <= len ? digits[three >> (18 - 6 * k) & 63]
					 : '=');
	}
}

static void
expect_name(const struct login_claim *claim, const char *name)
{
	char got[LOGIN_NAME_MAX + 1] = "";

	memcpy(got, claim->name, claim->name_len);
	ck_assert_str_eq(got, name);
}

static const struct {
	const char *mechanism, *message;
	size_t len; /* 0: strlen() */
	const char *name;
} messages[] = {
	{ "PLAIN", "\0alice\0pw", 9, "alice" },
	{ "PLAIN", "admin\0bob\0pw", 12, "bob" },
	{ "plain", "\0alice\0", 7, "alice" },
	{ "PLAIN", "\0alice", 6, "" },
	{ "PLAIN", "alice", 5, "" },
	{ "PLAIN", "\0\0pw", 4, "" },
	{ "PLAIN", "\0a\n\"b\0pw", 8, "a\n\"b" },
	{ "PLAINER", "\0alice\0pw", 9, "" },
	{ "SCRAM-SHA-1", "n,,n=alice,r=x", 0, "alice" },
	{ "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=alice,r=x", 0, "alice" },
	{ "SCRAM-SHA-256", "y,a=admin,n=bob,r=x", 0, "bob" },
	{ "SCRAM-SHA-512", "n,,n=a=2Cb=3Dc,r=x", 0, "a,b=c" },
	{ "SCRAM-SHA-1", "n,,n=a=2cb,r=x", 0, "" },
	{ "SCRAM-SHA-1", "n,,n=a=,r=x", 0, "" },
	{ "SCRAM-SHA-1", "n,,n=alice", 0, "" },
	{ "SCRAM-SHA-1", "n,,m=ext,n=alice,r=x", 0, "" },
	{ "SCRAM-SHA-1", "n,n=alice,r=x", 0, "" },
	{ "SCRAM-SHA-1", "n,,n=,r=x", 0, "" },
	{ "EXTERNAL", "alice@example.org", 0, "alice@example.org" },
	{ "DIGEST-MD5", "charset=utf-8,username=\"al\\\"ice\",realm=\"x\"", 0,
	    "al\"ice" },
	{ "DIGEST-MD5", "username=\"alice\"", 0, "alice" },
	{ "DIGEST-MD5", "cnonce=\",username=\\\"eve\", username=\"alice\"", 0,
	    "alice" },
	{ "DIGEST-MD5", "xusername=\"eve\",nc=1", 0, "" },
	{ "DIGEST-MD5", "username=\"alice", 0, "" },
	{ "ANONYMOUS", "alice", 0, "" },
	{ "X-OAUTH2", "\0alice\0token", 12, "" },
};

static void
read_message(struct login_claim *claim, const char *mechanism,
    const char *message, size_t len)
{
	struct buf text;

	buf_init(&text, 0);
	encode(message, len ? len : strlen(message), &text);
	login_claim_begin(claim, mechanism);
	login_claim_read(claim, (const char *)buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

START_TEST(the_name_is_read_as_the_mechanism_has_it)
{
	struct login_claim claim;

	read_message(&claim, messages[_i].mechanism, messages[_i].message,
	    messages[_i].len);
	ck_assert_str_eq(claim.mechanism, messages[_i].mechanism);
	expect_name(&claim, messages[_i].name);
}
END_TEST

/* "\0alice\0pw" is AGFsaWNlAHB3. */
static const char *const no_base64[] = { "AGFsaWNlAHB", "AGFsaWNlAHB*",
	"AGFs aWNlAHB3", "AGFsaWNl\nAHB3", "A===", "====", "!",
	"AGFsaWNlAHB3=", "AGF=aWNlAHB3", "&lt;" };

START_TEST(what_is_no_base64_has_no_name)
{
	struct login_claim claim;

	login_claim_begin(&claim, "PLAIN");
	login_claim_read(&claim, no_base64[_i], strlen(no_base64[_i]));
	expect_name(&claim, "");
}
END_TEST

START_TEST(the_first_message_that_is_not_empty_counts)
{
	struct login_claim claim;

	login_claim_begin(&claim, "PLAIN");
	login_claim_read(&claim, "", 0);
	login_claim_read(&claim, "AGFsaWNlAHB3", 12);
	login_claim_read(&claim, "AGV2ZQBwdw==", 12); /* eve */
	expect_name(&claim, "alice");
	login_claim_begin(&claim, "EXTERNAL");
	login_claim_read(&claim, "=", 1);
	login_claim_read(&claim, "ZXZl", 4);
	expect_name(&claim, "");
}
END_TEST

/* Whoever looks through the memory finds the name, and nothing beside it. */
START_TEST(the_password_is_nowhere)
{
	struct login_claim claim;
	size_t i;

	memset(&claim, 0xee, sizeof(claim));
	read_message(&claim, "PLAIN", "admin\0alice\0hunter2", 19);
	ck_assert_ptr_null(memmem(&claim, sizeof(claim), "hun", 3));
	ck_assert_ptr_null(memmem(&claim, sizeof(claim), "admin", 5));
	for (i = claim.name_len; i < LOGIN_NAME_MAX; i++)
		ck_assert_uint_eq(claim.name[i], 0);
}
END_TEST

START_TEST(a_long_name_is_cut)
{
	char message[400];
	struct login_claim claim;

	memset(message, 'a', sizeof(message));
	message[0] = message[300] = '\0';
	read_message(&claim, "PLAIN", message, sizeof(message));
	ck_assert_uint_eq(claim.name_len, LOGIN_NAME_MAX);
}
END_TEST

static const char *const no_mechanisms[] = { NULL, "", "PLAIN\n",
	"PLAIN address=192.0.2.1", "A-NAME-OF-21-LETTERS-", "\"", "iq:auth" };

START_TEST(what_is_no_mechanism_is_not_repeated)
{
	struct login_claim claim;

	login_claim_begin(&claim, no_mechanisms[_i]);
	ck_assert_str_eq(claim.mechanism, "-");
}
END_TEST

static const struct {
	const char *query, *name;
} queries[] = {
	{ "<query xmlns=\"jabber:iq:auth\"><username>alice</username>"
	  "<password>pw</password></query>",
	    "alice" },
	{ "<query><password>pw</password><username xml:lang=\"x\">a&amp;b&lt;"
	  "</username></query>",
	    "a&b<" },
	{ "<query><x><username>eve</username></x><username>bob</username>"
	  "</query>",
	    "bob" },
	{ "<query><username><b>eve</b></username></query>", "" },
	{ "<query><username/><username>bob</username></query>", "" },
	{ "<query><usernames>eve</usernames></query>", "" },
	{ "<query/><username>eve</username>", "" },
	{ "<query></query><username>eve</username>", "" },
	{ "<username>eve</username>", "" },
	{ "<query><username>al", "" },
	{ "<query><username>", "" },
	{ "", "" },
};

/* In a request; what the fields point to lives until the next call. */
static void
read_query(const char *query, struct login_fields *fields_out)
{
	static char text[1024];
	struct element iq = { .bytes = (const uint8_t *)text };

	iq.len = (size_t)snprintf(text, sizeof(text), "<iq>%s", query);
	login_fields_read(fields_out, &iq);
}

START_TEST(of_iq_auth_it_is_the_child_of_the_query)
{
	struct login_fields fields;
	struct login_claim claim;

	read_query(queries[_i].query, &fields);
	login_claim_of_iq(&claim, &fields);
	ck_assert_str_eq(claim.mechanism, "iq:auth");
	expect_name(&claim, queries[_i].name);
}
END_TEST

#define QUERY "<query xmlns=\"jabber:iq:auth\">"
#define ALICE "<username>alice</username>"

static const struct {
	const char *query;
	bool is_plain;
	const char *username, *resource; /* NULL: none */
} logins[] = {
	{ QUERY ALICE "<password>p</password><resource>r</resource></query>",
	    true, "alice", "r" },
	{ "\n" QUERY "\n<digest>d</digest>\n" ALICE "\n</query>", true, "alice",
	    NULL },
	{ QUERY "</query>", true, NULL, NULL },
	{ QUERY "<username/><resource/><password/></query>", true, "", "" },
	{ QUERY ALICE "<username>bob</username></query>", false, "alice",
	    NULL },
	{ QUERY "<resource>a</resource><resource>b</resource></query>", false,
	    NULL, "a" },
	{ QUERY ALICE "<x/></query>", false, "alice", NULL },
	{ QUERY "<x>" ALICE "</x></query>", false, NULL, NULL },
	{ QUERY "<username xml:lang=\"x\">bob</username></query>", false, "bob",
	    NULL },
	{ QUERY "<username>a<x/></username></query>", false, "", NULL },
	{ QUERY ALICE, false, "alice", NULL },
	{ QUERY ALICE "<x", false, "alice", NULL },
	{ "<query xmlns=\"x\">" ALICE "</query>", false, "alice", NULL },
	{ "<query xmlns=\"jabber:iq:auth\" a=\"b\">" ALICE "</query>", false,
	    "alice", NULL },
	{ "<query a=\"b\" xmlns=\"jabber:iq:auth\">" ALICE "</query>", false,
	    "alice", NULL },
	{ "<x:query xmlns:x=\"jabber:iq:auth\"><x:username>a</x:username>"
	  "</x:query>",
	    false, NULL, NULL },
	{ "<query xmlns=\"jabber:iq:auth\"/>", false, NULL, NULL },
	{ "", false, NULL, NULL },
};

static void
expect_field(struct canonical_span field, const char *expected)
{
	if (expected)
		ck_assert_msg(canonical_is(field, expected),
		    "the field should be \"%s\"", expected);
	else
		ck_assert_ptr_null(field.text);
}

START_TEST(a_plain_log_in_says_each_thing_once_and_nothing_else)
{
	struct login_fields fields;

	read_query(logins[_i].query, &fields);
	ck_assert_int_eq(fields.is_plain, logins[_i].is_plain);
	expect_field(fields.username, logins[_i].username);
	expect_field(fields.resource, logins[_i].resource);
}
END_TEST

#define FAILURE "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"

static const struct {
	const char *answer, *condition;
} answers[] = {
	{ FAILURE "<not-authorized/></failure>", "not-authorized" },
	{ FAILURE "<text>no</text><account-disabled></account-disabled>"
		  "</failure>",
	    "account-disabled" },
	{ "<failure/>", "-" },
	{ FAILURE "</failure>", "-" },
	{ FAILURE "<Not.valid/></failure>", "-" },
	{ FAILURE "<a-condition-that-is-longer-than-forty-letters/>"
		  "</failure>",
	    "-" },
	{ "<iq type=\"error\" id=\"a\"><error code=\"401\" type=\"auth\">"
	  "<not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
	  "</error></iq>",
	    "not-authorized" },
	/* What the client said may come back in it. */
	{ "<iq type=\"error\" id=\"a\"><query><error><service-unavailable/>"
	  "</error></query><error><not-authorized/></error></iq>",
	    "not-authorized" },
	{ "<iq type=\"error\" id=\"a\"><error code=\"401\"/></iq>", "-" },
	{ "<iq type=\"error\" id=\"a\"><query/></iq>", "-" },
	{ "<iq type=\"error\" id=\"a\"/>", "-" },
	{ "<iq", "-" },
	{ "", "-" },
};

START_TEST(the_condition_is_the_servers)
{
	char condition[LOGIN_CONDITION_MAX + 1];

	login_condition_read(answers[_i].answer, strlen(answers[_i].answer),
	    condition);
	ck_assert_str_eq(condition, answers[_i].condition);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("login claim");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, the_name_is_read_as_the_mechanism_has_it, 0,
	    ARRAY_LEN(messages));
	tcase_add_loop_test(all, what_is_no_base64_has_no_name, 0,
	    ARRAY_LEN(no_base64));
	tcase_add_test(all, the_first_message_that_is_not_empty_counts);
	tcase_add_test(all, the_password_is_nowhere);
	tcase_add_test(all, a_long_name_is_cut);
	tcase_add_loop_test(all, what_is_no_mechanism_is_not_repeated, 0,
	    ARRAY_LEN(no_mechanisms));
	tcase_add_loop_test(all, of_iq_auth_it_is_the_child_of_the_query, 0,
	    ARRAY_LEN(queries));
	tcase_add_loop_test(all,
	    a_plain_log_in_says_each_thing_once_and_nothing_else, 0,
	    ARRAY_LEN(logins));
	tcase_add_loop_test(all, the_condition_is_the_servers, 0,
	    ARRAY_LEN(answers));
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
