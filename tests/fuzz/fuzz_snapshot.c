/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: any bytes are a configuration or refused; what was taken is the
 * same after another way through. */
#include "common/base/buf.h"
#include "common/process/snapshot.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct config *config, *again;
	struct buf first, second;
	enum config_reader reader;

	if (snapshot_decode(bytes, len, &config) != 0)
		return 0;
	reader = (enum config_reader)(bytes[len - 1] % CONFIG_READER_COUNT);
	buf_init(&first, 0);
	buf_init(&second, 0);
	snapshot_encode(config, reader, &first);
	CHECK(snapshot_decode(buf_bytes(&first), buf_len(&first), &again) == 0);
	snapshot_encode(again, reader, &second);
	CHECK(buf_len(&first) == buf_len(&second) &&
	      memcmp(buf_bytes(&first), buf_bytes(&second), buf_len(&first)) ==
		  0);
	buf_destroy(&first);
	buf_destroy(&second);
	config_free(&config);
	config_free(&again);
	return 0;
}
