/* SPDX-License-Identifier: Apache-2.0 */
/* Whose stanzas links died with: rules, then clients that say harmless things
 * between those at which the server ends its links. */
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/send/blame.h"
#include "worker/upstream/send/suspects.h"

#include <check.h>
#include <stdlib.h>

#define SLOT       3
#define GENERATION 7

static struct blame *const blame = &up.isolation.blame;
static uint32_t slots;
static double now;

static void
setup(void)
{
	begin_upstream();
	slots = directory_slot_count(up.directory);
	now = 1000;
}

static unsigned
links(void)
{
	return blame_links(blame, SLOT, GENERATION, now);
}

static void
link_dies(void)
{
	now += 1;
	blame_add(blame, SLOT, GENERATION, now);
}

static bool
link_dies_alone(void)
{
	link_dies();
	return blame_add_alone(blame, SLOT, GENERATION);
}

static void
pay(unsigned count)
{
	while (count-- > 0)
		blame_pay(blame, SLOT, GENERATION);
}

static void
expect_no_blame(void)
{
	ck_assert_msg(blame->until <= now,
	    "nobody should be to blame now, not for %g s yet",
	    blame->until - now);
}

START_TEST(nobody_is_to_blame_before_a_link_dies)
{
	pay(1);
	ck_assert_uint_eq(links(), 0);
	ck_assert_msg(!blame_add_alone(blame, SLOT, GENERATION),
	    "nobody should be to blame before a link dies");
	expect_no_blame();
}
END_TEST

START_TEST(one_link_counts_once_however_much_it_carried)
{
	link_dies();
	for (unsigned i = 0; i < 100; i++)
		blame_add(blame, SLOT, GENERATION, now);
	ck_assert_uint_eq(links(), 1);
	expect_no_blame();
	link_dies();
	ck_assert_uint_eq(links(), SUSPECT_DEATHS);
	ck_assert_msg(blame->until > now,
	    "blame should last beyond now, not end at %g", blame->until);
}
END_TEST

START_TEST(a_chatterer_unconfirmed_twice_pays_with_one_stanza)
{
	link_dies();
	link_dies();
	pay(1);
	ck_assert_uint_eq(links(), 0);
}
END_TEST

START_TEST(each_further_link_costs_four_times_as_many_stanzas)
{
	unsigned price = 1;

	link_dies();
	for (unsigned i = SUSPECT_DEATHS; i < 10; i++, price *= 4) {
		link_dies();
		ck_assert_uint_eq(links(), i);
		pay(price - 1);
		ck_assert_uint_eq(links(), i);
		pay(1);
		ck_assert_uint_eq(links(), 0);
	}
}
END_TEST

START_TEST(two_links_in_a_row_to_itself_are_its_fault)
{
	link_dies();
	link_dies();
	ck_assert_msg(!link_dies_alone(),
	    "the first link that it had alone should not be its fault");
	ck_assert_msg(link_dies_alone(),
	    "the second link in a row that it had alone should be its fault");
}
END_TEST

START_TEST(a_link_shared_with_others_in_between_clears_it)
{
	link_dies();
	ck_assert_msg(!link_dies_alone(),
	    "the first link that it had alone should not be its fault");
	link_dies();
	ck_assert_msg(!link_dies_alone(),
	    "a link shared with others should have cleared it");
}
END_TEST

START_TEST(all_is_forgotten_after_a_while)
{
	link_dies();
	link_dies();
	ck_assert_msg(!link_dies_alone(),
	    "the first link that it had alone should not be its fault");
	now += BLAME_S + 1;
	ck_assert_uint_eq(links(), 0);
	expect_no_blame();
	ck_assert_msg(!link_dies_alone(),
	    "what was long ago should be forgotten");
	ck_assert_uint_eq(links(), 1);
}
END_TEST

START_TEST(the_next_session_of_a_slot_inherits_nothing)
{
	link_dies();
	link_dies();
	ck_assert_uint_eq(blame_links(blame, SLOT, GENERATION + 1, now), 0);
	blame_add(blame, SLOT, GENERATION + 1, now);
	ck_assert_uint_eq(blame_links(blame, SLOT, GENERATION + 1, now), 1);
	ck_assert_uint_eq(links(), 0);
}
END_TEST

START_TEST(a_slot_that_is_none_is_nobody)
{
	blame_add(blame, slots, GENERATION, now);
	blame_add(blame, UINT32_MAX, GENERATION, now);
	blame_pay(blame, slots, GENERATION);
	ck_assert_msg(!blame_add_alone(blame, UINT32_MAX, GENERATION),
	    "a slot beyond the last should be nobody's");
	ck_assert_uint_eq(blame_links(blame, slots, GENERATION, now), 0);
}
END_TEST

START_TEST(more_links_than_are_told_apart_are_borne)
{
	for (unsigned i = 0; i < 100; i++)
		link_dies();
	ck_assert_uint_eq(links(), SUSPECT_COUNTED);
	pay(1000000);
	ck_assert_uint_eq(links(), SUSPECT_COUNTED);
}
END_TEST

/* Suspect, it goes alone at once here: what parts cost is the model's of
 * test_suspects. */
START_TEST(harmless_stanzas_in_between_buy_few_links)
{
	static const unsigned harmless[] = { 0, 1, 2, 5, 20, 100, 1000, 10000,
		100000 };
	unsigned spent = 0;
	bool found = false;

	while (!found) {
		if (links() >= SUSPECT_DEATHS)
			found = link_dies_alone();
		else
			link_dies();
		ck_assert_uint_lt(++spent, SUSPECT_LINKS_MAX);
		pay(harmless[_i]);
	}
	if (harmless[_i] == 0)
		ck_assert_uint_eq(spent, 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("blame");
	TCase *tcase = tcase_create("blame");

	tcase_add_checked_fixture(tcase, setup, finish_upstream);
	tcase_add_test(tcase, nobody_is_to_blame_before_a_link_dies);
	tcase_add_test(tcase, one_link_counts_once_however_much_it_carried);
	tcase_add_test(tcase,
	    a_chatterer_unconfirmed_twice_pays_with_one_stanza);
	tcase_add_test(tcase,
	    each_further_link_costs_four_times_as_many_stanzas);
	tcase_add_test(tcase, two_links_in_a_row_to_itself_are_its_fault);
	tcase_add_test(tcase, a_link_shared_with_others_in_between_clears_it);
	tcase_add_test(tcase, all_is_forgotten_after_a_while);
	tcase_add_test(tcase, the_next_session_of_a_slot_inherits_nothing);
	tcase_add_test(tcase, a_slot_that_is_none_is_nobody);
	tcase_add_test(tcase, more_links_than_are_told_apart_are_borne);
	tcase_add_loop_test(tcase, harmless_stanzas_in_between_buy_few_links, 0,
	    9);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
