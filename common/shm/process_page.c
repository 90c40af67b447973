/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/process_page.h"

#include "common/base/panic.h"
#include "common/base/printable.h"
#include "common/shm/process_page_layout.h"
#include "common/shm/region.h"

#include <stdlib.h>
#include <string.h>

static struct process_page *
page_of(struct region *region, uint32_t row)
{
	struct process_page *page = region_section(region, REGION_STATS, row);

	CHECK(page);
	return page;
}

/* --- the message of a panic --- */

void
panic_message_attach(struct region *region, uint32_t row)
{
	panic_set_message_buffer(page_of(region, row)->panic_message,
	    PANIC_MESSAGE_MAX);
}

bool
panic_message_take(struct region *region, uint32_t row,
    char text_out[PANIC_MESSAGE_MAX])
{
	char *message = page_of(region, row)->panic_message;
	size_t i;

	/* Another process wrote it, perhaps while it went mad. */
	for (i = 0; i < PANIC_MESSAGE_MAX - 1 && message[i]; i++) {
		char c = message[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			c = '?';
		text_out[i] = c;
	}
	text_out[i] = '\0';
	memset(message, 0, PANIC_MESSAGE_MAX);
	return i > 0;
}

/* --- a ring of bytes --- */

static void
ring_put(uint8_t *ring, uint64_t cursor, const void *bytes, size_t len)
{
	size_t at = (size_t)(cursor % RECENT_RING_BYTES);
	size_t first = MIN(len, RECENT_RING_BYTES - at);

	memcpy(ring + at, bytes, first);
	memcpy(ring, (const uint8_t *)bytes + first, len - first);
}

static void
ring_get(const uint8_t *ring, uint64_t cursor, void *bytes_out, size_t len)
{
	size_t at = (size_t)(cursor % RECENT_RING_BYTES);
	size_t first = MIN(len, RECENT_RING_BYTES - at);

	memcpy(bytes_out, ring + at, first);
	memcpy((uint8_t *)bytes_out + first, ring, len - first);
}

/* --- the last errors and warnings, written --- */

static struct recent_errors held; /* until there is a row */
static struct recent_errors *mine = &held;
static uint64_t head; /* of mine, as this process has written it */

static void
append(struct recent_error_end end, const char *process, const char *text)
{
	uint8_t record[RECENT_RECORD_MAX];
	size_t name_len = strnlen(process, LOG_PROCESS_MAX - 1);
	size_t text_len = strnlen(text, LOG_BODY_MAX - 1);
	size_t len = name_len + text_len + sizeof(end);
	uint8_t *end_at = record + name_len + text_len;

	end.name_len = (uint8_t)name_len;
	end.text_len = (uint16_t)text_len;
	memcpy(record, process, name_len);
	memcpy(record + name_len, text, text_len);
	memcpy(end_at, &end, sizeof(end));
	end.seal = recent_error_seal(record, len, head + len);
	memcpy(end_at, &end.seal, sizeof(end.seal)); /* its first */
	ring_put(mine->ring, head, record, len);
	head += len;
	atomic_store_explicit(&mine->head, head, memory_order_release);
}

void
recent_errors_keep(const struct log_line *line)
{
	struct recent_error_end end = {
		.time_ms = (int64_t)line->time.tv_sec * 1000 +
			   line->time.tv_nsec / 1000000,
		.pid = (uint32_t)line->pid,
		.level = (uint8_t)line->level,
	};

	append(end, line->process, line->body);
}

void
recent_errors_hold(void)
{
	mine = &held;
	head = 0;
	atomic_store_explicit(&held.head, 0, memory_order_relaxed);
	log_set_witness(recent_errors_keep);
}

/* --- and read --- */

static void
fill(const struct recent_error_end *end, const uint8_t *record,
    struct recent_error *error_out)
{
	char process[LOG_PROCESS_MAX] = "", text[LOG_BODY_MAX] = "";

	memcpy(process, record, end->name_len);
	memcpy(text, record + end->name_len, end->text_len);
	error_out->time_ms = end->time_ms;
	error_out->level = MIN((uint32_t)end->level, (uint32_t)LOG_WARNING);
	error_out->pid = end->pid;
	printable_copy(error_out->process, LOG_PROCESS_MAX, process, '?');
	printable_copy(error_out->text, LOG_BODY_MAX, text, '?');
}

/* The record that ends at `from`, before which `left` bytes can be there; its
 * length, 0 when it is none. */
static size_t
take_last(const uint8_t *ring, uint64_t from, size_t left,
    struct recent_error *error_out)
{
	uint8_t record[RECENT_RECORD_MAX];
	struct recent_error_end end;
	size_t len;

	if (left < sizeof(end))
		return 0;
	ring_get(ring, from - sizeof(end), &end, sizeof(end));
	len = (size_t)end.name_len + end.text_len + sizeof(end);
	if (end.name_len >= LOG_PROCESS_MAX || end.text_len >= LOG_BODY_MAX ||
	    len > left)
		return 0;
	ring_get(ring, from - len, record, len);
	memset(record + len - sizeof(end), 0, sizeof(end.seal));
	if (recent_error_seal(record, len, from) != end.seal)
		return 0;
	fill(&end, record, error_out);
	return len;
}

static void
turn_round(struct recent_error *errors, unsigned count)
{
	struct recent_error swap;
	unsigned i;

	for (i = 0; i < count / 2; i++) {
		swap = errors[i];
		errors[i] = errors[count - 1 - i];
		errors[count - 1 - i] = swap;
	}
}

/* Copied, then checked, then used. What was never written is not touched: it
 * would become memory. */
static unsigned
read_errors(const struct recent_errors *errors,
    struct recent_error errors_out[RECENT_ERRORS_MAX])
{
	uint64_t at = atomic_load_explicit(&errors->head, memory_order_acquire);
	size_t left = (size_t)MIN(at, (uint64_t)RECENT_RING_BYTES), len;
	uint8_t ring[RECENT_RING_BYTES];
	unsigned count = 0;

	memcpy(ring, errors->ring, left);
	while (count < RECENT_ERRORS_MAX) {
		len = take_last(ring, at, left, &errors_out[count]);
		if (len == 0)
			break;
		at -= len;
		left -= len;
		count++;
	}
	turn_round(errors_out, count);
	return count;
}

unsigned
recent_errors_read(struct region *region, uint32_t row,
    struct recent_error errors_out[RECENT_ERRORS_MAX])
{
	return read_errors(&page_of(region, row)->errors, errors_out);
}

/* --- from the one place to the other --- */

static void
append_held(void)
{
	struct recent_error *errors =
	    xcalloc(RECENT_ERRORS_MAX, sizeof(*errors));
	unsigned count = read_errors(&held, errors), i;

	for (i = 0; i < count; i++) {
		struct recent_error_end end = { .time_ms = errors[i].time_ms,
			.pid = errors[i].pid,
			.level = (uint8_t)errors[i].level };

		append(end, errors[i].process, errors[i].text);
	}
	free(errors);
}

/* The head goes on where a predecessor has left it. Whatever that is: what a
 * reader finds before it, it checks. */
void
recent_errors_attach(struct region *region, uint32_t row)
{
	bool has_held = mine == &held && head > 0;

	mine = &page_of(region, row)->errors;
	head = atomic_load_explicit(&mine->head, memory_order_relaxed);
	log_set_witness(recent_errors_keep);
	if (has_held)
		append_held();
}
