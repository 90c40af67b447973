/* SPDX-License-Identifier: Apache-2.0 */
/* choose - what a bench is told: how often, and which of its loads. */
#ifndef TESTS_BENCH_CHOOSE_H
#define TESTS_BENCH_CHOOSE_H

#include "common/base/base.h"

#include <stdlib.h>
#include <string.h>

/* Arguments: TIMES NAME. The place in the table of names, of `count` rows each
 * `row_bytes` apart; `count`: there is none of this name. */
static inline size_t
choose_load(char **argv, const char *const *names, size_t row_bytes,
    size_t count, uint64_t *times_out)
{
	const char *row = (const char *)names;
	size_t i;

	CHECK(argv[0] && argv[1] && argv[2] && !argv[3]);
	*times_out = strtoull(argv[1], NULL, 10);
	for (i = 0; i < count; i++, row += row_bytes)
		if (strcmp(*(const char *const *)(const void *)row, argv[2]) ==
		    0)
			break;
	return i;
}

#endif
