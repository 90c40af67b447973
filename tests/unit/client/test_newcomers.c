/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of clients without a session: random arrivals and departures
 * against a plain list. CM_SEED repeats a run. */
#include "tests/support/check/run_suite.h"
#include "worker/client/newcomers.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SHADOWS 300
#define STEPS   20000

static struct shadow {
	bool there;
	uint32_t place;
	uint16_t port;
} shadows[SHADOWS];

static void
arrive(struct newcomers *newcomers, struct shadow *shadow)
{
	struct endpoint peer;

	shadow->port = (uint16_t)(1 + rand() % 65535);
	shadow->there = true;
	ck_assert_int_eq(endpoint_parse(rand() % 2 ? "192.0.2.7"
						   : "2001:db8::7",
			     shadow->port, &peer),
	    0);
	shadow->place = newcomers_add(newcomers, &peer);
}

START_TEST(each_keeps_its_own_address)
{
	struct newcomers newcomers;
	struct endpoint peer;
	unsigned i;

	newcomers_init(&newcomers);
	for (i = 0; i < STEPS; i++) {
		struct shadow *shadow = &shadows[rand() % SHADOWS];

		if (!shadow->there) {
			arrive(&newcomers, shadow);
			continue;
		}
		newcomers_peer(&newcomers, shadow->place, &peer);
		ck_assert_uint_eq(endpoint_port(&peer), shadow->port);
		newcomers_remove(&newcomers, shadow->place);
		shadow->there = false;
	}
	ck_assert_uint_le(newcomers.room, 2 * SHADOWS);
	newcomers_destroy(&newcomers);
}
END_TEST

int
main(void)
{
	const char *seed = getenv("CM_SEED");
	unsigned number = seed ? (unsigned)atoi(seed) : 1;
	Suite *suite = suite_create("newcomers");
	TCase *tests = tcase_create("newcomers");

	printf("CM_SEED=%u\n", number);
	srand(number);
	tcase_add_test(tests, each_keeps_its_own_address);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
