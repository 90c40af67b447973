/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/streamid.h"

#include <errno.h>
#include <string.h>

#define SLOT_DIGITS  5u
#define NONCE_DIGITS 16u

_Static_assert(SLOT_DIGITS + NONCE_DIGITS == STREAMID_TAIL_LEN, "all digits");

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

static void
put_digits(char *text, size_t count, uint64_t value)
{
	while (count-- > 0) {
		text[count] = digits[value & 31];
		value >>= 5;
	}
}

static void
nonce_digits(const uint8_t nonce[SESSION_NONCE_BYTES], char text[NONCE_DIGITS])
{
	uint64_t half;
	size_t i, j;

	for (i = 0; i < 2; i++) {
		for (half = 0, j = 0; j < 5; j++)
			half = half << 8 | nonce[5 * i + j];
		put_digits(text + 8 * i, 8, half);
	}
}

size_t
streamid_print(const char *name, uint32_t slot,
    const uint8_t nonce[SESSION_NONCE_BYTES],
    char streamid_out[STREAMID_MAX + 1])
{
	size_t len = strnlen(name, MANAGER_NAME_MAX);

	memcpy(streamid_out, name, len);
	put_digits(streamid_out + len, SLOT_DIGITS, slot);
	nonce_digits(nonce, streamid_out + len + SLOT_DIGITS);
	len += STREAMID_TAIL_LEN;
	streamid_out[len] = '\0';
	return len;
}

static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'v')
		return digit - 'a' + 10;
	return -1;
}

int
streamid_slot(const char *streamid, size_t len, const char *name,
    uint32_t *slot_out)
{
	size_t name_len = strlen(name), i;
	uint32_t slot = 0;
	int value;

	if (len != name_len + STREAMID_TAIL_LEN ||
	    memcmp(streamid, name, name_len) != 0)
		return -ENOENT;
	for (i = 0; i < SLOT_DIGITS; i++) {
		value = digit_value(streamid[name_len + i]);
		if (value < 0)
			return -ENOENT;
		slot = slot << 5 | (uint32_t)value;
	}
	*slot_out = slot;
	return 0;
}

bool
streamid_has_nonce(const char *streamid, size_t len,
    const uint8_t nonce[SESSION_NONCE_BYTES])
{
	const char *found = streamid + len - NONCE_DIGITS;
	char expected[NONCE_DIGITS];
	unsigned difference = 0;
	size_t i;

	nonce_digits(nonce, expected);
	for (i = 0; i < NONCE_DIGITS; i++)
		difference |= (unsigned)(expected[i] ^ found[i]);
	return difference == 0;
}

void
streamid_put_nonce(char *streamid, size_t len,
    const uint8_t nonce[SESSION_NONCE_BYTES])
{
	nonce_digits(nonce, streamid + len - NONCE_DIGITS);
}

/* java.lang.String.hashCode() */
static uint32_t
java_hash(const char *text)
{
	uint32_t hash = 0;

	while (*text)
		hash = hash * 31 + (uint8_t)*text++;
	return hash;
}

bool
streamid_is_routable(const char *name, uint32_t slot,
    const uint8_t nonce[SESSION_NONCE_BYTES])
{
	char streamid[STREAMID_MAX + 1];

	/* Math.abs() of this hash stays negative there. */
	streamid_print(name, slot, nonce, streamid);
	return java_hash(streamid) != 0x80000000u;
}
