/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are not as they were written have another seal. */
#include "common/shm/seal.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#define LEN_MAX 100u

static uint8_t bytes[LEN_MAX];

static uint32_t
seal(size_t len)
{
	return (uint32_t)seal_bytes(7, bytes, len);
}

static void
flip(size_t bit)
{
	bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void
fill(unsigned round)
{
	for (size_t i = 0; i < LEN_MAX; i++)
		bytes[i] = round == 0 ? 0 : round == 1 ? 'x' : (uint8_t)rand();
}

START_TEST(every_single_bit_counts_at_every_length)
{
	for (size_t len = 0; len <= LEN_MAX; len++) {
		uint32_t whole;

		fill((unsigned)_i);
		whole = seal(len);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			flip(bit);
			ck_assert_uint_ne(seal(len), whole);
			flip(bit);
		}
		ck_assert_uint_eq(seal(len), whole);
	}
}
END_TEST

/* As by a line of a memory that keeps its value: the same bit of two words. */
START_TEST(no_two_flips_of_the_same_bit_of_a_word_cancel)
{
	uint32_t whole;

	fill((unsigned)_i);
	whole = seal(LEN_MAX);
	for (size_t one = 0; one < (size_t)8 * LEN_MAX; one++)
		for (size_t other = one % 64; other < one; other += 64) {
			flip(one);
			flip(other);
			ck_assert_uint_ne(seal(LEN_MAX), whole);
			flip(one);
			flip(other);
		}
}
END_TEST

START_TEST(what_lies_behind_the_bytes_does_not_count)
{
	for (size_t len = 0; len < LEN_MAX; len++) {
		uint32_t whole = seal(len);

		for (size_t bit = 8 * len; bit < (size_t)8 * LEN_MAX; bit++) {
			flip(bit);
			ck_assert_uint_eq(seal(len), whole);
		}
	}
}
END_TEST

START_TEST(two_words_that_change_places_count)
{
	uint8_t word[8];

	fill(2);
	for (size_t one = 0; one + 8 <= LEN_MAX; one += 8)
		for (size_t other = 0; other < one; other += 8) {
			uint32_t whole = seal(LEN_MAX);

			memcpy(word, bytes + one, 8);
			memcpy(bytes + one, bytes + other, 8);
			memcpy(bytes + other, word, 8);
			ck_assert_uint_ne(seal(LEN_MAX), whole);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("seal");
	TCase *tcase = tcase_create("seal");

	srand(1);
	tcase_add_loop_test(tcase, every_single_bit_counts_at_every_length, 0,
	    4);
	tcase_add_loop_test(tcase,
	    no_two_flips_of_the_same_bit_of_a_word_cancel, 0, 4);
	tcase_add_test(tcase, what_lies_behind_the_bytes_does_not_count);
	tcase_add_test(tcase, two_words_that_change_places_count);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
