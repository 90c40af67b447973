/* SPDX-License-Identifier: Apache-2.0 */
/* channel: any bytes are messages, too few, or refused; and what was decoded
 * is encoded to the same bytes. */
#include "common/process/channel.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct channel_message message;
	uint8_t again[64];
	int64_t used;

	for (;;) {
		memset(&message, 0, sizeof(message));
		used = channel_decode(bytes, len, &message);
		if (used <= 0)
			return 0;
		CHECK((size_t)used <= len);
		CHECK(channel_encode(&message, again, sizeof(again)) ==
		      (size_t)used);
		CHECK(memcmp(bytes, again, (size_t)used) == 0);
		bytes += used;
		len -= (size_t)used;
	}
}
