/* SPDX-License-Identifier: Apache-2.0 */
/* What parsers ask of the kernel's randomness: the calls for it are this
 * file's, that of the framer and that of expat itself. */
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define STANZAS 20000
#define LEAST   (STANZAS / 10000) /* it must not stay the same for ever */
#define MOST    (STANZAS / 1000)

static unsigned calls, expats_calls;
static bool has_none, gives_zero;

ssize_t
getrandom(void *bytes, size_t len, unsigned flags)
{
	(void)flags;
	calls++;
	memset(bytes, gives_zero ? 0 : (int)calls | 1, len);
	return has_none ? -1 : (ssize_t)len;
}

void arc4random_buf(void *bytes, size_t len);
void
arc4random_buf(void *bytes, size_t len)
{
	expats_calls++;
	memset(bytes, 1, len);
}

/* As a worker does: each stanza in a parser that is primed for it. */
static void
parse_stanzas(unsigned count)
{
	static const char stanza[] =
	    "<message to='a@b'><body>x</body></message>";
	const struct framer_limits limits = { .element_bytes = 65536,
		.header_bytes = 4096,
		.depth = 64,
		.attributes = 64 };
	struct framer *framer = framer_new(&limits, 0);

	while (count-- > 0) {
		framer_prime(framer, NS_CLIENT);
		ck_assert_int_eq(framer_feed(framer, stanza,
				     sizeof(stanza) - 1),
		    FRAMER_ELEMENT);
	}
	framer_free(&framer);
}

START_TEST(a_stanza_costs_no_randomness_of_its_own)
{
	parse_stanzas(STANZAS);
	ck_assert_uint_le(calls, MOST);
	ck_assert_uint_eq(expats_calls, 0);
}
END_TEST

START_TEST(the_salt_is_another_now_and_then)
{
	parse_stanzas(STANZAS);
	ck_assert_uint_ge(calls, LEAST);
}
END_TEST

START_TEST(a_forked_process_takes_one_of_its_own)
{
	parse_stanzas(1);
	calls = 0;
	framer_renew_salt();
	parse_stanzas(1);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

/* To expat 0 means that it has to look for one itself. */
START_TEST(without_randomness_each_parser_looks_for_its_own)
{
	has_none = _i == 0;
	gives_zero = _i == 1;
	parse_stanzas(10);
	ck_assert_uint_ge(expats_calls, 10);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("framer_salt");
	TCase *tests = tcase_create("framer_salt");

	tcase_add_test(tests, a_stanza_costs_no_randomness_of_its_own);
	tcase_add_test(tests, the_salt_is_another_now_and_then);
	tcase_add_test(tests, a_forked_process_takes_one_of_its_own);
	tcase_add_loop_test(tests,
	    without_randomness_each_parser_looks_for_its_own, 0, 2);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
