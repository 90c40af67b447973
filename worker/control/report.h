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

/* One that is being written; the answer is borrowed. */
struct report {
	json_t *answer;
	bool spends;
	bool json;
	size_t at; /* the row that is next */
	bool measured;
	unsigned count; /* columns */
	const char *keys[REPORT_COLUMNS_MAX];
	size_t widths[REPORT_COLUMNS_MAX];
};

/* A long answer is written in pieces: true when that was the last one. Its rows
 * are freed as they are written, for that takes its time, too. */
void report_begin(struct report *report, json_t *answer, bool json);
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
