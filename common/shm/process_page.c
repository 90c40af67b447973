/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/process_page.h"

#include "common/base/log_line.h"
#include "common/base/panic.h"
#include "common/shm/region.h"
#include "common/shm/region_layout.h"

#include <string.h>

struct recent_errors {
	_Atomic uint64_t written; /* ever; the next goes behind the last */
	uint64_t unused;
	struct recent_error all[RECENT_ERRORS_MAX];
};

struct process_page {
	uint8_t counters[PROCESS_COUNTERS_BYTES]; /* stats.c */
	char panic_message[PANIC_MESSAGE_MAX];
	struct recent_errors errors;
};

_Static_assert(sizeof(struct process_page) <= REGION_PAGE, "one page");

static struct recent_errors *mine;

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

/* --- the last errors and warnings --- */

static void
keep(const struct log_line *line)
{
	uint64_t written =
	    atomic_load_explicit(&mine->written, memory_order_relaxed);
	struct recent_error *error = &mine->all[written % RECENT_ERRORS_MAX];

	memset(error, 0, sizeof(*error));
	error->time_ms =
	    (int64_t)line->time.tv_sec * 1000 + line->time.tv_nsec / 1000000;
	error->level = (uint32_t)line->level;
	error->pid = (uint32_t)line->pid;
	memcpy(error->process, line->process,
	    strnlen(line->process, sizeof(error->process) - 1));
	memcpy(error->text, line->body,
	    strnlen(line->body, sizeof(error->text) - 1));
	atomic_store_explicit(&mine->written, written + 1,
	    memory_order_release);
}

void
recent_errors_attach(struct region *region, uint32_t row)
{
	mine = &page_of(region, row)->errors;
	log_set_witness(keep);
}

/* Another process wrote it, perhaps while it went mad. */
static void
clean(char *text, size_t cap)
{
	text[cap - 1] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

unsigned
recent_errors_read(struct region *region, uint32_t row,
    struct recent_error errors_out[RECENT_ERRORS_MAX])
{
	struct recent_errors *errors = &page_of(region, row)->errors;
	uint64_t written =
	    atomic_load_explicit(&errors->written, memory_order_acquire);
	unsigned count = (unsigned)MIN(written, (uint64_t)RECENT_ERRORS_MAX), i;

	for (i = 0; i < count; i++) {
		struct recent_error *out = &errors_out[i];

		*out = errors->all[(written - count + i) % RECENT_ERRORS_MAX];
		out->level = MIN(out->level, (uint32_t)LOG_WARNING);
		clean(out->process, sizeof(out->process));
		clean(out->text, sizeof(out->text));
	}
	return count;
}
