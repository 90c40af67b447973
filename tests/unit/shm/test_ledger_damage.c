/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers that cannot be used are set aside, and a new one is made. */
#include "tests/support/check/run_suite.h"
#include "tests/support/region/ledger_live.h"
#include "tests/unit/shm/ledger_bytes.h"
#include "tests/unit/shm/ledger_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
ck_set_aside(const char *what, int before)
{
	ledger_rig_open_again();
	ck_assert_msg(ledger_rig_count_others(false) == before + 1, "%s", what);
	ck_assert_msg(ledger_live_count(ledger) == 0, "%s", what);
	ledger_free(&ledger);
	ledger_rig_open_again(); /* what was made is sound */
	ck_assert_msg(ledger_rig_count_others(false) == before + 1, "%s", what);
}

static uint8_t file_2[4096 * (2 + 2 * PARTITIONS)];

/* A sound file with a word changed. */
static void
ck_word_is_judged(const char *what, size_t offset, uint32_t word)
{
	uint8_t copy[sizeof(file_2)];

	(void)ledger_rig_count_others(true);
	ledger_free(&ledger);
	memcpy(copy, file_2, sizeof(copy));
	memcpy(copy + offset, &word, sizeof(word));
	ledger_bytes_save(path, copy, sizeof(copy));
	ck_set_aside(what, 0);
}

START_TEST(test_a_header_with_a_senseless_word_is_set_aside)
{
	ledger_rig_read_at(0, file_2, sizeof(file_2));
	ck_word_is_judged("magic", 0, 1);
	ck_word_is_judged("magic", 4, 1);
	ck_word_is_judged("version 0", 8, 0);
	ck_word_is_judged("version 1 of this size", 8, 1);
	ck_word_is_judged("later version", 8, 3);
	ck_word_is_judged("byte order", 8, 0x02000000);
	ck_word_is_judged("partitions", 12, 0);
	ck_word_is_judged("partitions", 12, PARTITIONS + 1);
	ck_word_is_judged("partitions", 12, UINT32_MAX);
	ck_word_is_judged("slots", 16, 0);
	ck_word_is_judged("slots", 16, 1000);
	ck_word_is_judged("slots", 16, 0x40000000);
	ck_word_is_judged("former", 20, 1);
	ck_word_is_judged("former", 20, UINT32_MAX);
	ck_word_is_judged("no name", 24, 0);
	ck_word_is_judged("name", 24, 0x22273c3e); /* <'" and so on */
	ck_word_is_judged("former name", 24 + 72, 0xffffffff);
}
END_TEST

START_TEST(test_a_name_without_an_end_is_set_aside)
{
	ledger_rig_read_at(0, file_2, sizeof(file_2));
	memset(file_2 + 24, 'a', 72);
	ck_word_is_judged("no end", 24, 0x61616161);
	memset(file_2 + 24, 0, 72);
	memset(file_2 + 24, 'a', 64);
	ledger_free(&ledger);
	ledger_bytes_save(path, file_2, sizeof(file_2));
	(void)ledger_rig_count_others(true);
	ledger_rig_open_again(); /* the longest that is allowed */
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
}
END_TEST

START_TEST(test_a_file_of_any_other_length_is_set_aside)
{
	static const off_t lengths[] = { 0, 1, 100, 4095, 4096, 4097, 8192,
		4096 * 9, sizeof(file_2) - 1, sizeof(file_2) + 1,
		sizeof(file_2) + 4096, (off_t)1 << 40 };

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		ledger_free(&ledger);
		(void)ledger_rig_count_others(true);
		ck_assert_int_eq(truncate(path, lengths[i]), 0);
		ck_set_aside("length", 0);
	}
}
END_TEST

START_TEST(test_what_is_no_file_is_set_aside)
{
	ledger_free(&ledger);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_set_aside("fifo", 0);
	ledger_free(&ledger);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_set_aside("symlink", 1);
	ledger_free(&ledger);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_set_aside("directory", 2);
}
END_TEST

START_TEST(test_a_bounded_number_is_kept_aside_and_the_oldest_goes)
{
	char aside[128];
	int count = 0;

	for (int i = 0; i < 40; i++) {
		ledger_free(&ledger);
		ck_assert_int_eq(truncate(path, i), 0);
		ledger_rig_open_again();
		ck_assert_int_ge(ledger_rig_count_others(false), count);
		count = ledger_rig_count_others(false);
	}
	ck_assert_int_le(count, 10);
	snprintf(aside, sizeof(aside), "%s.damaged-1", path);
	ck_assert_int_eq(access(aside, F_OK), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger_damage");
	TCase *tcase = tcase_create("ledger_damage");

	tcase_add_checked_fixture(tcase, ledger_rig_setup, ledger_rig_teardown);
	tcase_add_test(tcase, test_a_header_with_a_senseless_word_is_set_aside);
	tcase_add_test(tcase, test_a_name_without_an_end_is_set_aside);
	tcase_add_test(tcase, test_a_file_of_any_other_length_is_set_aside);
	tcase_add_test(tcase, test_what_is_no_file_is_set_aside);
	tcase_add_test(tcase,
	    test_a_bounded_number_is_kept_aside_and_the_oldest_goes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
