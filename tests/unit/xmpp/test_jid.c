/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as RFC 6122 prepares them, and managers' names. */
#include "common/xmpp/jid.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *jid;
	const char *prepared; /* NULL: malformed */
} cases[] = {
	{ "example.org", "example.org" },
	{ "a@example.org", "a@example.org" },
	{ "a@example.org/r", "a@example.org/r" },
	{ "example.org/r", "example.org/r" },
	{ "BOB@Example.ORG/Res", "bob@example.org/Res" },
	{ "a@b/c/d@e", "a@b/c/d@e" },
	{ "a@b/ c d", "a@b/ c d" },
	{ "a@[2001:db8::1]/r", "a@[2001:db8::1]/r" },
	{ "a@192.0.2.1", "a@192.0.2.1" },
	/* nodeprep: case is folded, compatible characters are mapped */
	{ "STRASSE@x", "strasse@x" },
	{ "stra\xC3\x9F"
	  "e@x",
	    "strasse@x" },
	{ "\xEF\xBC\xA1@x", "a@x" },
	{ "\xC3\x89@x", "\xC3\xA9@x" },
	{ "e\xCC\x81@x", "\xC3\xA9@x" },
	/* resourceprep keeps case */
	{ "a@x/\xC3\x89", "a@x/\xC3\x89" },
	{ "a@b\xC3\xBC"
	  "cher.example",
	    "a@b\xC3\xBC"
	    "cher.example" },
	/* soft hyphen maps to nothing */
	{ "a\xC2\xAD@x", "a@x" },
	{ "\xC2\xAD@x", NULL },
	{ "", NULL },
	{ "@", NULL },
	{ "@x", NULL },
	{ "x@", NULL },
	{ "x/", NULL },
	{ "/x", NULL },
	{ "x@/r", NULL },
	{ "bob@exa mple", NULL },
	{ "a@b@c", NULL },
	{ "a b@x", NULL },
	{ "a\"b@x", NULL },
	{ "a&b@x", NULL },
	{ "a'b@x", NULL },
	{ "a:b@x", NULL },
	{ "a<b@x", NULL },
	{ "a@x<y", NULL },
	{ "a@x\ny", NULL },
	{ "a@x/\x01", NULL },
	{ "a@x/\xE2\x80\xAE", NULL }, /* right-to-left override */
	{ "\xD7\x90\x61@x", NULL },   /* both directions in one part */
	{ "a@x/\xFF", NULL },
	/* Wide '@' and '/' become plain ones: no part of a domain. */
	{ "a@b\xEF\xBC\x8F"
	  "c",
	    NULL },
	{ "b\xEF\xBC\xA0"
	  "c",
	    NULL },
	{ "b\xEF\xBC\x8F"
	  "c@x",
	    NULL },
	/* the dot at the end of a domain is no part of it */
	{ "example.org.", "example.org" },
	{ "a@Example.ORG./r.", "a@example.org/r." },
	{ "a@x\xE3\x80\x82/r", "a@x/r" },
	{ "a@x../r", NULL },
	{ ".", NULL },
	{ "a@./r", NULL },
};

START_TEST(test_addresses_are_prepared_or_refused)
{
	char prepared[JID_MAX + 1], again[JID_MAX + 1];
	size_t i;
	int error;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		error = jid_prepare(cases[i].jid, prepared);
		ck_assert_msg(error == (cases[i].prepared ? 0 : -EINVAL),
		    "%s: %d", cases[i].jid, error);
		if (error)
			continue;
		ck_assert_str_eq(prepared, cases[i].prepared);
		ck_assert_int_eq(jid_prepare(prepared, again), 0);
		ck_assert_str_eq(again, prepared);
	}
}
END_TEST

#define GRIN   "\xF0\x9F\x98\x80" /* U+1F600 */
#define SHARPS "\xE1\xBA\x9E"     /* U+1E9E */
#define UMLAUT "\xC3\xBC"

/* Both are of Unicode 3.2's future, and so is what is nobody's yet. */
static const struct {
	const char *jid;
	int strict, let_through;
} newer[] = {
	{ "a@x/" GRIN, -EILSEQ, 0 },
	{ "a@x/" SHARPS, -EILSEQ, 0 },
	{ "a@x/\xCD\xB8", -EILSEQ, 0 },
	{ GRIN "@x/r", -EILSEQ, -EILSEQ },
	{ "a@" SHARPS "x/r", -EILSEQ, -EILSEQ },
	{ "a@" GRIN, -EILSEQ, -EILSEQ },
	/* what else is wrong with it stays wrong */
	{ "a@x/" GRIN "\xE2\x80\xAE", -EINVAL, -EINVAL },
	{ "a@x/\xD7\x90" GRIN "b", -EINVAL, -EINVAL },
	{ "a@x/" GRIN "\xEE\x80\x80", -EINVAL, -EINVAL },
	{ "@x/" GRIN, -EINVAL, -EINVAL },
};

