/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/table.h"

#include "common/base/buf.h"
#include "master/cmctl/colour.h"
#include "master/cmctl/printed.h"

#include <stdlib.h>
#include <string.h>

#define MEASURED_MAX 1000u /* rows */
#define GAP          2u    /* blanks between columns */
#define WIDE_LEAST   24u   /* that a column may have on any terminal */
#define LONG_LEAST   20u   /* that a sentence is to have in its first line */

struct column {
	const char *name;
	size_t name_len;
	bool number;   /* on the right */
	bool sentence; /* in the last one */
	bool sorted;
	bool shown;
	json_int_t rank;
	size_t width; /* of the longest cell */
};

struct table {
	json_t *list;
	struct table_look look;
	FILE *out;
	const char *mark; /* behind the title of what it is sorted by */
	json_t *kept;     /* rows; NULL: titles are printed */
	bool empty;
	struct buf line, cell;
	struct colour_span span; /* of the line */
	unsigned count;
	struct column columns[];
};

/* --- widths --- */

static size_t
put_title(const struct table *table, const struct column *column,
    struct buf *line)
{
	size_t width = printed_text(line, column->name, column->name_len);

	if (column->sorted && table->look.width > 0)
		width += printed_text(line, table->mark, strlen(table->mark));
	return width;
}

static void
measure_title(struct table *table, struct column *column)
{
	buf_reset(&table->cell);
	column->width = put_title(table, column, &table->cell);
}

static void
measure_row(struct table *table, const json_t *row)
{
	unsigned i;

	for (i = 0; i < table->count; i++) {
		struct column *column = &table->columns[i];
		size_t width;

		buf_reset(&table->cell);
		width = printed_value(&table->cell,
		    json_object_get(row, column->name));
		column->width = MAX(column->width, width);
	}
}

/* --- what is shown --- */

static size_t
width_needed(const struct table *table)
{
	size_t width = 0;
	unsigned i;

	for (i = 0; i < table->count; i++) {
		const struct column *column = &table->columns[i];

		if (!column->shown)
			continue;
		width += width > 0 ? GAP : 0;
		width += column->sentence ? MIN(column->width, LONG_LEAST)
					  : column->width;
	}
	return width;
}

static void
narrow(struct table *table)
{
	size_t widest = MAX(table->look.width / 3, WIDE_LEAST);
	unsigned i;

	for (i = 0; i < table->count; i++)
		table->columns[i].width = MIN(table->columns[i].width, widest);
}

/* False when all that are left stay. */
static bool
drop_least(struct table *table)
{
	struct column *least = NULL;
	unsigned i;

	for (i = 0; i < table->count; i++) {
		struct column *column = &table->columns[i];

		if (column->shown && column->rank > 1 && !column->sorted &&
		    (!least || column->rank >= least->rank))
			least = column;
	}
	if (least)
		least->shown = false;
	return least;
}

static void
choose_columns(struct table *table)
{
	size_t width = table->look.width;

	if (width == 0)
		return;
	if (width_needed(table) > width)
		narrow(table);
	while (width_needed(table) > width && drop_least(table))
		continue;
}

/* --- lines --- */

static void
put_blanks(struct buf *line, size_t count)
{
	buf_printf(line, "%*s", (int)count, "");
}

/* Blanks are put before a cell only when it comes: none end a line. */
static void
put_cell(struct table *table, const struct column *column, size_t width,
    size_t *owed)
{
	size_t pad = column->width > width ? column->width - width : 0;

	put_blanks(&table->line, *owed + (column->number ? pad : 0));
	buf_append(&table->line, buf_bytes(&table->cell),
	    buf_len(&table->cell));
	*owed = GAP + (column->number ? 0 : pad);
}

static void
print_line(const struct table *table)
{
	const char *text = (const char *)buf_bytes(&table->line);
	size_t len = buf_len(&table->line);

	if (table->look.cut)
		len = printed_fit(text, len, table->look.width);
	colour_print(text, len, &table->span, table->out);
	fputc('\n', table->out);
}

