/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/report.h"

#include "common/base/printable.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX    256
#define ROWS_A_STEP 32

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
find_columns(struct report *report, json_t *row)
{
	void *member = json_object_iter(row);
	unsigned i;

	for (; member && report->count < REPORT_COLUMNS_MAX;
	     member = json_object_iter_next(row, member)) {
		i = report->count++;
		snprintf(report->keys[i], REPORT_KEY_MAX, "%s",
		    json_object_iter_key(member));
		report->numbers[i] =
		    json_is_number(json_object_iter_value(member));
		report->widths[i] = width_of(report->keys[i]);
	}
}

/* The first one has the titles. */
static void
measure_row(struct report *report, json_t *row)
{
	char text[CELL_MAX];
	unsigned i;

	if (report->count == 0)
		find_columns(report, row);
	for (i = 0; i < report->count; i++)
		report->widths[i] = MAX(report->widths[i],
		    width_of(cell(json_object_get(row, report->keys[i]),
			text)));
}

static void
put_titles(const struct report *report, struct buf *out)
{
	unsigned i;

	for (i = 0; i < report->count; i++)
		put_cell(out, report->keys[i], report->widths[i],
		    report->numbers[i], i + 1 == report->count);
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

/* Once over all for the widths, once for the text. */
static bool
step_table(struct report *report, struct buf *out)
{
	size_t end = MIN(report->at + ROWS_A_STEP, report->rows.count);

	for (; report->at < end; report->at++) {
		json_t *row =
		    report->rows.get(report->rows.context, report->at);

		if (row && report->measured)
			put_row(report, row, out);
		else if (row)
			measure_row(report, row);
		json_decref(row);
	}
	if (report->at < report->rows.count)
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
step_array(struct report *report, struct buf *out)
{
	size_t end = MIN(report->at + ROWS_A_STEP, report->rows.count);

	if (report->at == 0)
		buf_append_char(out, '[');
	for (; report->at < end; report->at++) {
		json_t *row =
		    report->rows.get(report->rows.context, report->at);

		if (row && report->follows)
			buf_append_char(out, ',');
		if (row)
			put_json(row, out);
		report->follows = report->follows || row;
		json_decref(row);
	}
	if (report->at < report->rows.count)
		return false;
	buf_append_str(out, "]\n");
	return true;
}

static json_t *
get_of_array(void *array, size_t at)
{
	return json_incref(json_array_get(array, at));
}

void
report_begin(struct report *report, const json_t *answer, bool json)
{
	*report = (struct report){ .answer = answer, .json = json };
	if (json_is_array(answer))
		report->rows = (struct report_rows){ get_of_array,
			(void *)(uintptr_t)answer, json_array_size(answer) };
}

void
report_begin_rows(struct report *report, struct report_rows rows, bool json)
{
	*report = (struct report){ .rows = rows, .json = json };
}

bool
report_step(struct report *report, struct buf *out)
{
	if (report->rows.get)
		return report->json ? step_array(report, out)
				    : step_table(report, out);
	if (report->json) {
		put_json(report->answer, out);
		buf_append_char(out, '\n');
	} else if (json_is_string(report->answer)) {
		buf_append_str(out, json_string_value(report->answer));
	} else {
		put_object(report->answer, out);
	}
	return true;
}

/* In one go. */
static void
report_as(const json_t *answer, bool json, struct buf *out)
{
	struct report report;

	report_begin(&report, answer, json);
	while (!report_step(&report, out))
		continue;
}

void
report_as_text(const json_t *answer, struct buf *out)
{
	report_as(answer, false, out);
}

void
report_as_json(const json_t *answer, struct buf *out)
{
	report_as(answer, true, out);
}