START_TEST(test_unassigned_code_points_may_be_let_through_in_resources)
{
	char prepared[JID_MAX + 1];
	struct jid_domain own;
	size_t i;

	jid_domain_init(&own, "example.org");
	for (i = 0; i < ARRAY_LEN(newer); i++) {
		ck_assert_int_eq(jid_prepare(newer[i].jid, prepared),
		    newer[i].strict);
		ck_assert_int_eq(jid_prepare_target(newer[i].jid, &own, false,
				     prepared),
		    newer[i].strict);
		ck_assert_int_eq(jid_prepare_target(newer[i].jid, &own, true,
				     prepared),
		    newer[i].let_through);
		if (newer[i].let_through == 0)
			ck_assert_str_eq(prepared, newer[i].jid);
	}
	/* the rest of the profile holds beside them */
	ck_assert_int_eq(jid_prepare_target("A@X/\xC2\xAD" GRIN "\xE2\x84\xA2",
			     &own, true, prepared),
	    0);
	ck_assert_str_eq(prepared, "a@x/" GRIN "TM");
}
END_TEST

START_TEST(test_the_own_domain_is_known_in_every_spelling)
{
	static const char *const same[] = { "b" UMLAUT "cher.example",
		"B\xC3\x9C"
		"CHER.EXAMPLE",
		"bu\xCC\x88"
		"cher.example",
		"xn--bcher-kva.example", "XN--BCHER-KVA.Example.",
		"b" UMLAUT "cher\xE3\x80\x82"
		"example",
		"b" UMLAUT "cher\xEF\xBC\x8E"
		"example" };
	static const char *const others[] = { "", ".", "bucher.example",
		"b" UMLAUT "cher.example.org", "a.b" UMLAUT "cher.example",
		"xn--bcher-kva.", "xn--bcher-kvb.example",
		"b" UMLAUT "cher.example..", "a@b" UMLAUT "cher.example" };
	static const char *const spellings[] = { "b" UMLAUT "cher.example",
		"xn--bcher-kva.example" };
	struct jid_domain own;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(spellings); k++) {
		jid_domain_init(&own, spellings[k]);
		for (i = 0; i < ARRAY_LEN(same); i++)
			ck_assert_msg(jid_domain_is(&own, same[i]), "%s",
			    same[i]);
		for (i = 0; i < ARRAY_LEN(others); i++)
			ck_assert_msg(!jid_domain_is(&own, others[i]), "%s",
			    others[i]);
	}
}
END_TEST

static const struct {
	const char *jid;
	const char *prepared; /* NULL: no answer can go there */
} answers[] = {
	{ "a@x/" GRIN, "a@x/" GRIN },
	{ "A B@" GRIN ".X./\xE2\x80\xAE", "A B@" GRIN ".X./\xE2\x80\xAE" },
	{ "Bob@example.org/\xE2\x84\xA2", "Bob@example.org/\xE2\x84\xA2" },
	{ "Bob@EXAMPLE.org/" GRIN, "bob@example.org/" GRIN },
	{ GRIN "@EXAMPLE.org/r", GRIN "@EXAMPLE.org/r" },
	{ "", NULL },
	{ "@x", NULL },
	{ "a@", NULL },
	{ "x/", NULL },
	{ "a@/r", NULL },
	{ "a@b@c", NULL },
	{ "exa mple", NULL },
	{ "a@x\"", NULL },
};

START_TEST(test_an_answer_goes_where_its_question_came_from)
{
	char prepared[JID_MAX + 1], text[4 * JID_PART_MAX];
	struct jid_domain own;
	size_t i;

	jid_domain_init(&own, "example.org");
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		int error = jid_prepare_answer(answers[i].jid, &own, prepared);

		ck_assert_int_eq(error, answers[i].prepared ? 0 : -EINVAL);
		if (error == 0)
			ck_assert_str_eq(prepared, answers[i].prepared);
	}
	strcpy(text, "a@x/");
	memset(text + 4, 'R', 1024);
	text[4 + 1024] = '\0';
	ck_assert_int_eq(jid_prepare_answer(text, &own, prepared), -EINVAL);
	text[4 + 1023] = '\0';
	ck_assert_int_eq(jid_prepare_answer(text, &own, prepared), 0);
	ck_assert_str_eq(prepared, text);
}
END_TEST

