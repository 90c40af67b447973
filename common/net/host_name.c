/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/host_name.h"

/* In lower case; 0: no name has it. */
static char
normal_byte(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	    byte == '-' || byte == '_' || byte == '.')
		return (char)byte;
	return 0;
}

bool
host_name_normalise(const void *bytes, size_t len,
    char host_out[HOST_NAME_TEXT_MAX])
{
	const uint8_t *name = bytes;
	size_t i;

	host_out[0] = '\0';
	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= HOST_NAME_TEXT_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!normal_byte(name[i]))
			return false;
	for (i = 0; i < len; i++)
		host_out[i] = normal_byte(name[i]);
	host_out[len] = '\0';
	return true;
}
