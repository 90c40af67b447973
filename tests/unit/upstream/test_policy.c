/* SPDX-License-Identifier: Apache-2.0 */
/* The small pure decisions: when to try again, whom to close again, which host
 * of several. */
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/backoff.h"
#include "worker/upstream/resolve/resolve.h"
#include "worker/upstream/session/unknown_sessions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- backoff --- */

START_TEST(a_link_that_had_served_is_tried_again_at_once)
{
	ck_assert_double_eq(backoff_delay(1, 60, 0, UINT32_MAX), 0);
}
END_TEST

START_TEST(each_failure_doubles_the_delay_up_to_the_maximum)
{
	static const double longest[] = { 1, 2, 4, 8, 10, 10 };

	for (unsigned i = 0; i < ARRAY_LEN(longest); i++) {
		double least = backoff_delay(1, 10, i + 1, 0);
		double most = backoff_delay(1, 10, i + 1, UINT32_MAX);

		ck_assert_double_eq_tol(least, longest[i] / 2, 1e-6);
		ck_assert_double_eq_tol(most, longest[i], 1e-6);
	}
	ck_assert_double_le(backoff_delay(1, 10, UINT32_MAX, UINT32_MAX), 10);
	ck_assert_double_le(backoff_delay(20, 10, 1, UINT32_MAX), 10);
}
END_TEST

/* --- unknown sessions --- */

static struct unknown_sessions *const unknown = &up.unknown_sessions;

static void
expect_due(const char *id, double now)
{
	ck_assert_msg(unknown_sessions_is_due(unknown, id, now),
	    "%s should be closed at %g s", id, now);
}

static void
expect_not_due(const char *id, double now)
{
	ck_assert_msg(!unknown_sessions_is_due(unknown, id, now),
	    "%s should not be closed again at %g s", id, now);
}

START_TEST(an_unknown_session_is_closed_once_in_an_interval)
{
	unknown_sessions_init(unknown, 60);
	expect_due("cm1abc", 100);
	expect_not_due("cm1abc", 100);
	expect_not_due("cm1abc", 159);
	expect_due("cm1abd", 159);
	expect_due("cm1abc", 161);
	expect_not_due("cm1abc", 162);
}
END_TEST

START_TEST(many_unknown_sessions_push_out_the_oldest_only)
{
	char id[32];

	unknown_sessions_init(unknown, 1e9);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(id, sizeof(id), "x%u", i);
		expect_due(id, 1 + i);
		expect_not_due(id, 1 + i);
	}
}
END_TEST

static void
expect_plain(const char *id)
{
	ck_assert_msg(unknown_sessions_is_plain_id(id),
	    "\"%s\" should need no escaping", id);
}

static void
expect_escaped(const char *id)
{
	ck_assert_msg(!unknown_sessions_is_plain_id(id),
	    "\"%s\" should not be taken for a plain id", id);
}

START_TEST(only_ids_that_need_no_escaping_are_plain)
{
	char longest[130];

	memset(longest, 'a', sizeof(longest));
	longest[129] = '\0';
	expect_escaped(longest);
	longest[128] = '\0';
	expect_plain(longest);
	expect_plain("cm1-0_A.z9");
	expect_escaped("");
	expect_escaped("a'b");
	expect_escaped("a b");
	expect_escaped("a<");
	expect_escaped("\xc3\xa4");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(longest, sizeof(longest), "%u", i);
		ck_assert_uint_lt(unknown_sessions_lane(longest), LANE_COUNT);
	}
}
END_TEST

/* --- order of hosts --- */

static uint32_t random_state;

static uint32_t
next_random(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 4;
}

static struct resolve_host
host(const char *name, uint16_t priority, uint16_t weight)
{
	struct resolve_host made = { .priority = priority, .weight = weight };

	snprintf(made.name, sizeof(made.name), "%s", name);
	return made;
}

START_TEST(lower_priorities_come_first_and_no_host_is_lost)
{
	for (unsigned round = 0; round < 200; round++) {
		struct resolve_host hosts[] = { host("c", 30, 0),
			host("a", 10, 5), host("b", 20, 100), host("b", 20, 0),
			host("a", 10, 0) };

		resolve_order(hosts, ARRAY_LEN(hosts), next_random);
		for (unsigned i = 0; i < ARRAY_LEN(hosts); i++)
			ck_assert_str_eq(hosts[i].name, i < 2   ? "a"
							: i < 4 ? "b"
								: "c");
	}
	resolve_order(NULL, 0, next_random);
}
END_TEST

