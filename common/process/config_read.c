/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read - manager.xml's elements become options.
 */
#include "common/process/config_load.h"

#include "common/base/buf.h"
#include "common/xmpp/framer_document.h"

#include <string.h>
#include <strings.h>

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
