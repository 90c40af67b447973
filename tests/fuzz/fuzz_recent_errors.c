/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recent errors: whatever a process wrote into its row, what is read of it are
 * texts, and whoever takes the row after it goes on.
 *
 * Input: a byte, the head (8 bytes), the ring. So many records as the byte
 * says, from the head back, get the right seal: a hostile writer can make it.
 */
#include "common/base/printable.h"
#include "common/shm/process_page_layout.h"
#include "tests/support/region/small_region.h"

#include <fcntl.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct region *region;
static struct recent_error found[RECENT_ERRORS_MAX];

static struct recent_errors *
errors(void)
{
	struct process_page *page = region_section(region, REGION_STATS, 0);

	return &page->errors;
}

/* Byte by byte round the ring, other than the code does it. */
static void
move(uint64_t cursor, void *bytes, size_t len, bool put)
{
	uint8_t *own = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t *at = &errors()->ring[(cursor + i) % RECENT_RING_BYTES];

		if (put)
			*at = own[i];
		else
			own[i] = *at;
	}
}

static void
seal(uint64_t head, unsigned count)
{
	uint8_t
	    record[UINT16_MAX + UINT8_MAX + sizeof(struct recent_error_end)];
	struct recent_error_end end;
	size_t len;

	for (; count > 0 && head >= sizeof(end); count--, head -= len) {
		move(head - sizeof(end), &end, sizeof(end), false);
		len = (size_t)end.name_len + end.text_len + sizeof(end);
		if (len > head || len > RECENT_RING_BYTES)
			return;
		end.seal = 0;
		move(head - sizeof(end), &end, sizeof(end), true);
		move(head - len, record, len, false);
		end.seal = recent_error_seal(record, len, head);
		move(head - sizeof(end), &end, sizeof(end), true);
	}
}

static void
check_text(const char *text, size_t cap)
{
	size_t left = strnlen(text, cap), wide;
	bool shown;

	CHECK(left < cap);
	for (; left > 0; text += wide, left -= wide) {
		wide = printable_next(text, left, &shown);
		CHECK(shown);
	}
}

static unsigned
look(void)
{
	unsigned count = recent_errors_read(region, 0, found), i;

	CHECK(count <= RECENT_ERRORS_MAX);
	for (i = 0; i < count; i++) {
		CHECK(found[i].level <= LOG_WARNING);
		check_text(found[i].process, sizeof(found[i].process));
		check_text(found[i].text, sizeof(found[i].text));
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct recent_errors *row;
	uint64_t head = 0;
	unsigned sealed = len > 0 ? bytes[0] : 0;

	if (!region) {
		region = small_region(1, 4096);
		log_sink_set(open("/dev/null", O_WRONLY | O_CLOEXEC),
		    LOG_FORM_TEXT);
	}
	row = errors();
	memset(row, 0, sizeof(*row));
	if (len > 9) {
		memcpy(&head, bytes + 1, sizeof(head));
		memcpy(row->ring, bytes + 9, MIN(len - 9, sizeof(row->ring)));
	}
	atomic_store(&row->head, head);
	seal(head, sealed);
	look();
	recent_errors_hold();
	recent_errors_attach(region, 0);
	log_at(LOG_ERROR, "successor");
	/* Only the longest way round is at an end with all that is counted. */
	if (head <= UINT64_MAX - 2 * RECENT_RECORD_MAX) {
		CHECK(look() > 0);
		CHECK(strcmp(found[look() - 1].text, "successor") == 0);
	}
	return 0;
}
