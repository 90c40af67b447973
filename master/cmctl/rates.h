/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rates - how fast counters grow from one answer to the next. Pure.
 */
#ifndef MASTER_CMCTL_RATES_H
#define MASTER_CMCTL_RATES_H

#include "common/base/base.h"

#include <jansson.h>

/* A counter of a row, and the member that says how much it grows a second. */
struct rate {
	const char *counter, *name;
	double scale; /* 100: in hundredths */
};

struct rates {
	const char *key; /* of rows: the same in the next answer */
	const struct rate *rates;
	unsigned count;
	double then_s;  /* steady clock */
	json_t *before; /* counters by key; NULL: none yet */
	json_t *shown;  /* rates by key */
};

/* key, rates and count are set by the caller. */
void rates_init(struct rates *rates);
/* Adds its rates to each of the rows. There are none for a row that was not
 * there before, or whose counters fell; and those of the answer before count on
 * when that was less than half a second ago. */
void rates_apply(struct rates *rates, json_t *rows, double now_s);
void rates_destroy(struct rates *rates);

#endif
