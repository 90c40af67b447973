/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATORS  " \t\r\n,"
#define ALL_BITS    128u
#define MAPPED_BITS 96u /* before an IPv4 address */

static bool
parse_bits(const char *text, unsigned most, unsigned *bits_out)
{
	size_t len = strlen(text);
	unsigned long bits;

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return false;
	bits = strtoul(text, NULL, 10);
	*bits_out = (unsigned)bits;
	return bits <= most;
}

static void
clear_behind(uint8_t address[16], unsigned bits)
{
	unsigned i;

	for (i = bits; i < ALL_BITS; i++)
		address[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

/* `text` is changed. */
static bool
parse_one(char *text, struct network *network_out)
{
	char *slash = strchr(text, '/');
	struct endpoint endpoint;
	unsigned bits, before;

	if (slash)
		*slash++ = '\0';
	if (text[0] == '[' || endpoint_parse(text, 0, &endpoint) != 0)
		return false;
	before = endpoint.addr.ss_family == AF_INET ? MAPPED_BITS : 0;
	bits = ALL_BITS - before;
	if (slash && !parse_bits(slash, bits, &bits))
		return false;
	endpoint_to_bytes(&endpoint, network_out->address);
	network_out->bits = (uint8_t)(before + bits);
	clear_behind(network_out->address, network_out->bits);
	return true;
}

int
networks_parse(const char *text, struct networks *networks_out,
    char wrong_out[NETWORKS_TEXT_MAX])
{
	char one[NETWORKS_TEXT_MAX];
	size_t len;

	networks_out->count = 0;
	wrong_out[0] = '\0';
	for (text += strspn(text, SEPARATORS); *text;
	     text += len + strspn(text + len, SEPARATORS)) {
		len = strcspn(text, SEPARATORS);
		snprintf(wrong_out, NETWORKS_TEXT_MAX, "%.*s", (int)len, text);
		if (networks_out->count == NETWORKS_MAX)
			return -E2BIG;
		memcpy(one, wrong_out, sizeof(one));
		if (len >= sizeof(one) ||
		    !parse_one(one, &networks_out->all[networks_out->count]))
			return -EINVAL;
		networks_out->count++;
	}
	wrong_out[0] = '\0';
	return 0;
}

static bool
has(const struct network *network, const uint8_t address[16])
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	uint8_t mask = (uint8_t)(0xFF00u >> rest);

	return memcmp(network->address, address, whole) == 0 &&
	       (rest == 0 ||
		   network->address[whole] == (address[whole] & mask));
}

bool
networks_have(const struct networks *networks, const struct endpoint *endpoint)
{
	uint8_t address[16];
	unsigned i;

	endpoint_to_bytes(endpoint, address);
	for (i = 0; i < networks->count; i++)
		if (has(&networks->all[i], address))
			return true;
	return false;
}
