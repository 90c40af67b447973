/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/report.h"

#include "common/base/printable.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX    256
#define ROWS_A_STEP 128

json_t *
report_string(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("?");
}

static const char *
cell(const json_t *value, char text_out[CELL_MAX])
{
	if (json_is_integer(value))
		snprintf(text_out, CELL_MAX, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text_out, CELL_MAX, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text_out, CELL_MAX, "%s",
		    json_is_true(value) ? "yes" : "no");
	else
		printable_copy(text_out, CELL_MAX,
		    json_is_string(value) ? json_string_value(value) : "", '?');
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

/* --- tables --- */

static void
find_columns(struct report *report)
{
	json_t *first = json_array_get(report->answer, 0);
	void *member = json_object_iter(first);
	unsigned i;

	for (; member && report->count < REPORT_COLUMNS_MAX;
	     member = json_object_iter_next(first, member)) {
		i = report->count++;
		report->keys[i] = json_object_iter_key(member);
		report->widths[i] = width_of(report->keys[i]);
	}
}

static void
measure_row(struct report *report, const json_t *row)
{
	char text[CELL_MAX];
	unsigned i;

	for (i = 0; i < report->count; i++)
		report->widths[i] = MAX(report->widths[i],
		    width_of(cell(json_object_get(row, report->keys[i]),
			text)));
}

static void
put_titles(const struct report *report, struct buf *out)
{
	const json_t *first = json_array_get(report->answer, 0);
	unsigned i;

	for (i = 0; i < report->count; i++)
		put_cell(out, report->keys[i], report->widths[i],
		    json_is_number(json_object_get(first, report->keys[i])),
		    i + 1 == report->count);
}

static void
put_row(const struct report *report, const json_t *row, struct buf *out)
{
	char text[CELL_MAX];
	unsigned i;

	for (i = 0; i < report->count; i++) {
		const json_t *value = json_object_get(row, report->keys[i]);

		put_cell(out, cell(value, text), report->widths[i],
		    json_is_number(value), i + 1 == report->count);
	}
}

/* The first one has the titles. */
static void
spend(const struct report *report)
{
	if (report->spends && report->at > 0)
		(void)json_array_set_new(report->answer, report->at,
		    json_null());
}

/* Once over all for the widths, once for the text. */
static bool
step_table(struct report *report, struct buf *out)
{
	size_t size = json_array_size(report->answer);
	size_t end = MIN(report->at + ROWS_A_STEP, size);

	if (report->at == 0 && !report->measured)
		find_columns(report);
	for (; report->at < end; report->at++) {
		const json_t *row = json_array_get(report->answer, report->at);

		if (report->measured) {
			put_row(report, row, out);
			spend(report);
		} else {
			measure_row(report, row);
		}
	}
	if (report->at < size)
		return false;
	if (report->measured)
		return true;
	report->measured = true;
	report->at = 0;
	put_titles(report, out);
	return false;
}

/* --- anything --- */

static void
put_object(const json_t *answer, struct buf *out)
{
	/* Only looked at: the macro takes no const. */
	json_t *object = (json_t *)(uintptr_t)answer;
	char text[CELL_MAX];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (json_is_array(value) || json_is_object(value))
			report_as_text(value, out);
		else
			buf_printf(out, "%s: %s\n", key, cell(value, text));
	}
}

static void
put_json(const json_t *value, struct buf *out)
{
	char *text = json_dumps(value,
	    JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	buf_append_str(out, text ? text : "null");
	free(text);
}

static bool
step_json(struct report *report, struct buf *out)
{
	size_t size = json_array_size(report->answer);
	size_t end = MIN(report->at + ROWS_A_STEP, size);

	if (!json_is_array(report->answer)) {
		put_json(report->answer, out);
		buf_append_char(out, '\n');
		return true;
	}
	if (report->at == 0)
		buf_append_char(out, '[');
	for (; report->at < end; report->at++) {
		if (report->at > 0)
			buf_append_char(out, ',');
		put_json(json_array_get(report->answer, report->at), out);
		spend(report);
	}
	if (report->at < size)
		return false;
	buf_append_str(out, "]\n");
	return true;
}

void
report_begin(struct report *report, json_t *answer, bool json)
{
	*report =
	    (struct report){ .answer = answer, .json = json, .spends = true };
}

bool
report_step(struct report *report, struct buf *out)
{
	if (report->json)
		return step_json(report, out);
	if (json_is_array(report->answer))
		return step_table(report, out);
	if (json_is_string(report->answer))
		buf_append_str(out, json_string_value(report->answer));
	else
		put_object(report->answer, out);
	return true;
}

void
report_as_text(const json_t *answer, struct buf *out)
{
	struct report report = { .answer = (json_t *)(uintptr_t)answer };

	while (!report_step(&report, out))
		continue;
}

void
report_as_json(const json_t *answer, struct buf *out)
{
	struct report report = { .answer = (json_t *)(uintptr_t)answer,
		.json = true };

	while (!report_step(&report, out))
		continue;
}
