/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's contexts share from one reload to the next, what is made when
 * a client first needs it, and what becomes of the keys meanwhile. */
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/net/choice_rig.h"
#include "tests/unit/net/wiped.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define FAILED "a certificate cannot be used"

static void
setup(void)
{
	choice_rig_setup();
	log_lines_begin(LOG_ERROR);
}

static void
teardown(void)
{
	log_lines_end();
	wiped_expect(NULL);
	choice_rig_teardown();
}

/* The next of the same worker. */
static void
reload(struct tls_choice **choice_io, const struct directory *directory)
{
	struct tls_choice *next = new_choice(directory, *choice_io);

	tls_choice_free(choice_io);
	*choice_io = next;
}

/* --- a reload --- */

static const struct directory three = {
	.all = { { 0, 0, true, "a.test www.a.test a.test" },
	    { 1, 0, false, "b.test" }, { 2, 0, false, "b.test c.test" } },
	.count = 3,
};

START_TEST(what_has_not_changed_is_shared)
{
	struct tls_choice *older = new_choice(&three, NULL), *next;
	struct directory changed = three;

	next = new_choice(&three, older);
	ck_assert_int_eq(share(older, next, ""), true);
	ck_assert_int_eq(share(older, next, "a.test"), true);
	ck_assert_int_eq(share(older, next, "b.test"), true);
	ck_assert_int_eq(share(older, next, "c.test"), true);
	tls_choice_free(&next);
	changed.all[1].version++;
	next = new_choice(&changed, older);
	ck_assert_int_eq(share(older, next, ""), true);
	ck_assert_int_eq(share(older, next, "b.test"), false);
	ck_assert_int_eq(share(older, next, "c.test"), true);
	ck_assert_str_eq(shown(next, "b.test"), "12");
	tls_choice_free(&older);
	ck_assert_str_eq(shown(next, "c.test"), "2");
	ck_assert_str_eq(shown(next, "a.test"), "0");
	tls_choice_free(&next);
}
END_TEST

/* Nobody had asked for it before the reload, and the older one is the first to
 * be asked, or the last. */
START_TEST(what_is_made_later_is_shared_too)
{
	struct tls_choice *older = new_choice(&three, NULL), *next;

	next = new_choice(&three, older);
	if (_i == 0)
		ck_assert_str_eq(shown(older, "c.test"), "2");
	ck_assert_str_eq(shown(next, "c.test"), "2");
	ck_assert_int_eq(share(older, next, "c.test"), true);
	tls_choice_free(_i == 0 ? &older : &next);
	ck_assert_str_eq(shown(_i == 0 ? next : older, "c.test"), "2");
	tls_choice_free(&older);
	tls_choice_free(&next);
}
END_TEST

START_TEST(another_order_is_a_change)
{
	struct tls_choice *older = new_choice(&three, NULL), *next;
	struct directory turned = three;

	turned.all[1] = three.all[2];
	turned.all[2] = three.all[1];
	next = new_choice(&turned, older);
	ck_assert_str_eq(shown(older, "b.test"), "12");
	ck_assert_str_eq(shown(next, "b.test"), "21");
	ck_assert_int_eq(share(older, next, "c.test"), true);
	tls_choice_free(&older);
	tls_choice_free(&next);
}
END_TEST

START_TEST(one_for_nobody_is_shown_to_nobody)
{
	const struct directory directory = {
		.all = { { 0, 0, true, "a.test" }, { 1, 0, false, "" } },
		.count = 2,
	};
	struct tls_choice *choice = new_choice(&directory, NULL);

	ck_assert_str_eq(shown(choice, ""), "0");
	ck_assert_str_eq(shown(choice, "b.test"), "0");
	tls_choice_free(&choice);
}
END_TEST

/* --- one that cannot be used --- */

static const struct directory broken = {
	.all = { { 0, 0, true, "a.test" }, { KINDS, 0, false, "b.test" },
	    { 2, 0, false, "c.test" } },
	.count = 3,
};

