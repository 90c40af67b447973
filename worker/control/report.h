/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - an answer of the control socket, made once as JSON, shown to people
 * as a table or as lines.
 */
#ifndef WORKER_CONTROL_REPORT_H
#define WORKER_CONTROL_REPORT_H

#include "common/base/buf.h"

#include <jansson.h>

#define REPORT_COLUMNS_MAX 24
#define REPORT_KEY_MAX     32 /* with the final NUL */

/* Rows that are made as they are needed, once or twice each. */
struct report_rows {
	/* Owned by who is given it; NULL: there is none any more. */
	json_t *(*get)(void *context, size_t at);
	void *context;
	size_t count;
};

/* One that is being written. */
struct report {
	const json_t *answer; /* borrowed; NULL: rows alone */
	struct report_rows rows;
	bool json;
	size_t at; /* the row that is next */
	bool measured;
	bool follows;   /* a row was written */
	unsigned count; /* columns */
	char keys[REPORT_COLUMNS_MAX][REPORT_KEY_MAX];
	bool numbers[REPORT_COLUMNS_MAX];
	size_t widths[REPORT_COLUMNS_MAX];
};

/* A long answer is written in pieces: true when that was the last one. */
void report_begin(struct report *report, const json_t *answer, bool json);
void report_begin_rows(struct report *report, struct report_rows rows,
    bool json);
MUST_CHECK bool report_step(struct report *report, struct buf *out);

/* In one go. A string is written as it is, an object as `key: value`, an array
 * of objects as a table with a line of titles. Control bytes become question
 * marks. */
void report_as_text(const json_t *answer, struct buf *out);
/* One line, ASCII. */
void report_as_json(const json_t *answer, struct buf *out);

/* Any bytes as a JSON string; what is not UTF-8 becomes a question mark. */
json_t *report_string(const char *text);

#endif
