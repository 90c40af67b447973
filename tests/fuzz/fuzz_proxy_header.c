/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_header: any bytes, whole or one by one, come to the same end, of which
 * nothing behind the header is part.
 */
#include "common/net/proxy_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum proxy_result
read_singly(const uint8_t *bytes, size_t len, struct proxy_header *header_out,
    size_t *at_out)
{
	enum proxy_result result = PROXY_MORE;
	struct proxy_reader reader;
	const char *why;
	size_t taken;

	proxy_reader_init(&reader);
	for (*at_out = 0; result == PROXY_MORE && *at_out < len;
	     *at_out += taken)
		result = proxy_reader_take(&reader, bytes + *at_out, 1, &taken,
		    header_out, &why);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct proxy_header whole, single;
	enum proxy_result result;
	struct proxy_reader reader;
	size_t taken, at;
	const char *why;

	if (len == 0)
		return 0;
	proxy_reader_init(&reader);
	result = proxy_reader_take(&reader, bytes, len, &taken, &whole, &why);
	CHECK(taken <= len && taken <= PROXY_HEADER_MAX);
	CHECK((result == PROXY_BAD) == (why != NULL));
	CHECK(read_singly(bytes, len, &single, &at) == result);
	CHECK(result == PROXY_BAD || at == taken);
	if (result != PROXY_DONE)
		return 0;
	CHECK(memcmp(&whole, &single, sizeof(whole)) == 0);
	CHECK(memchr(whole.authority, '\0', sizeof(whole.authority)));
	CHECK(!whole.has_address ||
	      endpoint_equal(&whole.source, &single.source));
	return 0;
}
