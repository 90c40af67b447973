/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parsed: whatever a frame's header says of an item, nothing outside of the
 * item comes of it; and what upstream fills in of any text is read back.
 *
 * Input: the fields as they lie in the ring, then the item.
 */
#include "worker/parsed.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_inside(struct canonical_span span, const uint8_t *bytes, size_t len)
{
	const char *from = (const char *)bytes;

	CHECK(!span.text || (span.text >= from && span.text <= from + len &&
				span.len <= (size_t)(from + len - span.text)));
}

static bool
check_read(const struct frame_fields *fields, const uint8_t *bytes, size_t len)
{
	struct parsed parsed;

	if (!parsed_read(fields, bytes, len, &parsed))
		return false;
	CHECK(parsed.type < PARSED_TYPE_COUNT);
	check_inside(parsed.id, bytes, len);
	check_inside(parsed.from, bytes, len);
	check_inside(parsed.jid, bytes, len);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct frame_fields fields;
	uint8_t kind;

	if (len < sizeof(fields))
		return 0;
	memcpy(&fields, bytes, sizeof(fields));
	bytes += sizeof(fields);
	len -= sizeof(fields);
	(void)check_read(&fields, bytes, len);
	for (kind = 0; kind < FRAME_KIND_COUNT; kind++)
		if (parsed_fill(kind, bytes, len, &fields))
			CHECK(check_read(&fields, bytes, len));
	return 0;
}
