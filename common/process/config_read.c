/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read - a configuration is made: of defaults, manager.xml's elements,
 * what the command line gives beside them, and the files that these name. A
 * reload reads in a process that is forked for it, which finds here what the
 * command line gave.
 */
#include "common/process/config_check.h"

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/xmpp/framer_document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the document --- */

static void
reject_value(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	struct buf allowed;

	buf_init(&allowed, 0);
	option_describe(option, &allowed);
	config_error(load, element->line, "%s: '%s' is not %.*s", element->path,
	    config_quote(element->text), (int)buf_len(&allowed),
	    (const char *)buf_bytes(&allowed));
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

/* It is as if it were not there. */
static void
note_empty(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	if (option->type == OPTION_FILE)
		config_warn(load, element->line,
		    "%s is empty and counts as not given", element->path);
}

static void
take_value(struct config_load *load, const struct option *option,
    const struct document_element *element)
{
	unsigned *line = &load->lines[option - options];
	int error;

	if (*line && option->type != OPTION_WORDS) {
		config_warn(load, element->line,
		    "%s is given a second time; line %u counts", element->path,
		    *line);
		return;
	}
	error = *line ? option_add(option, load->config, element->text)
		      : option_set(option, load->config, element->text);
	if (error)
		reject_value(load, option, element);
	if (!*line)
		*line = element->line;
}

static void
on_element(void *context, const struct document_element *element)
{
	struct config_load *load = context;
	const struct option *option;

	if (element->path[0] == '\0') {
		load->config->root_line = element->line;
		if (strcmp(element->name, "jive") != 0)
			config_error(load, element->line,
			    "the document's element is '%s' but must be 'jive'",
			    config_quote(element->name));
		return;
	}
	if (element->text[0] == '\0' &&
	    (element->has_children || option_is_group(element->path)))
		return;
	option = option_find(element->path);
	if (!option)
		config_warn(load, element->line,
		    "unknown option %s is ignored; the nearest known is %s",
		    config_quote(element->path), option_nearest(element->path));
	else if (element->text[0] == '\0')
		note_empty(load, option, element);
	else if (option->type == OPTION_FOREIGN)
		note_foreign(load, option, element);
	else
		take_value(load, option, element);
}

static void
read_document(struct config_load *load, const void *text, size_t len)
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
	fprintf(load->messages, "-D %s: %s\n", config_quote(path), why);
}

static void
refuse_value(struct config_load *load, const struct option *option,
    const char *value)
{
	struct buf why;

	buf_init(&why, 0);
	buf_printf(&why, "'%s' is not ", config_quote(value));
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

static void
read_given(struct config_load *load)
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

/* --- as a whole --- */

static void
set_defaults(struct config *config)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (options[i].type < OPTION_FOREIGN && options[i].value)
			CHECK(option_set(&options[i], config,
				  options[i].value) == 0);
}

int
config_parse(const char *path, const void *text, size_t len, FILE *messages,
    struct config **config_out)
{
	struct config_load load = {
		.path = path,
		.messages = messages,
		.config = xcalloc(1, sizeof(*load.config)),
		.lines = xcalloc(option_count, sizeof(*load.lines)),
	};

	*config_out = NULL;
	load.config->path = xstrdup(path);
	set_defaults(load.config);
	read_document(&load, text, len);
	read_given(&load);
	if (load.error_count == 0)
		config_check(&load);
	if (load.error_count == 0)
		config_files_read(&load);
	if (load.error_count == 0)
		config_files_open(&load);
	load.config->lines = load.lines;
	if (load.error_count > 0) {
		config_free(&load.config);
		return -EINVAL;
	}
	*config_out = load.config;
	return 0;
}

int
config_check_given(FILE *messages)
{
	struct config_load load = {
		.path = "",
		.messages = messages,
		.config = xcalloc(1, sizeof(*load.config)),
		.lines = xcalloc(option_count, sizeof(*load.lines)),
	};

	read_given(&load);
	load.config->lines = load.lines;
	config_free(&load.config);
	return load.error_count > 0 ? -EINVAL : 0;
}

/* Authorities are many; they are for those who look at the server's chain. */
static void
read_machine(struct config *config)
{
	const struct config_server *server = &config->server;

	machine_read(&config->machine, server->tls != LINK_TLS_NONE &&
					   server->verify &&
					   server->verify_chain);
}

/* Behind the reason why manager.xml itself cannot be read, -errno. */
static const char *
advice(int error)
{
	if (error == -ENOENT)
		return "; name another with -c FILE; " CM_SAMPLE_FILE
		       " is a sample to begin with, in the source conf/manager"
		       ".xml";
	if (error == -EACCES)
		return "; it must be readable for the user who starts "
		       "cmanagerd, as a rule root";
	if (error == -EISDIR)
		return "; name the file in it with -c FILE";
	return "";
}

int
config_load(const char *path, FILE *messages, struct config **config_out)
{
	uint8_t *text;
	size_t len;
	int error = file_read_whole(path, &text, &len);

	*config_out = NULL;
	if (error) {
		fprintf(messages, "%s: cannot read: %s%s\n", path,
		    strerror(-error), advice(error));
		return -EINVAL;
	}
	error = config_parse(path, text, len, messages, config_out);
	explicit_bzero(text, len);
	free(text);
	if (!error)
		read_machine(*config_out);
	return error;
}