START_TEST(weights_decide_how_often_a_host_comes_first)
{
	unsigned first[3] = { 0 };

	for (unsigned round = 0; round < 10000; round++) {
		struct resolve_host hosts[] = { host("0", 1, 0),
			host("1", 1, 100), host("2", 1, 300) };

		resolve_order(hosts, ARRAY_LEN(hosts), next_random);
		first[hosts[0].name[0] - '0']++;
	}
	ck_assert_uint_gt(first[0], 0);
	ck_assert_uint_lt(first[0], 200);
	ck_assert_uint_gt(first[1], 2000);
	ck_assert_uint_lt(first[1], 3000);
	ck_assert_uint_gt(first[2], 7000);
}
END_TEST

START_TEST(the_largest_weights_do_not_overflow)
{
	struct resolve_host hosts[RESOLVE_HOSTS_MAX];

	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 0; i < RESOLVE_HOSTS_MAX; i++)
			hosts[i] = host("x", 0, UINT16_MAX);
		resolve_order(hosts, RESOLVE_HOSTS_MAX, next_random);
	}
	ck_assert_str_eq(hosts[0].name, "x");
}
END_TEST

/* --- override --- */

static const struct {
	const char *override;
	const char *host; /* NULL: none */
} overrides[] = {
	{ "{example.org,xmpp.lan:5269}", "xmpp.lan" },
	{ "{example.org,xmpp.lan}", "xmpp.lan" },
	{ "{other.org,a:1},{example.org,b:2}", "b" },
	{ "{ Example.ORG , b:2 }", "b" },
	{ "{example.org,[2001:db8::1]:5269}", "2001:db8::1" },
	{ "{example.org, [2001:db8::1]:5269}", "2001:db8::1" },
	{ "{example.org,2001:db8::1}", "2001:db8::1" },
	{ "{example.org,192.0.2.1:5269}", "192.0.2.1" },
	{ "{example.org,a},{example.org,b}", "a" },
	{ "{example.org,},{example.org,b}", "b" },
	{ "{sub.example.org,a:1}", NULL },
	{ "{example.org.uk,a:1}", NULL },
	{ "{example.org}", NULL },
	{ "{example.org,a:1", NULL },
	{ "example.org,a:1", NULL },
	{ "{}", NULL },
	{ "{,}", NULL },
	{ "{", NULL },
	{ "", NULL },
	{ "{example.org,[}", "[" },
	{ "{example.org,[]}", NULL },
	{ "{x},{example.org,b}", "b" },
};

START_TEST(an_override_names_the_host_of_its_domain)
{
	char found[RESOLVE_HOST_LEN];
	bool any =
	    resolve_override(overrides[_i].override, "example.org", found);

	ck_assert_msg(any == (overrides[_i].host != NULL), "%s: %s",
	    overrides[_i].override, any ? found : "none");
	if (any)
		ck_assert_str_eq(found, overrides[_i].host);
}
END_TEST

START_TEST(a_host_too_long_for_dns_is_no_override)
{
	char text[RESOLVE_HOST_LEN + 64], found[RESOLVE_HOST_LEN];
	size_t len = (size_t)snprintf(text, sizeof(text), "{example.org,");

	memset(text + len, 'h', RESOLVE_HOST_LEN);
	strcpy(text + len + RESOLVE_HOST_LEN, "}");
	ck_assert_msg(!resolve_override(text, "example.org", found),
	    "a host one byte too long for DNS should not be taken");
	strcpy(text + len + RESOLVE_HOST_LEN - 1, "}");
	ck_assert_msg(resolve_override(text, "example.org", found),
	    "a host of the greatest length should be taken");
	ck_assert_uint_eq(strlen(found), RESOLVE_HOST_LEN - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");
	TCase *sessions = tcase_create("unknown_sessions");

	tcase_add_test(tcase, a_link_that_had_served_is_tried_again_at_once);
	tcase_add_test(tcase, each_failure_doubles_the_delay_up_to_the_maximum);
	tcase_add_test(tcase, lower_priorities_come_first_and_no_host_is_lost);
	tcase_add_test(tcase, weights_decide_how_often_a_host_comes_first);
	tcase_add_test(tcase, the_largest_weights_do_not_overflow);
	tcase_add_loop_test(tcase, an_override_names_the_host_of_its_domain, 0,
	    (int)ARRAY_LEN(overrides));
	tcase_add_test(tcase, a_host_too_long_for_dns_is_no_override);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(sessions, begin_upstream, finish_upstream);
	tcase_add_test(sessions,
	    an_unknown_session_is_closed_once_in_an_interval);
	tcase_add_test(sessions,
	    many_unknown_sessions_push_out_the_oldest_only);
	tcase_add_test(sessions, only_ids_that_need_no_escaping_are_plain);
	suite_add_tcase(suite, sessions);
	return run_suite(suite);
}
