/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/panic.h"

#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char *panic_buffer;
static size_t panic_cap;

void
panic_register(char *buffer, size_t cap)
{
	panic_buffer = buffer;
	panic_cap = cap;
}

void
panic(const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (panic_buffer != NULL)
		(void)snprintf(panic_buffer, panic_cap, "%s", message);
	log_at(LOG_ERROR, "panic: %s", message);
	abort();
}

void
panic_check(const char *file, int line, const char *claim)
{
	panic("broken claim at %s:%d: %s", file, line, claim);
}
