/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/printable.h"

#include <string.h>

/* Bytes of the UTF-8 character at `text` (RFC 3629), at most `left`; 0: there
 * is none. */
static size_t
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

uint32_t
utf8_char_number(const char *text, size_t len)
{
	/* Of the first byte, by how many there are. */
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t number = bytes[0] & masks[len];
	size_t i;

	for (i = 1; i < len; i++)
		number = number << 6 | (bytes[i] & 0x3fu);
	return number;
}

static bool
is_obeyed(uint32_t number)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },
		{ 0x7f, 0x9f },
		{ 0x61c, 0x61c },
		{ 0x200e, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2066, 0x2069 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(ranges); i++)
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	return false;
}

size_t
printable_next(const char *text, size_t left, bool *shown_out)
{
	size_t len = utf8_char_len(text, left);

	*shown_out = len > 0 && !is_obeyed(utf8_char_number(text, len));
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