START_TEST(one_that_cannot_be_used_is_found_when_it_is_needed)
{
	struct tls_choice *choice = new_choice(&broken, NULL);

	ck_assert_str_eq(shown(choice, "a.test"), "0");
	ck_assert_str_eq(shown(choice, "c.test"), "2");
	ck_assert_uint_eq(log_lines_with(FAILED), 0);
	ck_assert_str_eq(shown(choice, "b.test"), "0");
	ck_assert_str_eq(shown(choice, "b.test"), "0");
	ck_assert_uint_eq(log_lines_with(FAILED), 1);
	ck_assert_uint_eq(log_lines_with("host=\"b.test\""), 1);
	ck_assert_str_eq(shown(choice, "c.test"), "2");
	tls_choice_free(&choice);
}
END_TEST

START_TEST(one_that_could_not_be_used_is_tried_at_the_next_reload)
{
	struct tls_choice *choice = new_choice(&broken, NULL);
	struct directory mended = broken;

	ck_assert_str_eq(shown(choice, "b.test"), "0");
	reload(&choice, &broken);
	ck_assert_uint_eq(log_lines_with(FAILED), 1);
	ck_assert_str_eq(shown(choice, "b.test"), "0");
	ck_assert_uint_eq(log_lines_with(FAILED), 2);
	mended.all[1].kind = 1;
	reload(&choice, &mended);
	ck_assert_str_eq(shown(choice, "b.test"), "1");
	ck_assert_uint_eq(log_lines_with(FAILED), 2);
	tls_choice_free(&choice);
}
END_TEST

START_TEST(a_default_that_cannot_be_used_is_refused_at_once)
{
	struct tls_choice *choice = new_choice(&three, NULL), *next;
	struct directory worse = broken;
	struct tls_error error;

	worse.all[0].kind = KINDS;
	ck_assert_int_eq(try_choice(&worse, choice, &next, &error), -EINVAL);
	ck_assert_ptr_null(next);
	ck_assert_ptr_nonnull(strstr(error.text, "cannot be read"));
	ck_assert_str_eq(shown(choice, "c.test"), "2");
	tls_choice_free(&choice);
}
END_TEST

/* --- keys --- */

START_TEST(a_key_is_wiped_once_it_was_needed)
{
	struct tls_choice *choice = new_choice(&three, NULL);

	wiped_expect((const char *)kinds[0].key);
	ck_assert_str_eq(shown(choice, "c.test"), "2");
	ck_assert_uint_eq(wiped_count(), 1);
	ck_assert_str_eq(shown(choice, "c.test"), "2");
	ck_assert_str_eq(shown(choice, "b.test"), "12");
	ck_assert_uint_eq(wiped_count(), 3);
	tls_choice_free(&choice);
	ck_assert_uint_eq(wiped_count(), 3);
}
END_TEST

START_TEST(a_key_is_wiped_when_nobody_can_need_it_any_more)
{
	struct tls_choice *choice = new_choice(&three, NULL), *next;
	struct directory changed = three;

	changed.all[1].version++;
	next = new_choice(&changed, choice);
	wiped_expect((const char *)kinds[0].key);
	tls_choice_free(&next);
	ck_assert_uint_eq(wiped_count(), 2); /* those of "b.test", changed */
	tls_choice_free(&choice);
	ck_assert_uint_eq(wiped_count(), 5); /* and of "c.test" */
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("tls_set");
	TCase *tests = tcase_create("tls_set");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_has_not_changed_is_shared);
	tcase_add_loop_test(tests, what_is_made_later_is_shared_too, 0, 2);
	tcase_add_test(tests, another_order_is_a_change);
	tcase_add_test(tests, one_for_nobody_is_shown_to_nobody);
	tcase_add_test(tests,
	    one_that_cannot_be_used_is_found_when_it_is_needed);
	tcase_add_test(tests,
	    one_that_could_not_be_used_is_tried_at_the_next_reload);
	tcase_add_test(tests, a_default_that_cannot_be_used_is_refused_at_once);
	tcase_add_test(tests, a_key_is_wiped_once_it_was_needed);
	tcase_add_test(tests, a_key_is_wiped_when_nobody_can_need_it_any_more);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return run_suite(make_suite());
}
