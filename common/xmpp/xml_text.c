/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/xml_text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* --- characters --- */

/* The bytes of the character there, which is not ASCII; 0: there is none, or
 * one that XML does not know. */
static size_t
decode(const uint8_t *at, size_t left, uint32_t *point_out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4, i;
	uint32_t point = at[0] & (0x7Fu >> len);

	if (at[0] < 0xC2 || at[0] > 0xF4 || left < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3Fu);
	}
	if (point < least[len] || point > 0x10FFFF ||
	    (point >= 0xD800 && point < 0xE000) || point == 0xFFFE ||
	    point == 0xFFFF)
		return 0;
	*point_out = point;
	return len;
}

enum place { IN_TEXT = 1, IN_VALUE = 2 };

/* The bytes of the reference there; 0: our writer makes none like it. */
static size_t
reference_len(const uint8_t *at, size_t left, enum place place)
{
	static const struct {
		char text[8];
		uint8_t len, places;
	} references[] = {
		{ "&amp;", 5, IN_TEXT | IN_VALUE },
		{ "&lt;", 4, IN_TEXT | IN_VALUE },
		{ "&gt;", 4, IN_TEXT | IN_VALUE },
		{ "&quot;", 6, IN_VALUE },
		{ "&#13;", 5, IN_TEXT | IN_VALUE },
		{ "&#10;", 5, IN_VALUE },
		{ "&#9;", 4, IN_VALUE },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(references); i++)
		if ((references[i].places & place) &&
		    left >= references[i].len &&
		    memcmp(at, references[i].text, references[i].len) == 0)
			return references[i].len;
	return 0;
}

/* In text '>' is bare but behind "]]", where it is a reference. */
static size_t
greater_len(const uint8_t *start, const uint8_t *at, size_t len)
{
	bool behind_brackets =
	    at - start >= 2 && at[-1] == ']' && at[-2] == ']';

	return behind_brackets == (*at == '&') ? len : 0;
}

/* The bytes of what is there beside the plain characters of is_plain(); 0: it
 * may not be there. */
static size_t
special_len(const uint8_t *start, const uint8_t *at, const uint8_t *end,
    enum place place)
{
	size_t len = 0, left = (size_t)(end - at);
	uint32_t point;

	if (*at >= 0x80)
		return decode(at, left, &point);
	if (*at == '&') {
		len = reference_len(at, left, place);
		if (place == IN_TEXT && len && at[1] == 'g')
			return greater_len(start, at, len);
		return len;
	}
	if (place == IN_VALUE)
		return 0;
	if (*at == '>')
		return greater_len(start, at, 1);
	return *at == '\t' || *at == '\n';
}

static bool
is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '&' && byte != '>';
}

/* So many at once. As a signed number a byte that is not ASCII is below 0x20,
 * too. */
#define BLOCK 16

/* A bit for each byte of a block that is not plain, the first is the lowest. */
#ifdef __SSE2__
static unsigned
others_of(const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	__m128i ampersand = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('&'));
	__m128i greater = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('>'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low,
	    _mm_or_si128(ampersand, greater)));
}
#else
/* gcc's and clang's vectors, for any processor. */
static unsigned
others_of(const uint8_t *at)
{
	int8_t bytes __attribute__((vector_size(BLOCK)));
	uint64_t halves[2];
	unsigned others = 0;

	memcpy(&bytes, at, BLOCK);
	bytes = (bytes < 0x20) | (bytes == '&') | (bytes == '>');
	memcpy(halves, &bytes, BLOCK);
	if (!(halves[0] | halves[1]))
		return 0;
	for (unsigned i = 0; i < BLOCK; i++)
		others |= (unsigned)!is_plain(at[i]) << i;
	return others;
}
#endif

/* Where the plain characters from `at` on end. */
static const uint8_t *
skip_plain(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
	unsigned others;
	size_t left;

	for (; end - at >= BLOCK; at += BLOCK) {
		others = others_of(at);
		if (others)
			return at + __builtin_ctz(others);
	}
	left = (size_t)(end - at);
	if (left && end - start >= BLOCK) { /* some of before once more */
		others = others_of(end - BLOCK) >> (BLOCK - left);
		return others ? at + __builtin_ctz(others) : end;
	}
	while (at < end && is_plain(*at))
		at++;
	return at;
}

static bool
is_text(struct canonical_span span, enum place place)
{
	const uint8_t *start = (const uint8_t *)span.text, *at = start;
	const uint8_t *end = start + span.len;
	size_t len;

	while (at < end) {
		at = skip_plain(start, at, end);
		/* Words of other alphabets are many in a row. */
		for (; at < end && !is_plain(*at); at += len) {
			len = special_len(start, at, end, place);
			if (len == 0)
				return false;
		}
	}
	return true;
}

bool
xml_text_is_content(struct canonical_span content)
{
	return is_text(content, IN_TEXT);
}

bool
xml_text_is_value(struct canonical_span value)
{
	return is_text(value, IN_VALUE);
}

/* --- names --- */

static const struct {
	uint16_t first, last;
	bool may_begin;
} ranges[] = {
#define FIRST(first, last) { first, last, true },
#define LATER(first, last) { first, last, false },
#include "common/xmpp/xml_name.def"
#undef FIRST
#undef LATER
};

static bool
is_in_names(uint32_t point, bool begins)
{
	size_t low = 0, high = ARRAY_LEN(ranges), middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (ranges[middle].last < point)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ARRAY_LEN(ranges) && ranges[low].first <= point &&
	       (ranges[low].may_begin || !begins);
}

/* One that is more than ASCII letters and the like, from there on. */
static bool
split_other_name(const uint8_t *text, size_t at, size_t name_len,
    size_t *prefix_len_out)
{
	bool begins = at == 0;
	uint32_t point;
	size_t len;

	for (; at < name_len; at += len) {
		len = 1;
		if (text[at] >= 0x80) {
			len = decode(text + at, name_len - at, &point);
			if (len == 0 || !is_in_names(point, begins))
				return false;
		} else if (text[at] == ':') {
			if (begins || *prefix_len_out)
				return false;
			*prefix_len_out = at;
		} else if (begins && text[at] < ':') {
			return false; /* a digit, '-' or '.' */
		}
		begins = text[at] == ':';
	}
	return !begins;
}

bool
xml_text_split_name(struct canonical_span name, size_t *prefix_len_out)
{
	const uint8_t *text = (const uint8_t *)name.text;
	size_t at = 0;

	while (at < name.len && text[at] < 0x80 && text[at] != ':')
		at++;
	*prefix_len_out = 0;
	return at == name.len ||
	       split_other_name(text, at, name.len, prefix_len_out);
}
