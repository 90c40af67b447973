/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_record: what is read is written back as the same bytes; any text, whole
 * or cut, comes through.
 */
#include "common/process/trace_record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static uint8_t out[TRACE_RECORD_MAX];
	struct trace_record record, again;
	size_t size;

	if (trace_record_decode(bytes, len, &record) == 0) {
		size = trace_record_encode(&record, out);
		CHECK(size == len && memcmp(out, bytes, len) == 0);
	}
	record = (struct trace_record){
		.what = TRACE_TO_CLIENT, .text = (const char *)bytes, .len = len
	};
	size = trace_record_encode(&record, out);
	CHECK(trace_record_decode(out, size, &again) == 0);
	CHECK(again.len + again.left_out == len);
	CHECK(len > 60000 || again.left_out == 0);
	return 0;
}
