/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/printable.h"

#include <string.h>

size_t
utf8_char_len(const char *text, size_t left)
{
	static const struct {
		unsigned char first, last, least, most; /* of second byte */
		size_t len;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t row, i;

	if (left > 0 && bytes[0] < 0x80)
		return 1;
	for (row = 0; left > 0 && row < ARRAY_LEN(rows); row++)
		if (bytes[0] >= rows[row].first && bytes[0] <= rows[row].last)
			break;
	if (left == 0 || row == ARRAY_LEN(rows) || rows[row].len > left ||
	    bytes[1] < rows[row].least || bytes[1] > rows[row].most)
		return 0;
	for (i = 2; i < rows[row].len; i++)
		if (bytes[i] < 0x80 || bytes[i] > 0xbf)
			return 0;
	return rows[row].len;
}

/* As bytes, so that nothing need be decoded. */
static bool
is_obeyed(const unsigned char *text, size_t len)
{
	static const char *const marks[] = {
		"\xd8\x9c",                                     /* U+061C */
		"\xe2\x80\x8e", "\xe2\x80\x8f",                 /* U+200E, F */
		"\xe2\x80\xa8", "\xe2\x80\xa9",                 /* U+2028, 9 */
		"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", /* U+202A-C */
		"\xe2\x80\xad", "\xe2\x80\xae",                 /* U+202D, E */
		"\xe2\x81\xa6", "\xe2\x81\xa7",                 /* U+2066, 7 */
		"\xe2\x81\xa8", "\xe2\x81\xa9",                 /* U+2068, 9 */
	};
	size_t i;

	if (len == 1)
		return text[0] < ' ' || text[0] == 0x7f;
	if (text[0] == 0xc2)
		return text[1] < 0xa0;
	for (i = 0; i < ARRAY_LEN(marks); i++)
		if (strlen(marks[i]) == len && memcmp(marks[i], text, len) == 0)
			return true;
	return false;
}

size_t
printable_next(const char *text, size_t left, bool *shown_out)
{
	size_t len = utf8_char_len(text, left);

	*shown_out = len > 0 && !is_obeyed((const unsigned char *)text, len);
	return MAX(len, 1);
}

void
printable_copy(char *out, size_t cap, const char *text, char instead)
{
	size_t left = strlen(text), used = 0, len;
	bool shown;

	for (; left > 0; text += len, left -= len) {
		len = printable_next(text, left, &shown);
		if (used + (shown ? len : 1) >= cap)
			break;
		if (shown)
			memcpy(out + used, text, len);
		else
			out[used] = instead;
		used += shown ? len : 1;
	}
	out[used] = '\0';
}
