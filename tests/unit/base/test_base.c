/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base modules: buffer, cursor, list, log helpers.
 */
#include "common/base/buf.h"
#include "common/base/cursor.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/near_word.h"
#include "common/base/unix_address.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of pages and units are 32 bits wide, what is aligned 64. */
START_TEST(aligning_keeps_what_is_beyond_32_bits)
{
	ck_assert_uint_eq(align_up(UINT64_C(1) << 32, 4096u), UINT64_C(1)
								  << 32);
	ck_assert_uint_eq(align_up((UINT64_C(1) << 32) + 1, 8u),
	    (UINT64_C(1) << 32) + 8);
	ck_assert_uint_eq(align_up(UINT32_MAX, 4096u), UINT64_C(1) << 32);
	ck_assert_uint_eq(align_up(4097, 4096u), 8192);
	ck_assert_uint_eq(align_up(0, 4096u), 0);
}
END_TEST

START_TEST(unix_address_takes_what_fits_with_its_end)
{
	struct sockaddr_un address;
	char path[sizeof(address.sun_path) + 1];

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(unix_address(path, &address), -ENAMETOOLONG);
	path[sizeof(path) - 2] = '\0';
	ck_assert_int_eq(unix_address(path, &address), 0);
	ck_assert_int_eq(address.sun_family, AF_UNIX);
	ck_assert_str_eq(address.sun_path, path);
}
END_TEST

START_TEST(buf_refuses_to_pass_its_limit_and_keeps_its_content)
{
	struct buf buf;

	buf_init(&buf, 4);
	ck_assert_int_eq(buf_append_str(&buf, "abc"), 0);
	ck_assert_int_eq(buf_append_str(&buf, "de"), -EMSGSIZE);
	ck_assert_msg(buf.failed,
	    "a buffer that refused something should have failed");
	ck_assert_uint_eq(buf_len(&buf), 3);
	ck_assert_int_eq(memcmp(buf_bytes(&buf), "abc", 3), 0);
	buf_reset(&buf);
	ck_assert_msg(!buf.failed,
	    "a buffer that was reset should not have failed");
	buf_destroy(&buf);
}
END_TEST

START_TEST(buf_owns_no_memory_when_trimmed_empty)
{
	struct buf buf;

	buf_init(&buf, 0);
	ck_assert_int_eq(buf_append_char(&buf, 'x'), 0);
	buf_trim(&buf);
	ck_assert_ptr_nonnull(buf.data);
	buf_consume(&buf, 1);
	buf_trim(&buf);
	ck_assert_ptr_null(buf.data);
}
END_TEST

/* Random appends and consumes against a plain array. */
START_TEST(buf_behaves_like_a_plain_queue_of_bytes)
{
	static uint8_t shadow[1 << 16];
	size_t shadow_len = 0;
	struct buf buf;

	(void)seed_random("test_base");
	buf_init(&buf, sizeof(shadow));
	for (int step = 0; step < 20000; step++) {
		uint8_t bytes[300];
		size_t len = (size_t)random() % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)random();
		if (random() % 2 == 0) {
			int result = buf_append(&buf, bytes, len);

			ck_assert_int_eq(result == 0,
			    shadow_len + len <= sizeof(shadow));
			if (result == 0)
				memcpy(shadow + shadow_len, bytes, len);
			shadow_len += result == 0 ? len : 0;
			buf.failed = false;
		} else {
			len = MIN(len, shadow_len);
			buf_consume(&buf, len);
			shadow_len -= len;
			memmove(shadow, shadow + len, shadow_len);
		}
		ck_assert_uint_eq(buf_len(&buf), shadow_len);
		if (shadow_len)
			ck_assert_mem_eq(buf_bytes(&buf), shadow, shadow_len);
	}
	buf_destroy(&buf);
}
END_TEST

START_TEST(cursor_reads_back_what_its_writer_put)
{
	uint8_t bytes[32];
	struct cursor_writer writer;
	struct cursor cursor;

	cursor_writer_init(&writer, bytes, sizeof(bytes));
	cursor_put_u8(&writer, 0x12);
	cursor_put_u16(&writer, 0x3456);
	cursor_put_u32(&writer, 0x789abcde);
	cursor_put_bytes(&writer, "xyz", 3);
	ck_assert_msg(!writer.failed, "all that was written should fit");
	cursor_init(&cursor, bytes, writer.len);
	ck_assert_uint_eq(cursor_u8(&cursor), 0x12);
	ck_assert_uint_eq(cursor_u16(&cursor), 0x3456);
	ck_assert_uint_eq(cursor_u32(&cursor), 0x789abcde);
	ck_assert_msg(!cursor_is_done(&cursor),
	    "the bytes at the end should still be there");
	ck_assert_int_eq(memcmp(cursor_bytes(&cursor, 3), "xyz", 3), 0);
	ck_assert_msg(cursor_is_done(&cursor),
	    "nothing should be left behind the last bytes");
}
END_TEST

START_TEST(cursor_yields_zero_and_fails_past_the_end)
{
	uint8_t bytes[3] = { 1, 2, 3 };
	struct cursor cursor;

	cursor_init(&cursor, bytes, sizeof(bytes));
	ck_assert_uint_eq(cursor_u32(&cursor), 0);
	ck_assert_msg(cursor.failed, "reading past the end should fail");
	ck_assert_uint_eq(cursor_u8(&cursor), 0);
	ck_assert_msg(!cursor_is_done(&cursor),
	    "a cursor that failed should never be done");
}
END_TEST

