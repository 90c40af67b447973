/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/near_word.h"

#include <string.h>

#define COMPARED_MAX 100u /* bytes */

size_t
near_word_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t beyond = MAX(a_len, COMPARED_MAX) - COMPARED_MAX +
			MAX(b_len, COMPARED_MAX) - COMPARED_MAX;
	size_t row[COMPARED_MAX + 1], diagonal, above, i, j;

	a_len = MIN(a_len, COMPARED_MAX);
	b_len = MIN(b_len, COMPARED_MAX);
	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			row[j] =
			    MIN(diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u),
				MIN(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b_len] + beyond;
}

bool
near_word_is_slip(const char *written, const char *meant)
{
	size_t len = strlen(meant), begun = strlen(written);

	if (begun >= 2 && begun < len && strncmp(written, meant, begun) == 0)
		return true;
	return len > 0 && near_word_distance(written, meant) <=
			      MIN(MAX(len / 3, 2u), len - 1);
}