/* Titles, or the cell that stands at the end of the line. */
static void
set_off(struct table *table, const struct column *column, const json_t *row)
{
	size_t end = buf_len(&table->line);
	const char *code =
	    row ? colour_of(column->name, json_object_get(row, column->name))
		: COLOUR_TITLE;

	if (!table->look.bold || !code)
		return;
	table->span = (struct colour_span){ code,
		row ? end - buf_len(&table->cell) : 0, end };
}

/* Titles without a row. */
static void
put_line(struct table *table, const json_t *row)
{
	size_t owed = 0, width;
	unsigned i;

	buf_reset(&table->line);
	table->span = (struct colour_span){ NULL, 0, 0 };
	for (i = 0; i < table->count; i++) {
		const struct column *column = &table->columns[i];

		if (!column->shown)
			continue;
		buf_reset(&table->cell);
		width = row ? printed_value(&table->cell,
				  json_object_get(row, column->name))
			    : put_title(table, column, &table->cell);
		put_cell(table, column, width, &owed);
		set_off(table, column, row);
	}
	print_line(table);
}

static void
print_kept(struct table *table)
{
	json_t *row;
	size_t i;

	choose_columns(table);
	put_line(table, NULL);
	json_array_foreach(table->kept, i, row)
	{
		put_line(table, row);
	}
	json_decref(table->kept);
	table->kept = NULL;
}

/* --- life --- */

static void
read_column(struct table *table, const json_t *said, const char *sorted_by)
{
	const json_t *name = json_object_get(said, "name");
	const char *type = json_string_value(json_object_get(said, "type"));
	struct column *column = &table->columns[table->count];

	if (!json_is_string(name))
		return;
	table->count++;
	*column = (struct column){ .name = json_string_value(name),
		.name_len = json_string_length(name),
		.number = type && strcmp(type, "number") == 0,
		.sentence = type && strcmp(type, "long") == 0,
		.rank = json_integer_value(json_object_get(said, "rank")),
		.shown = true };
	column->sorted = sorted_by && strcmp(column->name, sorted_by) == 0;
	measure_title(table, column);
}

struct table *
table_new(const json_t *list, struct table_look look, FILE *out)
{
	const json_t *columns = json_object_get(list, "columns");
	const char *sorted_by =
	    json_string_value(json_object_get(list, "sorted_by"));
	size_t count = json_array_size(columns), i;
	struct table *table =
	    xcalloc(1, sizeof(*table) + count * sizeof(table->columns[0]));

	table->list = json_deep_copy(list);
	columns = json_object_get(table->list, "columns");
	table->look = look;
	table->out = out;
	table->mark = json_is_true(json_object_get(list, "ascending"))
			  ? "\xe2\x96\xb2"
			  : "\xe2\x96\xbc";
	table->kept = json_array();
	table->empty = true;
	buf_init(&table->line, 0);
	buf_init(&table->cell, 0);
	for (i = 0; i < count; i++)
		read_column(table, json_array_get(columns, i), sorted_by);
	return table;
}

void
table_add(struct table *table, json_t *row)
{
	table->empty = false;
	if (!table->kept) {
		put_line(table, row);
		return;
	}
	measure_row(table, row);
	json_array_append(table->kept, row);
	if (json_array_size(table->kept) == MEASURED_MAX)
		print_kept(table);
}

void
table_end(struct table **table, bool whole)
{
	struct table *old = *table;
	const json_t *noun;

	if (!old)
		return;
	*table = NULL;
	if (old->kept && (whole || !old->empty))
		print_kept(old);
	noun = json_object_get(old->list, "noun");
	if (old->empty && whole) {
		buf_reset(&old->cell);
		(void)printed_value(&old->cell, noun);
		fprintf(old->out, "0 %.*s\n", (int)buf_len(&old->cell),
		    (const char *)buf_bytes(&old->cell));
	}
	json_decref(old->kept);
	buf_destroy(&old->line);
	buf_destroy(&old->cell);
	json_decref(old->list);
	free(old);
}