/* Nothing of them goes up: its A-labels do. */
START_TEST(test_the_own_domain_may_have_unassigned_code_points)
{
	static const char *const others[] = { "a@b." GRIN ".example",
		GRIN ".example@x", "a@" GRIN ".example.org",
		"a@" GRIN GRIN ".example" };
	char prepared[JID_MAX + 1];
	struct jid_domain own;
	size_t i;

	jid_domain_init(&own, "xn--e28h.example");
	ck_assert_int_eq(jid_prepare_target("A@" GRIN ".Example./r", &own,
			     false, prepared),
	    0);
	ck_assert_str_eq(prepared, "a@xn--e28h.example/r");
	for (i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_int_eq(jid_prepare_target(others[i], &own, true,
				     prepared),
		    -EILSEQ);
}
END_TEST

START_TEST(test_the_own_spelling_must_fit_as_well)
{
	static const char ace[] = "xn--tdaaaaaaaaaaaaaaaaaaaa";
	char text[2 * JID_PART_MAX], spelling[64], prepared[JID_MAX + 1];
	struct jid_domain own;
	int i;

	for (i = 0; i < 20; i++)
		memcpy(spelling + 2 * i, UMLAUT, 3);
	text[0] = '\0';
	for (i = 0; i < (int)(JID_PART_MAX - sizeof(ace) + 1) / 2; i++)
		strcat(text, "a.");
	strcat(text, ace);
	jid_domain_init(&own, spelling);
	ck_assert_msg(jid_domain_is(&own, ace),
	    "the domain should be known in its ASCII form %s", ace);
	ck_assert_int_eq(jid_prepare(text, prepared), 0);
	ck_assert_int_eq(jid_prepare_target(text, &own, false, prepared),
	    -EINVAL);
	ck_assert_int_eq(jid_prepare_target(text + 20, &own, false, prepared),
	    0);
	ck_assert_str_eq(prepared + strlen(prepared) - 40, spelling);
}
END_TEST

static void
fill(char *text, char letter, size_t len)
{
	memset(text, letter, len);
	text[len] = '\0';
}

/* Which part is `len` letters long: 0 node, 1 domain, 2 resource. */
static int
prepare_long(unsigned part, char letter, size_t len)
{
	static const char *const around[][2] = { { "", "@x/r" }, { "n@", "/r" },
		{ "n@x/", "" } };
	char text[4 * JID_PART_MAX], prepared[JID_MAX + 1];

	strcpy(text, around[part][0]);
	fill(text + strlen(text), letter, len);
	strcat(text, around[part][1]);
	return jid_prepare(text, prepared);
}

START_TEST(test_each_part_may_have_1023_bytes)
{
	unsigned part;

	for (part = 0; part < 3; part++) {
		ck_assert_int_eq(prepare_long(part, 'a', 1023), 0);
		ck_assert_int_eq(prepare_long(part, 'a', 1024), -EINVAL);
		ck_assert_int_eq(prepare_long(part, 'A', 1023), 0);
		ck_assert_int_eq(prepare_long(part, 'A', 1024), -EINVAL);
		ck_assert_int_eq(prepare_long(part, 'A', 3000), -EINVAL);
	}
}
END_TEST

START_TEST(test_all_parts_at_their_longest_fit)
{
	char text[JID_MAX + 1], prepared[JID_MAX + 1];

	fill(text, 'A', 1023);
	strcat(text, "@");
	fill(text + 1024, 'B', 1023);
	strcat(text, "/");
	fill(text + 2048, 'C', 1023);
	ck_assert_int_eq(jid_prepare(text, prepared), 0);
	ck_assert_uint_eq(strlen(prepared), JID_MAX);
}
END_TEST

START_TEST(test_what_grows_beyond_the_limit_is_malformed)
{
	char text[1100], prepared[JID_MAX + 1];
	int i;

	/* U+FDFA maps to eighteen letters. */
	for (i = 0; i < 340; i++)
		memcpy(text + 3 * i, "\xEF\xB7\xBA", 3);
	memcpy(text + 3 * 340, "@x", 3);
	ck_assert_int_eq(jid_prepare(text, prepared), -EINVAL);
}
END_TEST

/* --- one of several domains --- */

#define DOMAINS 64u

static char domain_names[DOMAINS][32];
static struct jid_domain domains[DOMAINS];

/* host0.example.org and so on; the second is IDNA, the third its parent. */
static void
init_domains(void)
{
	unsigned i;

	for (i = 0; i < DOMAINS; i++)
		snprintf(domain_names[i], sizeof(domain_names[i]),
		    i == 1   ? "b\xC3\xBC"
			       "cher.example"
		    : i == 2 ? "example"
			     : "host%u.example",
		    i);
	for (i = 0; i < DOMAINS; i++)
		jid_domain_init(&domains[i], domain_names[i]);
}

START_TEST(test_one_of_several_domains_is_found_in_every_spelling)
{
	static const struct {
		const char *text;
		unsigned found;
	} names[] = {
		{ "host0.example", 0 },
		{ "HOST0.Example.", 0 },
		{ "xn--bcher-kva.example", 1 },
		{ "B\xC3\x9C"
		  "CHER.example",
		    1 },
		{ "example", 2 },
		{ "example.", 2 },
		{ "host63.example", 63 },
		{ "", DOMAINS },
		{ ".", DOMAINS },
		{ "org", DOMAINS },
		{ "host64.example", DOMAINS },
		{ "sub.host0.example", DOMAINS },
		{ "a@host0.example", DOMAINS },
		{ "host0.example/r", DOMAINS },
		{ "host0.example..", DOMAINS },
	};
	size_t i;

	init_domains();
	for (i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_uint_eq(jid_domain_find(domains, DOMAINS,
				      names[i].text),
		    names[i].found);
	ck_assert_uint_eq(jid_domain_find(domains, 0, "host0.example"), 0);
}
END_TEST

/* Of looking so often for what is none of so many. */
static double
search_s(unsigned count, const char *text)
{
	struct timespec before, after;
	int i;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	for (i = 0; i < 20; i++)
		ck_assert_uint_eq(jid_domain_find(domains, count, text), count);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* Folding a long one takes most of a millisecond, and anybody may send it. */
START_TEST(test_many_domains_cost_no_more_than_one)
{
	char text[JID_PART_MAX + 1];
	size_t at;

	init_domains();
	for (at = 0; at + 3 < sizeof(text); at += 2)
		memcpy(text + at, at % 28 == 26 ? "a." : "\xC3\x9F", 2);
	text[at] = '\0';
	ck_assert_double_lt(search_s(DOMAINS, text), 16 * search_s(1, text));
}
END_TEST

START_TEST(test_managers_names_are_lower_case_letters_digits_dots_and_dashes)
{
	static const char *const bad[] = { "", "a_b", "a b", "[::1]", "a/b",
		"a@b", "\xC3\xA9", "a\"", "longer-than-it-may-be" };
	char name[16];
	size_t i;

	ck_assert_int_eq(jid_prepare_manager_name("CM-1.example", name,
			     sizeof(name)),
	    0);
	ck_assert_str_eq(name, "cm-1.example");
	ck_assert_int_eq(jid_prepare_manager_name("abcdefghijklmno", name,
			     sizeof(name)),
	    0);
	ck_assert_int_eq(jid_prepare_manager_name("abcdefghijklmnop", name,
			     sizeof(name)),
	    -EINVAL);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(jid_prepare_manager_name(bad[i], name,
				     sizeof(name)),
		    -EINVAL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jid");
	TCase *tcase = tcase_create("jid");

	tcase_add_test(tcase, test_addresses_are_prepared_or_refused);
	tcase_add_test(tcase,
	    test_unassigned_code_points_may_be_let_through_in_resources);
	tcase_add_test(tcase, test_the_own_domain_is_known_in_every_spelling);
	tcase_add_test(tcase, test_an_answer_goes_where_its_question_came_from);
	tcase_add_test(tcase,
	    test_the_own_domain_may_have_unassigned_code_points);
	tcase_add_test(tcase, test_the_own_spelling_must_fit_as_well);
	tcase_add_test(tcase,
	    test_one_of_several_domains_is_found_in_every_spelling);
	tcase_add_test(tcase, test_many_domains_cost_no_more_than_one);
	tcase_add_test(tcase, test_each_part_may_have_1023_bytes);
	tcase_add_test(tcase, test_all_parts_at_their_longest_fit);
	tcase_add_test(tcase, test_what_grows_beyond_the_limit_is_malformed);
	tcase_add_test(tcase,
	    test_managers_names_are_lower_case_letters_digits_dots_and_dashes);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
