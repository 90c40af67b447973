/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - an answer of the control socket in the lines of its protocol
 * (control.h), which cmctl shows to people.
 */
#ifndef WORKER_CONTROL_REPORT_H
#define WORKER_CONTROL_REPORT_H

#include "common/base/buf.h"

#include <jansson.h>

enum report_type {
	REPORT_TEXT,
	REPORT_NUMBER,
	REPORT_FLAG, /* true or false */
	REPORT_LONG, /* a sentence; at most one, the last column */
};

struct report_column {
	const char *name;
	enum report_type type;
	unsigned rank; /* 1: always shown; the highest gives way first */
};

/* What a list has in each row, in this order; all borrowed. */
struct report_table {
	const char *noun; /* what the rows are, in the plural */
	const struct report_column *columns;
	unsigned count;
	const char *sorted_by; /* a column's name; NULL: in no order */
	bool ascending;
};

/* Rows that are made as they are needed. */
struct report_rows {
	/* Owned by who is given it; NULL: there is none any more. */
	json_t *(*get)(void *context, size_t at);
	void *context;
	size_t count;
};

/* One that is being written. */
struct report {
	const json_t *answer;             /* borrowed; NULL: rows alone */
	const struct report_table *table; /* borrowed; NULL: it is no list */
	struct report_rows rows;
	bool begun;
	size_t at; /* the row that is next */
};

/* Of an answer that is made: an object, an array of rows, or a string, which is
 * written as it is. */
void report_begin(struct report *report, const struct report_table *table,
    const json_t *answer);
void report_begin_rows(struct report *report, const struct report_table *table,
    struct report_rows rows);
/* A piece of it; true when that was the last one. */
MUST_CHECK bool report_step(struct report *report, struct buf *out);

/* One line each: what the rows of a list are, one of them or another object,
 * and how the request went; without an error (NULL) it went well, and what was
 * done may be said (or NULL). */
void report_put_table(const struct report_table *table, struct buf *out);
void report_put_object(const json_t *object, struct buf *out);
void report_put_end(const char *message, const char *error, struct buf *out);

/* Any bytes as a JSON string; a question mark stands for each byte that is of
 * no UTF-8 character. */
json_t *report_string(const char *text);
json_t *report_bytes(const char *text, size_t len);

#endif
