/* SPDX-License-Identifier: Apache-2.0 */
/*
 * colour - what a terminal sets off: titles, and states that are not as they
 * should be (ECMA-48, Select Graphic Rendition).
 */
#ifndef MASTER_CMCTL_COLOUR_H
#define MASTER_CMCTL_COLOUR_H

#include "common/base/base.h"

#include <jansson.h>
#include <stdio.h>

#define COLOUR_TITLE "\033[1m"
#define COLOUR_FAINT "\033[2m"
#define COLOUR_END   "\033[0m"

/* Bytes of a line, from `begin` up to `end`. */
struct colour_span {
	const char *code; /* NULL: nothing is set off */
	size_t begin, end;
};

/* Yellow: it will change or wants a look; red: it is out of order; NULL: it
 * is as it should be, or no state. */
const char *colour_of(const char *column, const json_t *value);
/* The first `len` bytes of the line. */
void colour_print(const char *line, size_t len, const struct colour_span *span,
    FILE *out);

#endif
