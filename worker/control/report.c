/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/report.h"

#include "common/base/printable.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_A_STEP 32

static const char *const type_names[] = { [REPORT_TEXT] = "text",
	[REPORT_NUMBER] = "number",
	[REPORT_FLAG] = "flag",
	[REPORT_LONG] = "long" };

json_t *
report_string(const char *text)
{
	return report_bytes(text, strlen(text));
}

json_t *
report_bytes(const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);
	struct buf mended;
	size_t at, bytes;
	bool shown;

	if (string)
		return string;
	buf_init(&mended, 0);
	for (at = 0; at < len; at += bytes) {
		bytes = printable_next(text + at, len - at, &shown);
		if (bytes == 1 && (unsigned char)text[at] >= 0x80)
			buf_append_char(&mended, '?');
		else
			buf_append(&mended, text + at, bytes);
	}
	string =
	    json_stringn((const char *)buf_bytes(&mended), buf_len(&mended));
	buf_destroy(&mended);
	return string ? string : json_string("?");
}

/* --- lines --- */

void
report_put_object(const json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

	buf_append_str(out, text ? text : "{}");
	buf_append_char(out, '\n');
	free(text);
}

static json_t *
describe_columns(const struct report_table *table)
{
	json_t *columns = json_array();
	unsigned i;

	for (i = 0; i < table->count; i++) {
		const struct report_column *column = &table->columns[i];

		json_array_append_new(columns,
		    json_pack("{s:s,s:s,s:i}", "name", column->name, "type",
			type_names[column->type], "rank", (int)column->rank));
	}
	return columns;
}

void
report_put_table(const struct report_table *table, struct buf *out)
{
	json_t *line = json_object();

	json_object_set_new(line, "noun", json_string(table->noun));
	json_object_set_new(line, "columns", describe_columns(table));
	if (table->sorted_by) {
		json_object_set_new(line, "sorted_by",
		    json_string(table->sorted_by));
		json_object_set_new(line, "ascending",
		    json_boolean(table->ascending));
	}
	report_put_object(line, out);
	json_decref(line);
}

void
report_put_end(const char *message, const char *error, struct buf *out)
{
	json_t *line = json_object();

	if (error)
		json_object_set_new(line, "error", report_string(error));
	else
		json_object_set_new(line, "ok", json_true());
	if (message && !error)
		json_object_set_new(line, "message", report_string(message));
	report_put_object(line, out);
	json_decref(line);
}

/* --- whole answers --- */

static json_t *
get_of_array(void *array, size_t at)
{
	return json_incref(json_array_get(array, at));
}

void
report_begin(struct report *report, const struct report_table *table,
    const json_t *answer)
{
	*report = (struct report){ .answer = answer, .table = table };
	if (json_is_array(answer))
		report->rows = (struct report_rows){ get_of_array,
			(void *)(uintptr_t)answer, json_array_size(answer) };
}

void
report_begin_rows(struct report *report, const struct report_table *table,
    struct report_rows rows)
{
	*report = (struct report){ .table = table, .rows = rows };
}

static bool
step_rows(struct report *report, struct buf *out)
{
	size_t end = MIN(report->at + ROWS_A_STEP, report->rows.count);

	for (; report->at < end; report->at++) {
		json_t *row =
		    report->rows.get(report->rows.context, report->at);

		if (row)
			report_put_object(row, out);
		json_decref(row);
	}
	return report->at == report->rows.count;
}

bool
report_step(struct report *report, struct buf *out)
{
	if (!report->begun && report->table)
		report_put_table(report->table, out);
	report->begun = true;
	if (report->rows.get)
		return step_rows(report, out);
	if (json_is_string(report->answer))
		buf_append_str(out, json_string_value(report->answer));
	else
		report_put_object(report->answer, out);
	return true;
}
