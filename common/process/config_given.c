/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_given - options that the command line gives beside the file. A reload
 * reads the file in a process that is forked for it, which finds them here.
 */
#include "common/process/config_load.h"

#include "common/base/buf.h"

#include <stdlib.h>
#include <string.h>

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
set(struct config_load *load, const char *path, const char *value)
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
		set(load, path, equals + 1);
		free(path);
	}
}
