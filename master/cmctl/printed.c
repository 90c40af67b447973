/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/printed.h"

#include "common/base/printable.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Of a locale that has no such character, a column. */
static size_t
columns_of(const char *text, size_t len)
{
	int columns = wcwidth((wchar_t)utf8_char_number(text, len));

	return columns < 0 ? 1 : (size_t)columns;
}

size_t
printed_text(struct buf *line, const char *text, size_t len)
{
	size_t columns = 0, at, bytes;
	bool shown;

	for (at = 0; at < len; at += bytes) {
		bytes = printable_next(text + at, len - at, &shown);
		columns += shown ? columns_of(text + at, bytes) : 1;
		buf_append(line, shown ? text + at : "?", shown ? bytes : 1);
	}
	return columns;
}

size_t
printed_value(struct buf *line, const json_t *value)
{
	char text[64] = "";
	size_t columns;
	char *nested;

	if (json_is_string(value) && json_string_length(value) > 0)
		return printed_text(line, json_string_value(value),
		    json_string_length(value));
	if (json_is_array(value) || json_is_object(value)) {
		nested = json_dumps(value, JSON_COMPACT);
		columns =
		    nested ? printed_text(line, nested, strlen(nested)) : 0;
		free(nested);
		return columns;
	}
	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, sizeof(text), "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s",
		    json_is_true(value) ? "yes" : "no");
	else
		snprintf(text, sizeof(text), "-");
	return printed_text(line, text, strlen(text));
}

size_t
printed_fit(const char *line, size_t len, size_t columns)
{
	size_t at, bytes, width;
	bool shown;

	for (at = 0; at < len; at += bytes) {
		bytes = printable_next(line + at, len - at, &shown);
		width = columns_of(line + at, bytes);
		if (width > columns)
			break;
		columns -= width;
	}
	return at;
}
