/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/trace_record.h"

#include <errno.h>
#include <string.h>

#define VERSION 1u

struct head {
	uint32_t version;
	uint32_t what;
	uint32_t lost;
	uint32_t left_out;
	uint64_t time_us;
};

#define TEXT_MAX (TRACE_RECORD_MAX - sizeof(struct head))

/* As much of the text as fits and ends with a whole character. */
static size_t
fitting(const char *text, size_t len)
{
	if (len <= TEXT_MAX)
		return len;
	len = TEXT_MAX;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

size_t
trace_record_encode(const struct trace_record *record,
    uint8_t bytes_out[TRACE_RECORD_MAX])
{
	size_t len = fitting(record->text, record->len);
	struct head head = { .version = VERSION,
		.what = record->what,
		.lost = record->lost,
		.left_out = record->left_out + (uint32_t)(record->len - len),
		.time_us = record->time_us };

	memcpy(bytes_out, &head, sizeof(head));
	if (len > 0)
		memcpy(bytes_out + sizeof(head), record->text, len);
	return sizeof(head) + len;
}

int
trace_record_decode(const void *bytes, size_t len,
    struct trace_record *record_out)
{
	struct head head;

	if (len < sizeof(head) || len > TRACE_RECORD_MAX)
		return -EPROTO;
	memcpy(&head, bytes, sizeof(head));
	if (head.version != VERSION || head.what >= TRACE_WHAT_COUNT)
		return -EPROTO;
	*record_out = (struct trace_record){
		.what = (enum trace_what)head.what,
		.lost = head.lost,
		.left_out = head.left_out,
		.time_us = head.time_us,
		.text = (const char *)bytes + sizeof(head),
		.len = len - sizeof(head),
	};
	return 0;
}
