/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/early.h"

#include <string.h>

/* Longer names are none of those looked for. */
#define NAME_BYTES_MAX 64u

static const char blanks[] = " \t\r\n";
static const char name_ends[] = " \t\r\n/>";

static bool
is_named(const uint8_t *name, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(name, text, len) == 0;
}

bool
early_is_urgent(const uint8_t *bytes, size_t len)
{
	size_t at = 0, name;

	while (at < len && memchr(blanks, bytes[at], sizeof(blanks) - 1))
		at++;
	if (at == len || bytes[at++] != '<')
		return false;
	if (at < len && bytes[at] == '/')
		return true;
	len = MIN(len, at + NAME_BYTES_MAX);
	for (name = at;
	     at < len && !memchr(name_ends, bytes[at], sizeof(name_ends) - 1);
	     at++)
		if (bytes[at] == ':')
			name = at + 1;
	return at < len && (is_named(bytes + name, at - name, "abort") ||
			       is_named(bytes + name, at - name, "starttls"));
}
