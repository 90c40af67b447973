/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/panic_message.h"

#include "common/base/panic.h"
#include "common/shm/region.h"

#include <string.h>

static char *
place(struct region *region, uint32_t row)
{
	char *page = region_section(region, REGION_STATS, row);

	CHECK(page);
	return page + PANIC_MESSAGE_OFFSET;
}

void
panic_message_attach(struct region *region, uint32_t row)
{
	panic_set_message_buffer(place(region, row), PANIC_MESSAGE_MAX);
}

bool
panic_message_take(struct region *region, uint32_t row,
    char text_out[PANIC_MESSAGE_MAX])
{
	char *message = place(region, row);
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
