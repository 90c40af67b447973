/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage - the grammar of commands.def: which command a line is, how many
 * arguments it takes, and what to answer to a line that is none. Pure.
 */
#ifndef WORKER_CONTROL_USAGE_H
#define WORKER_CONTROL_USAGE_H

#include "common/base/buf.h"
#include "worker/control/control_line.h"

/* A row of commands.def, in its order. */
struct usage {
	const char *words;
	/* Each is required but [THESE]; "..." takes any number. */
	const char *arguments;
	const char *help;
};

extern const struct usage usages[];
extern const size_t usage_count;

/* The row that the line names, or NULL; *first_out is then the word behind its
 * words. */
const struct usage *usage_find(const struct control_line *line,
    unsigned *first_out);
/* True when the row begins with so many words of the line, from `first` on. */
bool usage_begins(const struct usage *usage, const struct control_line *line,
    unsigned first, unsigned count);

/* False when the line has too few arguments or too many for the row; why, and
 * how it is called, is appended. */
MUST_CHECK bool usage_fits(const struct usage *usage,
    const struct control_line *line, unsigned first, struct buf *why);
/* Appends that the row takes no word of the line from `at` on, and how it is
 * called. */
void usage_refuse_excess(const struct usage *usage,
    const struct control_line *line, unsigned at, struct buf *why);
/* Appends what is wrong with the words of the line from `first` on, which name
 * no row, and the rows that may be meant. */
void usage_explain(const struct control_line *line, unsigned first,
    struct buf *why);

#endif
