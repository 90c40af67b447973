/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts: the first line is the name, the rest any table. What is found parses
 * as an address and is there as text; a name with a blank has none.
 */
#include "common/net/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
on_address(void *context, const char *address)
{
	uint8_t parsed[sizeof(struct in6_addr)];

	CHECK(inet_pton(AF_INET, address, parsed) == 1 ||
	      inet_pton(AF_INET6, address, parsed) == 1);
	CHECK(strstr(context, address));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1), *table;
	unsigned found;

	CHECK(text);
	memcpy(text, bytes, len);
	text[len] = '\0';
	table = strchr(text, '\n');
	if (table) {
		*table++ = '\0';
		found = hosts_find(table, text, on_address, table);
		CHECK(found == 0 || !strpbrk(text, " \t#\n"));
		CHECK(found <= strlen(table) / 4);
	}
	free(text);
	return 0;
}
