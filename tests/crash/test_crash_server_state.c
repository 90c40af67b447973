/* SPDX-License-Identifier: Apache-2.0 */
/* The server's state with an upstream that dies at any instruction: workers and
 * the successor read the last one that was complete. */
#include "common/shm/region.h"
#include "common/shm/server_state.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/smallest_region.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void
publish(uint32_t version)
{
	/* Zeroed once: each word would be a step. */
	static struct server_state state = { .domain_count = 1 };

	state.version = state.disconnect_epoch = version;
	memset(state.offers[0].mechanisms, (int)('a' + version % 26),
	    SERVER_MECHANISMS_MAX - 1);
	server_state_publish(region, &state);
}

static void
publish_many(void *context)
{
	uint32_t version = *(const uint32_t *)context;

	while (version < 200)
		publish(++version);
}

static void
look(void *context)
{
	uint32_t *last = context;
	struct server_state state = { 0 };
	char text[SERVER_MECHANISMS_MAX - 1];

	ck_assert_msg(server_state_read(region, &state),
	    "what was published last should be readable after a crash");
	ck_assert_uint_ge(state.version, *last);
	ck_assert_uint_le(state.version, *last + 1);
	*last = state.version;
	ck_assert_uint_eq(state.disconnect_epoch, state.version);
	memset(text, (int)('a' + state.version % 26), sizeof(text));
	ck_assert_mem_eq(state.offers[0].mechanisms, text, sizeof(text));
}

START_TEST(test_a_state_is_whole_after_every_instruction)
{
	uint32_t last = 1;
	const uint8_t *shared = region_section(region, REGION_SERVER_STATE, 0);
	/* Of each copy, at the section's beginning and at its end, what one
	 * domain fills. */
	size_t used = offsetof(struct server_state, offers[1]);
	size_t ahead = SERVER_STATE_BYTES - 2 * sizeof(struct server_state);
	const struct step step = {
		.spans = { { shared, ahead + used },
		    { shared + ahead + sizeof(struct server_state), used } },
		.work = publish_many,
		.look = look,
		.context = &last,
	};

	publish(1);
	if (!step_through(&step))
		return;
	ck_assert_uint_gt(last, 1);
	publish(last + 1); /* the successor */
	look(&last);
	publish(last + 1);
	look(&last);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_server_state");
	TCase *tcase = tcase_create("crash_server_state");

	tcase_add_checked_fixture(tcase, smallest_region_begin,
	    smallest_region_end);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, test_a_state_is_whole_after_every_instruction);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
