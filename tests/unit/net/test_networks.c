/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of networks, and which addresses lie in them. */
#include "common/net/networks.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *list, *address;
	bool has;
} cases[] = {
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.77/24", "192.0.2.1", true }, /* bits behind do not count */
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.6", false },
	{ "192.0.2.8/31", "192.0.2.9", true },
	{ "192.0.2.8/31", "192.0.2.10", false },
	{ "0.0.0.0/0", "203.0.113.1", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "0.0.0.0/0", "::ffff:203.0.113.1", true },
	{ "::ffff:192.0.2.0/120", "192.0.2.1", true },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "2001:db8::1", "2001:db8::1", true },
	{ "::/0", "2001:db8::1", true },
	{ "::/0", "192.0.2.1", true }, /* mapped, all is in it */
	{ "10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32\n", "192.0.2.1", true },
	{ "10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32\n", "2001:db8::1", true },
	{ "10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32\n", "192.0.3.1", false },
	{ "", "192.0.2.1", false },
	{ " ,\n", "192.0.2.1", false },
};

START_TEST(an_address_is_in_the_networks_whose_prefix_it_has)
{
	char wrong[NETWORKS_TEXT_MAX];
	struct networks networks;
	struct endpoint endpoint;

	ck_assert_int_eq(networks_parse(cases[_i].list, &networks, wrong), 0);
	ck_assert_str_eq(wrong, "");
	ck_assert_int_eq(endpoint_parse(cases[_i].address, 5222, &endpoint), 0);
	ck_assert_int_eq(networks_have(&networks, &endpoint), cases[_i].has);
}
END_TEST

static const struct {
	const char *list, *wrong;
} bad[] = {
	{ "192.0.2.0/33", "192.0.2.0/33" },
	{ "10.0.0.0/8 2001:db8::/129", "2001:db8::/129" },
	{ "192.0.2.0/", "192.0.2.0/" },
	{ "192.0.2.0/-1", "192.0.2.0/-1" },
	{ "192.0.2.0/24/8", "192.0.2.0/24/8" },
	{ "192.0.2.0/0x8", "192.0.2.0/0x8" },
	{ "192.0.2.0/0008", "192.0.2.0/0008" },
	{ "192.0.2.256", "192.0.2.256" },
	{ "[::1]", "[::1]" },
	{ "localhost", "localhost" },
	{ "/24", "/24" },
	{ "10.0.0.0/8 a-name-that-is-longer-than-anything-that-could-be-a-"
	  "network-is-cut",
	    "a-name-that-is-longer-than-anything-that-could-be-a-network-is-" },
};

START_TEST(what_is_no_network_is_named)
{
	char wrong[NETWORKS_TEXT_MAX];
	struct networks networks;

	ck_assert_int_eq(networks_parse(bad[_i].list, &networks, wrong),
	    -EINVAL);
	ck_assert_str_eq(wrong, bad[_i].wrong);
}
END_TEST

START_TEST(a_list_has_an_end)
{
	char list[NETWORKS_TEXT_MAX * (NETWORKS_MAX + 1)] = "";
	char wrong[NETWORKS_TEXT_MAX];
	struct networks networks;
	unsigned i;

	for (i = 0; i < NETWORKS_MAX; i++)
		strcat(list, "10.0.0.1 ");
	ck_assert_int_eq(networks_parse(list, &networks, wrong), 0);
	ck_assert_uint_eq(networks.count, NETWORKS_MAX);
	strcat(list, "10.0.0.2");
	ck_assert_int_eq(networks_parse(list, &networks, wrong), -E2BIG);
	ck_assert_str_eq(wrong, "10.0.0.2");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("networks");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all,
	    an_address_is_in_the_networks_whose_prefix_it_has, 0,
	    ARRAY_LEN(cases));
	tcase_add_loop_test(all, what_is_no_network_is_named, 0,
	    ARRAY_LEN(bad));
	tcase_add_test(all, a_list_has_an_end);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
