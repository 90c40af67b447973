/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told of a configuration in the making. */
#include "common/process/config_check.h"

#include "common/base/log.h"
#include "common/process/config_http.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

PRINTF_LIKE(4, 0)
static void
complain(const struct config_load *load, unsigned line, const char *prefix,
    const char *format, va_list arguments)
{
	if (line == CONFIG_LINE_GIVEN)
		fprintf(load->messages, "command line: %s", prefix);
	else
		fprintf(load->messages, "%s:%u: %s", load->path, MAX(line, 1u),
		    prefix);
	vfprintf(load->messages, format, arguments);
	fputc('\n', load->messages);
}

const char *
config_quote(const char *text)
{
	static char buffers[2][4 * PATH_MAX + 64];
	static unsigned turn;
	char *out = buffers[turn++ % 2];
	size_t len = strlen(text);

	(void)log_escape_to(text, MIN(len, (size_t)PATH_MAX), out,
	    4 * PATH_MAX + 8);
	if (len > PATH_MAX)
		sprintf(out + strlen(out), "... (%zu bytes)", len);
	return out;
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
	return line ? line : load->config->root_line;
}

/* --- files that hold secrets --- */

void
config_check_private(struct config_load *load, unsigned line, const char *path,
    const char *what)
{
	struct stat status;
	const char *who = NULL;

	if (stat(path, &status) != 0)
		return;
	if (status.st_uid != 0 && status.st_uid != geteuid())
		who =
		    "its owner, who is neither root nor this user, can change";
	else if (status.st_mode & (S_IWGRP | S_IWOTH))
		who = "others can change";
	else if (status.st_mode & S_IROTH)
		who = "everybody on this machine can read";
	if (who)
		config_warn(load, line,
		    "'%s' holds %s, and %s it; mode 0640"
		    " and owner root are advised",
		    config_quote(path), what, who);
}

/* --- what one that is in force, or about to be, should not be --- */

static void
advise_user(struct config_load *load)
{
	if (!load->config->user && geteuid() == 0)
		config_warn(load, config_line(load, "user"),
		    "user: none is given: all processes will run as root");
}

static void
advise_http_address(struct config_load *load)
{
	const struct config_http *http = &load->config->http;
	const char *lacks = config_http_lacks(load->config);

	if (http->port != 0 && lacks)
		config_warn(load, config_line(load, "http.address"),
		    "http.address: '%s' is not a loopback address: /metrics is"
		    " refused there without %s",
		    http->address, lacks);
}

static void
advise_http_files(struct config_load *load)
{
	static const char *const options_given[] = { "http.certificate",
		"http.key", "http.token.file" };
	size_t i;

	if (load->config->http.port != 0)
		return;
	for (i = 0; i < ARRAY_LEN(options_given); i++)
		if (load->lines[option_find(options_given[i]) - options])
			config_warn(load, config_line(load, options_given[i]),
			    "%s has no effect: http.port is 0",
			    options_given[i]);
}

void
config_advise(struct config *config, FILE *messages)
{
	struct config_load load = {
		.path = config->path,
		.messages = messages,
		.config = config,
		.lines = config->lines,
	};

	advise_user(&load);
	advise_http_address(&load);
	advise_http_files(&load);
}
