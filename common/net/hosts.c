/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/hosts.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\v\f"

static bool
is_address(const char *text)
{
	uint8_t bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	       inet_pton(AF_INET6, text, bytes) == 1;
}

/* The word at *at, which then lies behind it; its length, 0 at the line's end.
 */
static size_t
next_word(const char **at, const char *end, const char **word_out)
{
	size_t len = 0;

	while (*at < end && strchr(BLANKS, **at))
		(*at)++;
	*word_out = *at;
	while (*at < end && !strchr(BLANKS, **at)) {
		(*at)++;
		len++;
	}
	return len;
}

static bool
has_name(const char *at, const char *end, const char *name)
{
	size_t name_len = strlen(name), len;
	const char *word;

	while ((len = next_word(&at, end, &word)) > 0)
		if (len == name_len && strncasecmp(word, name, len) == 0)
			return true;
	return false;
}

/* Length of a line without its comment. */
static size_t
line_len(const char *line)
{
	return strcspn(line, "#\n");
}

unsigned
hosts_find(const char *hosts, const char *name,
    void (*fn)(void *context, const char *address), void *context)
{
	char address[INET6_ADDRSTRLEN];
	unsigned found = 0;
	const char *line = hosts, *at, *end, *word;
	size_t len;

	while (*line) {
		at = line;
		end = line + line_len(line);
		len = next_word(&at, end, &word);
		if (len > 0 && len < sizeof(address) &&
		    has_name(at, end, name)) {
			memcpy(address, word, len);
			address[len] = '\0';
			if (is_address(address)) {
				fn(context, address);
				found++;
			}
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return found;
}
