/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printed - texts and values of the daemon's answers as a terminal shows them.
 * Whatever they hold, they move no cursor: a question mark stands for each
 * character that is not merely shown (common/base/printable.h).
 */
#ifndef MASTER_CMCTL_PRINTED_H
#define MASTER_CMCTL_PRINTED_H

#include "common/base/buf.h"

#include <jansson.h>

/* Each appends to the line and returns the columns of a terminal that it takes
 * there. */
size_t printed_text(struct buf *line, const char *text, size_t len);
/* In one line; `-` for what is empty, null or missing (NULL). */
size_t printed_value(struct buf *line, const json_t *value);

/* Bytes of such a line that so many columns hold. */
size_t printed_fit(const char *line, size_t len, size_t columns);

#endif
