/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/panic.h"

#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char *left_text;
static size_t left_cap;

void
panic_leave_text(char *text, size_t cap)
{
	left_text = text;
	left_cap = cap;
}

void
panic_last_words(const char *format, ...)
{
	va_list args;

	if (!left_text)
		return;
	va_start(args, format);
	(void)vsnprintf(left_text, left_cap, format, args);
	va_end(args);
}

void
panic(const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	panic_last_words("%s", message);
	log_at(LOG_ERROR, "panic: %s", message);
	abort();
}

void
panic_check(const char *file, int line, const char *claim)
{
	panic("broken claim at %s:%d: %s", file, line, claim);
}
