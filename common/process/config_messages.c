/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator is told of a configuration while it is read. */
#include "common/process/config_load.h"

#include <stdarg.h>

PRINTF_LIKE(4, 0)
static void
complain(const struct config_load *load, unsigned line, const char *prefix,
    const char *format, va_list arguments)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, arguments);
	if (line == CONFIG_LINE_GIVEN)
		fprintf(load->messages, "command line: %s%s\n", prefix, text);
	else
		fprintf(load->messages, "%s:%u: %s%s\n", load->path,
		    MAX(line, 1u), prefix, text);
}

void
config_error(struct config_load *load, unsigned line, const char *format, ...)
{
	va_list arguments;

	load->error_count++;
	va_start(arguments, format);
	complain(load, line, "", format, arguments);
	va_end(arguments);
}

void
config_warn(struct config_load *load, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(load, line, "warning: ", format, arguments);
	va_end(arguments);
}

unsigned
config_line(const struct config_load *load, const char *path)
{
	const struct option *option = option_find(path);
	unsigned line;

	CHECK(option);
	line = load->lines[option - options];
	return line ? line : load->root_line;
}
