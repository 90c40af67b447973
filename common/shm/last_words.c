/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/last_words.h"

#include "common/base/panic.h"
#include "common/shm/region.h"

#include <string.h>

static char *
place(struct region *region, uint32_t row)
{
	char *page = region_section(region, REGION_STATS, row);

	CHECK(page);
	return page + LAST_WORDS_OFFSET;
}

void
last_words_attach(struct region *region, uint32_t row)
{
	panic_leave_text(place(region, row), LAST_WORDS_MAX);
}

bool
last_words_take(struct region *region, uint32_t row,
    char text_out[LAST_WORDS_MAX])
{
	char *words = place(region, row);
	size_t i;

	/* Another process wrote it, perhaps while it went mad. */
	for (i = 0; i < LAST_WORDS_MAX - 1 && words[i]; i++) {
		char c = words[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			c = '?';
		text_out[i] = c;
	}
	text_out[i] = '\0';
	memset(words, 0, LAST_WORDS_MAX);
	return i > 0;
}
