/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read - manager.xml's elements become options, and what the command
 * line gives beside them. A reload reads the file in a process that is forked
 * for it, which finds the latter here.
 */
#include "common/process/config_load.h"

#include "common/base/buf.h"
#include "common/xmpp/framer_document.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- what is said of it --- */

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

/* --- the document --- */

static void
reject_value(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	struct buf allowed;

	buf_init(&allowed, 0);
	option_describe(option, &allowed);
	config_error(load, element->line, "%s: '%s' is not %.*s", element->path,
	    log_escape(element->text, strlen(element->text)),
	    (int)buf_len(&allowed), (const char *)buf_bytes(&allowed));
	buf_destroy(&allowed);
}

static void
note_foreign(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	if (option->value && strcasecmp(option->value, element->text) != 0)
		config_warn(load, element->line, "%s has no effect here: %s",
		    element->path, option->help);
}

static void
take_value(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	unsigned *line = &load->lines[option - options];

	if (*line) {
		config_warn(load, element->line,
		    "%s is given a second time; line %u counts", element->path,
		    *line);
		return;
	}
	*line = element->line;
	if (option_set(option, load->config, element->text) != 0)
		reject_value(load, option, element);
}

static void
on_element(void *context, const struct document_element *element)
{
	struct config_load *load = context;
	const struct option *option;

	if (element->path[0] == '\0') {
		load->root_line = element->line;
		if (strcmp(element->name, "jive") != 0)
			config_error(load, element->line,
			    "the document's element is '%s' but must be 'jive'",
			    log_escape(element->name, strlen(element->name)));
		return;
	}
	if (element->text[0] == '\0' &&
	    (element->has_children || option_is_group(element->path)))
		return;
	option = option_find(element->path);
	if (!option)
		config_warn(load, element->line,
		    "unknown option %s is ignored; the nearest known is %s",
		    log_escape(element->path, strlen(element->path)),
		    option_nearest(element->path));
	else if (element->text[0] == '\0')
		return; /* as if it were not there */
	else if (option->type == OPTION_FOREIGN)
		note_foreign(load, option, element);
	else
		take_value(load, option, element);
}

void
config_read(struct config_load *load, const void *text, size_t len)
{
	struct document_error error;

	if (framer_document_parse(text, len, on_element, load, &error) != 0)
		config_error(load, error.line, "not readable as XML: %s",
		    error.text);
}

/* --- what the command line gives beside it --- */

static struct {
	char **texts;
	size_t count;
} given;

void
config_give(const char *const *texts, size_t count)
{
	size_t i;

	for (i = 0; i < given.count; i++)
		free(given.texts[i]);
	given.texts = xrealloc(given.texts, (count + 1) * sizeof(char *));
	given.count = count;
	for (i = 0; i < count; i++)
		given.texts[i] = xstrdup(texts[i]);
}

/* None of them has a line in the file. */
static void
refuse(struct config_load *load, const char *path, const char *why)
{
	load->error_count++;
	fprintf(load->messages, "-D %s: %s\n", log_escape(path, strlen(path)),
	    why);
}

static void
refuse_value(struct config_load *load, const struct option *option,
    const char *value)
{
	struct buf why;

	buf_init(&why, 0);
	buf_printf(&why, "'%s' is not ", log_escape(value, strlen(value)));
	option_describe(option, &why);
	buf_append_char(&why, '\0');
	refuse(load, option->path, (const char *)buf_bytes(&why));
	buf_destroy(&why);
}

static void
refuse_unknown(struct config_load *load, const char *path)
{
	struct buf why;

	buf_init(&why, 0);
	buf_printf(&why, "there is no such option; the nearest is %s",
	    option_nearest(path));
	buf_append_char(&why, '\0');
	refuse(load, path, (const char *)buf_bytes(&why));
	buf_destroy(&why);
}

static void
set_given(struct config_load *load, const char *path, const char *value)
{
	const struct option *option = option_find(path);

	if (!option)
		refuse_unknown(load, path);
	else if (option->type == OPTION_FOREIGN)
		refuse(load, path, option->help);
	else if (option->type == OPTION_SECRET)
		refuse(load, path,
		    "a secret belongs in the file: everybody on this machine"
		    " can read a command line");
	else if (*value == '\0')
		refuse(load, path, "a value must follow");
	else if (option_set(option, load->config, value) != 0)
		refuse_value(load, option, value);
	else
		load->lines[option - options] = CONFIG_LINE_GIVEN;
}

void
config_read_given(struct config_load *load)
{
	const char *equals;
	char *path;
	size_t i;

	for (i = 0; i < given.count; i++) {
		equals = strchr(given.texts[i], '=');
		if (!equals) {
			refuse(load, given.texts[i], "it must be name=value");
			continue;
		}
		path =
		    strndup(given.texts[i], (size_t)(equals - given.texts[i]));
		CHECK(path);
		set_given(load, path, equals + 1);
		free(path);
	}
}
