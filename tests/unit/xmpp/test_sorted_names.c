/* SPDX-License-Identifier: Apache-2.0 */
/* The stack of names against one that looks at each in turn. */
#include "common/xmpp/sorted_names.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <stdlib.h>

static struct sorted_names names;

/* Few, so that many are the same; one is the beginning of another. */
static const char *const texts[] = { "", "a", "b", "ab", "ba", "abc", "abd",
	"\xC3\xA4" };

struct shadow_name {
	const char *text;
	uint32_t group;
};
static struct shadow_name shadow[SORTED_NAMES_MAX];
static uint32_t shadow_count;

static struct canonical_span
span_of(const char *text)
{
	return (struct canonical_span){ text, strlen(text) };
}

static uint32_t
shadow_find(struct shadow_name name)
{
	uint32_t i = shadow_count;

	while (i-- > 0)
		if (shadow[i].text == name.text &&
		    shadow[i].group == name.group)
			return i;
	return SORTED_NAMES_NONE;
}

static struct shadow_name
random_name(void)
{
	return (struct shadow_name){ texts[(size_t)random() % ARRAY_LEN(texts)],
		(uint32_t)random() % 3 };
}

static void
add(struct shadow_name name)
{
	uint32_t same;

	ck_assert_int_eq(sorted_names_add(&names, span_of(name.text),
			     name.group, &same),
	    shadow_count < SORTED_NAMES_MAX);
	ck_assert_uint_eq(same, shadow_find(name));
	if (shadow_count < SORTED_NAMES_MAX)
		shadow[shadow_count++] = name;
}

START_TEST(random_names_are_found_as_by_looking_at_each)
{
	unsigned i;

	(void)seed_random("test_sorted_names");
	for (i = 0; i < 20000; i++) {
		struct shadow_name name = random_name();

		if (random() % 50 == 0) {
			shadow_count = (uint32_t)random() % (shadow_count + 1);
			sorted_names_cut(&names, shadow_count);
		} else if (random() % 2) {
			add(name);
		}
		name = random_name();
		ck_assert_uint_eq(names.count, shadow_count);
		ck_assert_uint_eq(sorted_names_find(&names, span_of(name.text),
				      name.group),
		    shadow_find(name));
	}
}
END_TEST

START_TEST(a_full_one_takes_no_more_and_loses_none)
{
	unsigned i;

	for (i = 0; i < SORTED_NAMES_MAX + 5; i++)
		add(random_name());
	ck_assert_uint_eq(names.count, SORTED_NAMES_MAX);
	sorted_names_cut(&names, 0);
	ck_assert_uint_eq(sorted_names_find(&names, span_of("a"), 0),
	    SORTED_NAMES_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sorted_names");
	TCase *all = tcase_create("all");

	tcase_add_test(all, random_names_are_found_as_by_looking_at_each);
	tcase_add_test(all, a_full_one_takes_no_more_and_loses_none);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
