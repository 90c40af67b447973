/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/panic.h"

#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char *message_buffer;
static size_t message_cap;

void
panic_set_message_buffer(char *buffer, size_t cap)
{
	message_buffer = buffer;
	message_cap = cap;
}

void
panic_write_message(const char *format, ...)
{
	va_list args;

	if (!message_buffer)
		return;
	va_start(args, format);
	(void)vsnprintf(message_buffer, message_cap, format, args);
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
	panic_write_message("%s", message);
	log_at(LOG_ERROR, "panic: %s", message);
	abort();
}

void
panic_check(const char *file, int line, const char *claim)
{
	panic("broken claim at %s:%d: %s", file, line, claim);
}
