/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_option - its rows by their names.
 */
#include "common/process/config_option.h"

#include <string.h>

static bool
covers(const struct option *option, const char *path)
{
	size_t len = strlen(option->path);

	return option->type == OPTION_FOREIGN &&
	       strncmp(path, option->path, len) == 0 && path[len] == '.';
}

const struct option *
option_find(const char *path)
{
	const struct option *above = NULL;
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (strcmp(options[i].path, path) == 0)
			return options[i].type == OPTION_ALIAS
				   ? option_find(options[i].value)
				   : &options[i];
		if (covers(&options[i], path))
			above = &options[i];
	}
	return above;
}

bool
option_is_group(const char *path)
{
	size_t len = strlen(path), i;

	for (i = 0; i < option_count; i++)
		if (strncmp(options[i].path, path, len) == 0 &&
		    options[i].path[len] == '.')
			return true;
	return false;
}

/* Levenshtein, over at most 100 bytes of each. */
static unsigned
distance(const char *a, const char *b)
{
	size_t a_len = strnlen(a, 100), b_len = strnlen(b, 100), i, j;
	unsigned row[101], diagonal, above;

	for (j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			row[j] =
			    MIN(diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u),
				MIN(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *
option_nearest(const char *path)
{
	unsigned least = ~0u, now;
	const char *nearest = options[0].path;
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (options[i].type == OPTION_FOREIGN)
			continue;
		now = distance(path, options[i].path);
		if (now < least) {
			least = now;
			nearest = options[i].path;
		}
	}
	return nearest;
}
