/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/log/log_lines.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *said;

void
log_lines_begin(enum log_level level)
{
	log_init("test", level);
	said = tmpfile();
	ck_assert_ptr_nonnull(said);
	/* Reading moves the place that a child shares; it writes at the end. */
	ck_assert_int_eq(fcntl(fileno(said), F_SETFL, O_APPEND), 0);
	ck_assert_int_ge(dup2(fileno(said), STDERR_FILENO), 0);
}

void
log_lines_end(void)
{
	fclose(said);
}

unsigned
log_lines_with(const char *text)
{
	char line[1024];
	unsigned count = 0;

	rewind(said);
	while (fgets(line, sizeof(line), said))
		count += strstr(line, text) != NULL;
	return count;
}

uint64_t
log_lines_sum(const char *text)
{
	char line[1024];
	const char *at;
	uint64_t sum = 0;

	rewind(said);
	while (fgets(line, sizeof(line), said)) {
		at = strstr(line, text);
		if (at)
			sum += strtoull(at + strlen(text), NULL, 10);
	}
	return sum;
}
