/* SPDX-License-Identifier: Apache-2.0 */
/* seed - for random(), printed, and repeated by CM_SEED. */
#ifndef TESTS_SUPPORT_CHECK_SEED_H
#define TESTS_SUPPORT_CHECK_SEED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* Seeds random() with what CM_SEED says, else with one drawn now; prints and
 * returns it. test: whose name the line begins with. */
static inline unsigned
seed_random(const char *test)
{
	const char *given = getenv("CM_SEED");
	unsigned seed = 0;

	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	else
		ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0),
		    sizeof(seed));
	printf("%s: CM_SEED=%u\n", test, seed);
	fflush(stdout);
	srandom(seed);
	return seed;
}

#endif
