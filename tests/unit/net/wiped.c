/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/wiped.h"

#include <stddef.h>

/* <string.h> has these as macros or inline where it can. */
void explicit_bzero(void *bytes, size_t len);
void __explicit_bzero_chk(void *bytes, size_t len, size_t room);
void *memmem(const void *bytes, size_t len, const void *part, size_t part_len);
size_t strlen(const char *text);

static const char *expected;
static unsigned count;

void
wiped_expect(const char *text)
{
	expected = text;
	count = 0;
}

unsigned
wiped_count(void)
{
	return count;
}

void
explicit_bzero(void *bytes, size_t len)
{
	volatile unsigned char *at = bytes;

	if (expected && len > 0 &&
	    memmem(bytes, len, expected, strlen(expected)))
		count++;
	for (; len > 0; len--)
		*at++ = 0;
}

void
__explicit_bzero_chk(void *bytes, size_t len, size_t room)
{
	(void)room;
	explicit_bzero(bytes, len);
}
