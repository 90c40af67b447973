/* SPDX-License-Identifier: Apache-2.0 */
#include "master/report.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24
#define CELL_MAX    256

json_t *
report_string(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("?");
}

static const char *
cell(const json_t *value, char text_out[CELL_MAX])
{
	size_t i;

	if (json_is_integer(value))
		snprintf(text_out, CELL_MAX, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text_out, CELL_MAX, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text_out, CELL_MAX, "%s",
		    json_is_true(value) ? "yes" : "no");
	else
		snprintf(text_out, CELL_MAX, "%s",
		    json_is_string(value) ? json_string_value(value) : "");
	for (i = 0; text_out[i]; i++)
		if ((unsigned char)text_out[i] < ' ' || text_out[i] == 0x7f)
			text_out[i] = '?';
	return text_out;
}

/* Characters, not bytes. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
put_cell(struct buf *out, const char *text, size_t width, bool right, bool last)
{
	size_t own = width_of(text), pad = width > own ? width - own : 0;

	if (right)
		buf_printf(out, "%*s", (int)pad, "");
	buf_append_str(out, text[0] ? text : right || last ? "" : "-");
	if (!right && !last)
		buf_printf(out, "%*s",
		    (int)(text[0]   ? pad
			  : pad > 0 ? pad - 1
				    : 0),
		    "");
	buf_append_str(out, last ? "\n" : "  ");
}

static void
measure(const json_t *rows, const char *const *keys, unsigned count,
    size_t *widths)
{
	char text[CELL_MAX];
	const json_t *row;
	size_t at;
	unsigned i;

	for (i = 0; i < count; i++)
		widths[i] = width_of(keys[i]);
	json_array_foreach(rows, at, row)
	{
		for (i = 0; i < count; i++)
			widths[i] = MAX(widths[i],
			    width_of(cell(json_object_get(row, keys[i]),
				text)));
	}
}

static void
put_table(const json_t *rows, struct buf *out)
{
	const char *keys[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX], at;
	json_t *first = json_array_get(rows, 0);
	const json_t *row, *value;
	char text[CELL_MAX];
	unsigned count = 0, i;
	void *member;

	for (member = json_object_iter(first); member && count < COLUMNS_MAX;
	     member = json_object_iter_next(first, member))
		keys[count++] = json_object_iter_key(member);
	measure(rows, keys, count, widths);
	for (i = 0; i < count; i++)
		put_cell(out, keys[i], widths[i],
		    json_is_number(json_object_get(first, keys[i])),
		    i + 1 == count);
	json_array_foreach(rows, at, row)
	{
		for (i = 0; i < count; i++) {
			value = json_object_get(row, keys[i]);
			put_cell(out, cell(value, text), widths[i],
			    json_is_number(value), i + 1 == count);
		}
	}
}

void
report_as_text(const json_t *answer, struct buf *out)
{
	char text[CELL_MAX];
	const char *key;
	json_t *value;

	if (json_is_string(answer)) {
		buf_append_str(out, json_string_value(answer));
	} else if (json_is_array(answer)) {
		put_table(answer, out);
	} else {
		/* Only looked at: the macro takes no const. */
		void *member = json_object_iter((json_t *)(uintptr_t)answer);

		for (; member;
		     member = json_object_iter_next((json_t *)(uintptr_t)answer,
			 member)) {
			key = json_object_iter_key(member);
			value = json_object_iter_value(member);
			if (json_is_array(value) || json_is_object(value))
				report_as_text(value, out);
			else
				buf_printf(out, "%s: %s\n", key,
				    cell(value, text));
		}
	}
}

void
report_as_json(const json_t *answer, struct buf *out)
{
	char *text = json_dumps(answer,
	    JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	buf_append_str(out, text ? text : "null");
	buf_append_char(out, '\n');
	free(text);
}
