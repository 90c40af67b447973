/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/recent_errors.h"

#include "common/base/log_line.h"
#include "common/shm/panic_message.h"
#include "common/shm/region.h"
#include "common/shm/region_layout.h"

#include <string.h>

struct recent_errors {
	_Atomic uint64_t written; /* ever; the next goes behind the last */
	uint64_t unused;
	struct recent_error all[RECENT_ERRORS_MAX];
};

_Static_assert(PANIC_MESSAGE_OFFSET + PANIC_MESSAGE_MAX <= RECENT_ERRORS_OFFSET,
    "behind the panic message");
_Static_assert(RECENT_ERRORS_OFFSET + sizeof(struct recent_errors) <=
		   REGION_PAGE,
    "within the page");

static struct recent_errors *mine;

static struct recent_errors *
place(struct region *region, uint32_t row)
{
	char *page = region_section(region, REGION_STATS, row);

	CHECK(page);
	return (struct recent_errors *)(void *)(page + RECENT_ERRORS_OFFSET);
}

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
	mine = place(region, row);
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
	struct recent_errors *errors = place(region, row);
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
