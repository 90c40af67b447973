/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/colour.h"

#include <string.h>

#define RED    "\033[31m"
#define YELLOW "\033[33m"

/* The first that is in a value counts. */
static const struct {
	const char *column, *value, *code;
} colours[] = {
	{ "state", "starting", YELLOW },
	{ "state", "draining", YELLOW },
	{ "state", "stopping", YELLOW },
	{ "state", "resolving", YELLOW },
	{ "state", "connecting", YELLOW },
	{ "state", "ending", YELLOW },
	{ "state", "waiting", RED },
	{ "state", "hanging", RED },
	{ "server", "unknown", YELLOW },
	{ "server", "holding", YELLOW },
	{ "state", "paused", YELLOW },
	{ "server", "paused", YELLOW },
	{ "server", "gone", RED },
	{ "level", "error", RED },
	{ "level", "warning", YELLOW },
	{ "problems", "expired", RED },
	{ "problems", "not yet valid", RED },
	{ "problems", "expires soon", YELLOW },
};

const char *
colour_of(const char *column, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t i;

	for (i = 0; text && i < ARRAY_LEN(colours); i++)
		if (strcmp(colours[i].column, column) == 0 &&
		    strstr(text, colours[i].value))
			return colours[i].code;
	return NULL;
}

static void
put(const char *bytes, size_t len, FILE *out)
{
	if (len > 0)
		fwrite(bytes, 1, len, out);
}

void
colour_print(const char *line, size_t len, const struct colour_span *span,
    FILE *out)
{
	size_t begin = MIN(span->begin, len), end = MIN(span->end, len);

	if (!span->code) {
		put(line, len, out);
		return;
	}
	put(line, begin, out);
	fputs(span->code, out);
	put(line + begin, end - begin, out);
	fputs(COLOUR_END, out);
	put(line + end, len - end, out);
}
