/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_line - one request line of the control socket as words.
 *
 * Blanks part words; double quotes keep them together, a backslash within
 * quotes keeps the next byte. Pure.
 */
#ifndef WORKER_CONTROL_CONTROL_LINE_H
#define WORKER_CONTROL_CONTROL_LINE_H

#include "common/base/base.h"

/* Bytes without the newline: a command with a JID of full length. */
#define CONTROL_LINE_MAX  4608
#define CONTROL_WORDS_MAX 24

struct control_line {
	unsigned count; /* words; may be 0 */
	char *words[CONTROL_WORDS_MAX];
	char text[CONTROL_LINE_MAX + 1]; /* where the words lie */
};

/* Accepts any bytes. 0; -EMSGSIZE when the line is too long or has too many
 * words; -EINVAL for a control byte or a quote that does not end. */
MUST_CHECK int control_line_parse(const void *bytes, size_t len,
    struct control_line *line_out);

/* True when the word is a whole number of 32 bits. */
MUST_CHECK bool control_word_number(const char *word, uint32_t *number_out);

#endif
