/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - the rows of a list in columns, below a line of titles.
 *
 * The first thousand rows are kept until they are all there, so that columns
 * are as wide as what is in them; what comes then is printed as it comes, and a
 * longer one pushes what stands behind it.
 *
 * A terminal that is too narrow for all columns is given those that matter:
 * first none is wider than a third of the terminal, and longer cells push; then
 * columns of the highest rank give way, of the same rank the last first. Rank 1
 * and the column that the rows are sorted by always stay, and nothing is cut:
 * what is still too long goes on in the terminal's next line.
 */
#ifndef MASTER_CMCTL_TABLE_H
#define MASTER_CMCTL_TABLE_H

#include "common/base/base.h"

#include <jansson.h>
#include <stdio.h>

struct table;

/* What is printed on. */
struct table_look {
	unsigned width; /* of the terminal; 0: it is none, all is shown */
	bool bold;      /* titles are set off, and in colour what matters */
	bool cut;       /* no line is longer than the width after all */
};

/* The columns are those of the list's first line (worker/control/control.h).
 * What it does not say in the way that is written there has no columns. */
struct table *table_new(const json_t *list, struct table_look look, FILE *out);
/* Rows are borrowed; what is no object is empty. */
void table_add(struct table *table, json_t *row);
/* Prints what is still kept and, of a list that is whole and has no rows, that
 * there are 0. */
void table_end(struct table **table, bool whole);

#endif
