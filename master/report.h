/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - an answer of the control socket, made once as JSON, shown to people
 * as a table or as lines.
 */
#ifndef MASTER_REPORT_H
#define MASTER_REPORT_H

#include "common/base/buf.h"

#include <jansson.h>

/* A string is written as it is, an object as `key: value`, an array of objects
 * as a table with a line of titles. Control bytes become question marks. */
void report_as_text(const json_t *answer, struct buf *out);
/* One line, ASCII. */
void report_as_json(const json_t *answer, struct buf *out);

/* Any bytes as a JSON string; what is not UTF-8 becomes a question mark. */
json_t *report_string(const char *text);

#endif