START_TEST(cursor_writer_never_writes_past_its_room)
{
	uint8_t bytes[4] = { 0, 0, 0, 0xaa };
	struct cursor_writer writer;

	cursor_writer_init(&writer, bytes, 3);
	cursor_put_u32(&writer, 0xffffffffu);
	ck_assert_msg(writer.failed, "writing past the room should fail");
	ck_assert_uint_eq(writer.len, 0);
	ck_assert_uint_eq(bytes[3], 0xaa);
}
END_TEST

struct member {
	int number;
	struct list link;
};

START_TEST(list_keeps_order_and_survives_removal_inside_the_loop)
{
	struct member members[4];
	struct list list;
	int sum = 0;

	list_init(&list);
	for (int i = 0; i < 4; i++) {
		members[i].number = i;
		list_append(&list, &members[i].link);
	}
	list_each(link, &list)
	{
		struct member *member = container_of(link, struct member, link);

		sum = sum * 10 + member->number;
		list_remove(link);
		list_remove(link);
	}
	ck_assert_int_eq(sum, 123);
	ck_assert_msg(list_is_empty(&list), "the list should be empty");
}
END_TEST

START_TEST(log_escape_leaves_no_control_byte_and_is_bounded)
{
	char text[200];
	const char *escaped;

	memset(text, '\n', sizeof(text));
	escaped = log_escape(text, sizeof(text));
	ck_assert_uint_eq(strlen(escaped), 4 * 80 + 3);
	ck_assert_ptr_null(strchr(escaped, '\n'));
	ck_assert_str_eq(log_escape("a\\b\x01", 4), "a\\x5cb\\x01");
}
END_TEST

START_TEST(a_long_text_is_escaped_in_pieces_that_lose_nothing)
{
	char text[500], all[4 * sizeof(text) + 1] = "", piece[64];
	size_t done, i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	text[77] = '\n';
	for (done = 0; done < sizeof(text);) {
		done += log_escape_to(text + done, sizeof(text) - done, piece,
		    sizeof(piece));
		ck_assert_uint_lt(strlen(piece), sizeof(piece));
		strcat(all, piece);
	}
	ck_assert_uint_eq(strlen(all), sizeof(text) + 3);
	ck_assert_ptr_nonnull(strstr(all, "xy\\x0aab"));
}
END_TEST

START_TEST(buf_prints_what_is_longer_than_a_line)
{
	static char text[5000], again[5010];
	struct buf buf;

	memset(text, 'x', sizeof(text) - 1);
	snprintf(again, sizeof(again), "<%s>", text);
	buf_init(&buf, 0);
	ck_assert_int_eq(buf_printf(&buf, "<%s>", text), 0);
	ck_assert_uint_eq(buf_len(&buf), strlen(again));
	ck_assert_mem_eq(buf_bytes(&buf), again, strlen(again));
	buf_destroy(&buf);
	buf_init(&buf, 4096);
	ck_assert_int_eq(buf_printf(&buf, "<%s>", text), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&buf), 0);
	buf_destroy(&buf);
}
END_TEST

START_TEST(a_near_word_is_one_of_few_other_letters)
{
	ck_assert_uint_eq(near_word_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(near_word_distance("", "abc"), 3);
	ck_assert_int_eq(near_word_is_slip("sohw", "show"), true);
	ck_assert_int_eq(near_word_is_slip("sesions", "sessions"), true);
	ck_assert_int_eq(near_word_is_slip("cert", "certificates"), true);
	ck_assert_int_eq(near_word_is_slip("w", "wait"), false);
	ck_assert_int_eq(near_word_is_slip("", "log"), false);
	ck_assert_int_eq(near_word_is_slip("x", ""), false);
}
END_TEST

int
main(void)
{
	TCase *tcase = tcase_create("base");
	Suite *suite = suite_create("base");

	tcase_add_test(tcase, aligning_keeps_what_is_beyond_32_bits);
	tcase_add_test(tcase, unix_address_takes_what_fits_with_its_end);
	tcase_add_test(tcase,
	    buf_refuses_to_pass_its_limit_and_keeps_its_content);
	tcase_add_test(tcase, buf_owns_no_memory_when_trimmed_empty);
	tcase_add_test(tcase, buf_behaves_like_a_plain_queue_of_bytes);
	tcase_add_test(tcase, cursor_reads_back_what_its_writer_put);
	tcase_add_test(tcase, cursor_yields_zero_and_fails_past_the_end);
	tcase_add_test(tcase, cursor_writer_never_writes_past_its_room);
	tcase_add_test(tcase,
	    list_keeps_order_and_survives_removal_inside_the_loop);
	tcase_add_test(tcase,
	    a_long_text_is_escaped_in_pieces_that_lose_nothing);
	tcase_add_test(tcase, buf_prints_what_is_longer_than_a_line);
	tcase_add_test(tcase, a_near_word_is_one_of_few_other_letters);
	tcase_add_test(tcase, log_escape_leaves_no_control_byte_and_is_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
