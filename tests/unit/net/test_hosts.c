/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a table of hosts gives to a name. */
#include "common/net/hosts.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char table[] = "# of this machine\n"
			    "127.0.0.1\tlocalhost  loop\r\n"
			    "::1 localhost ip6-localhost # and more names\n"
			    "\n"
			    "  192.0.2.7   of.example of OF2\n"
			    "999.1.1.1 broken\n"
			    "192.0.2.8\n"
			    "fe80::1%eth0 scoped\n"
			    "192.0.2.9 last";

static char found[256];

static void
on_address(void *context, const char *address)
{
	(void)context;
	strcat(found, address);
	strcat(found, " ");
}

static const struct {
	const char *name, *addresses;
} cases[] = {
	{ "localhost", "127.0.0.1 ::1 " },
	{ "LocalHost", "127.0.0.1 ::1 " },
	{ "loop", "127.0.0.1 " },
	{ "ip6-localhost", "::1 " },
	{ "names", "" },
	{ "of", "192.0.2.7 " },
	{ "of2", "192.0.2.7 " },
	{ "of.example", "192.0.2.7 " },
	{ "of.exampl", "" },
	{ "broken", "" },
	{ "192.0.2.8", "" },
	{ "scoped", "" },
	{ "last", "192.0.2.9 " },
	{ "", "" },
};

START_TEST(a_name_has_the_addresses_of_its_lines)
{
	unsigned count = 0;
	const char *at;

	for (at = cases[_i].addresses; *at; at++)
		count += *at == ' ';
	found[0] = '\0';
	ck_assert_uint_eq(hosts_find(table, cases[_i].name, on_address, NULL),
	    count);
	ck_assert_str_eq(found, cases[_i].addresses);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hosts");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, a_name_has_the_addresses_of_its_lines, 0,
	    ARRAY_LEN(cases));
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
