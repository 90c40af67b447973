/* SPDX-License-Identifier: Apache-2.0 */
/* Names of hosts in one form, whoever says them. */
#include "common/net/host_name.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *expected; /* NULL: no name */
} names[] = {
	{ TEXT("chat.example"), "chat.example" },
	{ TEXT("CHAT.Example"), "chat.example" },
	{ TEXT("chat.example."), "chat.example" },
	{ TEXT("XN--BCHER-KVA.example"), "xn--bcher-kva.example" },
	{ TEXT("_service.a-1.example"), "_service.a-1.example" },
	{ TEXT("localhost"), "localhost" },
	{ TEXT(""), NULL },
	{ TEXT("."), NULL },
	{ TEXT("\0"), NULL },
	{ TEXT("chat.example\0"), NULL },
	{ TEXT("chat.example\0.evil.example"), NULL },
	{ TEXT("chat example"), NULL },
	{ TEXT("chat.example\n"), NULL },
	{ TEXT("*.example"), NULL },
	{ TEXT("a/b"), NULL },
	{ TEXT("a'b"), NULL },
	{ TEXT("a<b"), NULL },
	{ TEXT("[::1]"), NULL },
	{ TEXT("b\xC3\xBC"
	       "cher.example"),
	    NULL },
	{ TEXT("\x7F"), NULL },
};

START_TEST(names_have_one_form)
{
	char host[HOST_NAME_TEXT_MAX] = "x";
	const char *expected = names[_i].expected;

	ck_assert_int_eq(host_name_normalise(names[_i].bytes, names[_i].len,
			     host),
	    expected != NULL);
	ck_assert_str_eq(host, expected ? expected : "");
}
END_TEST

START_TEST(the_longest_name_fits_and_a_longer_one_does_not)
{
	char name[HOST_NAME_TEXT_MAX + 1], host[HOST_NAME_TEXT_MAX];

	memset(name, 'a', sizeof(name));
	ck_assert_int_eq(host_name_normalise(name, 253, host), true);
	ck_assert_uint_eq(strlen(host), 253);
	ck_assert_int_eq(host_name_normalise(name, 254, host), false);
	ck_assert_str_eq(host, "");
	name[253] = '.';
	ck_assert_int_eq(host_name_normalise(name, 254, host), true);
	ck_assert_uint_eq(strlen(host), 253);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host_name");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, names_have_one_form, 0, ARRAY_LEN(names));
	tcase_add_test(all, the_longest_name_fits_and_a_longer_one_does_not);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
