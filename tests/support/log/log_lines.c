/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/log/log_lines.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *said;

void
log_lines_begin(enum log_level level)
{
	log_init("test", level);
	said = tmpfile();
	ck_assert_ptr_nonnull(said);
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
