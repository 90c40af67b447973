/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config_option.h"

#include "common/base/buf.h"
#include "common/base/near_word.h"
#include "common/xmpp/recognise.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The C type behind each type of the table; what may be secret stands in a row
 * of its own kind, which names its reader. */
#define C_STRING           char *
#define C_WORDS            char *
#define C_BOOL             bool
#define C_UNSIGNED         unsigned
#define C_INTEGER          int
#define C_PORT             uint16_t
#define C_BYTES            size_t
#define C_SECONDS          double
#define C_MILLISECONDS     double
#define C_LINK_TLS         int
#define C_KEEPALIVE        int
#define C_LOG_LEVEL        int
#define C_LOG_TARGET       int
#define C_LOG_FORMAT       int
#define CONFIDED_SECRET    char *
#define CONFIDED_FILE      struct config_bytes
#define CONFIDED_DIRECTORY struct config_bytes

#define IS_OF_TYPE(field, c_type) \
	_Generic(((struct config *)NULL)->field, c_type : 1, default : 0)

#define OPTION(path, field, type, value, least, most, change, help) \
	_Static_assert(IS_OF_TYPE(field, C_##type), path);
#define CONFIDED(path, field, type, reader, help) \
	_Static_assert(IS_OF_TYPE(field, CONFIDED_##type), path); \
	_Static_assert(CONFIG_##reader != CONFIG_ANYBODY, path);
#define FOREIGN(path, value, help)
#define ALIAS(path, other)
#include "common/process/options.def"
#undef OPTION
#undef FOREIGN
#undef ALIAS

#define CHANGE_LIVE    true
#define CHANGE_RESTART false

const struct option options[] = {
#define OPTION(path, field, type, value, least, most, change, help) \
	{ path, OPTION_##type, offsetof(struct config, field), value, least, \
		most, CHANGE_##change, CONFIG_ANYBODY, help },
#define CONFIDED(path, field, type, reader, help) \
	{ path, OPTION_##type, offsetof(struct config, field), NULL, 0, 0, \
		true, CONFIG_##reader, help },
#define FOREIGN(path, value, help) \
	{ path, OPTION_FOREIGN, 0, value, 0, 0, false, CONFIG_ANYBODY, help },
#define ALIAS(path, other) \
	{ path, OPTION_ALIAS, 0, other, 0, 0, false, CONFIG_ANYBODY, \
		"older name" },
#include "common/process/options.def"
#undef OPTION
#undef FOREIGN
#undef ALIAS
};
const size_t option_count = ARRAY_LEN(options);

/* --- by name --- */

static bool
covers(const struct option *option, const char *path)
{
	size_t len = strlen(option->path);

	return option->type == OPTION_FOREIGN &&
	       strncmp(path, option->path, len) == 0 && path[len] == '.';
}

const struct option *
option_find(const char *path)
{
	const struct option *above = NULL;
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (strcmp(options[i].path, path) == 0)
			return options[i].type == OPTION_ALIAS
				   ? option_find(options[i].value)
				   : &options[i];
		if (covers(&options[i], path))
			above = &options[i];
	}
	return above;
}

bool
option_is_group(const char *path)
{
	size_t len = strlen(path), i;

	for (i = 0; i < option_count; i++)
		if (strncmp(options[i].path, path, len) == 0 &&
		    options[i].path[len] == '.')
			return true;
	return false;
}

const char *
option_nearest(const char *path)
{
	size_t least = SIZE_MAX, now;
	const char *nearest = options[0].path;
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (options[i].type == OPTION_FOREIGN)
			continue;
		now = near_word_distance(path, options[i].path);
		if (now < least) {
			least = now;
			nearest = options[i].path;
		}
	}
	return nearest;
}

/* --- words --- */

/* What a word may be, in the order of the enum behind it. */
static const char *const link_tls_names[] = {
	[LINK_TLS_OPTIONAL] = "optional",
	[LINK_TLS_REQUIRED] = "required",
	[LINK_TLS_DIRECT] = "direct",
	[LINK_TLS_NONE] = "none",
	NULL,
};
static const char *const keepalive_names[] = {
	[KEEPALIVE_WHITESPACE] = "whitespace",
	[KEEPALIVE_PING] = "ping",
	NULL,
};
static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_NOTICE] = "notice",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	NULL,
};
static const char *const log_target_names[] = {
	[LOG_TARGET_AUTO] = "auto",
	[LOG_TARGET_STDERR] = "stderr",
	[LOG_TARGET_FILE] = "file",
	[LOG_TARGET_SYSLOG] = "syslog",
	[LOG_TARGET_JOURNAL] = "journal",
	NULL,
};
static const char *const log_format_names[] = { "text", "json", NULL };

/* NULL for a type that is no choice of words. */
static const char *const *
choices(enum option_type type)
{
	if (type == OPTION_LINK_TLS)
		return link_tls_names;
	if (type == OPTION_KEEPALIVE)
		return keepalive_names;
	if (type == OPTION_LOG_LEVEL)
		return level_names;
	if (type == OPTION_LOG_TARGET)
		return log_target_names;
	if (type == OPTION_LOG_FORMAT)
		return log_format_names;
	return NULL;
}

/* --- from text --- */

static bool
is_number(enum option_type type)
{
	return type == OPTION_UNSIGNED || type == OPTION_INTEGER ||
	       type == OPTION_PORT || type == OPTION_BYTES ||
	       type == OPTION_SECONDS || type == OPTION_MILLISECONDS;
}

static int
read_number(const struct option *option, const char *text, double *number_out)
{
	const char *digits =
	    option->type == OPTION_SECONDS ? "0123456789." : "0123456789";
	char *end;

	if (text[strspn(text, "-")] == '\0' ||
	    strspn(text + (text[0] == '-'), digits) !=
		strlen(text + (text[0] == '-')))
		return -EINVAL;
	errno = 0;
	*number_out = strtod(text, &end);
	if (errno || *end != '\0' || !isfinite(*number_out))
		return -EINVAL;
	return *number_out < option->least || *number_out > option->most
		   ? -EINVAL
		   : 0;
}

static void
store_number(enum option_type type, void *field, double number)
{
	if (type == OPTION_UNSIGNED)
		*(unsigned *)field = (unsigned)number;
	else if (type == OPTION_INTEGER)
		*(int *)field = (int)number;
	else if (type == OPTION_PORT)
		*(uint16_t *)field = (uint16_t)number;
	else if (type == OPTION_BYTES)
		*(size_t *)field = (size_t)number;
	else if (type == OPTION_MILLISECONDS)
		*(double *)field = number <= 0 ? 0 : number / 1000;
	else
		*(double *)field = number;
}

static int
set_number(const struct option *option, void *field, const char *text)
{
	double number;
	int error = read_number(option, text, &number);

	if (!error)
		store_number(option->type, field, number);
	return error;
}

static int
set_choice(const char *const *names, int *field, const char *text)
{
	size_t i;

	for (i = 0; names[i]; i++)
		if (strcasecmp(names[i], text) == 0) {
			*field = (int)i;
			return 0;
		}
	return -EINVAL;
}

static int
set_bool(bool *field, const char *text)
{
	*field = strcasecmp(text, "true") == 0;
	return *field || strcasecmp(text, "false") == 0 ? 0 : -EINVAL;
}

#define BLANKS " \t\r\n"

/* One blank stands between any two then; NULL is none yet. */
static int
add_words(char **words, const char *text)
{
	size_t at = *words ? strlen(*words) : 0, len;

	text += strspn(text, BLANKS);
	if (*text == '\0')
		return -EINVAL;
	*words = xrealloc(*words, at + strlen(text) + sizeof(" "));
	for (; *text; text += len + strspn(text + len, BLANKS)) {
		len = strcspn(text, BLANKS);
		if (at > 0)
			(*words)[at++] = ' ';
		memcpy(*words + at, text, len);
		at += len;
	}
	(*words)[at] = '\0';
	return 0;
}

int
option_add(const struct option *option, struct config *config, const char *text)
{
	CHECK(option->type == OPTION_WORDS);
	return add_words((char **)((char *)config + option->offset), text);
}

int
option_set(const struct option *option, struct config *config, const char *text)
{
	void *field = (char *)config + option->offset;
	struct config_bytes *contents = option_contents(option, config);

	if (is_number(option->type))
		return set_number(option, field, text);
	if (option->type == OPTION_BOOL)
		return set_bool(field, text);
	if (choices(option->type))
		return set_choice(choices(option->type), field, text);
	option_clear(option, config);
	if (option->type == OPTION_WORDS)
		return add_words(field, text);
	if (contents)
		contents->path = xstrdup(text);
	else
		*(char **)field = xstrdup(text);
	return 0;
}

static void
wipe(void *bytes, size_t len)
{
	if (bytes)
		explicit_bzero(bytes, len);
	free(bytes);
}

const struct config_bytes *
option_peek_contents(const struct option *option, const struct config *config)
{
	const void *field = (const char *)config + option->offset;

	return option->type == OPTION_FILE || option->type == OPTION_DIRECTORY
		   ? field
		   : NULL;
}

struct config_bytes *
option_contents(const struct option *option, struct config *config)
{
	return option_peek_contents(option, config)
		   ? (void *)((char *)config + option->offset)
		   : NULL;
}

bool
option_is_for(const struct option *option, enum config_reader reader)
{
	return option->reader == CONFIG_ANYBODY || option->reader == reader ||
	       reader == CONFIG_RELOAD;
}

bool
option_is_text(const struct option *option)
{
	return option->type == OPTION_STRING || option->type == OPTION_WORDS ||
	       option->type == OPTION_SECRET;
}

void
option_clear(const struct option *option, struct config *config)
{
	void *field = (char *)config + option->offset;
	struct config_bytes *file = option_contents(option, config);
	char **text = field;

	if (file) {
		wipe(file->bytes, file->len);
		free(file->path);
		*file = (struct config_bytes){ 0 };
	} else if (option_is_text(option)) {
		wipe(*text, *text ? strlen(*text) : 0);
		*text = NULL;
	}
}

/* --- to text --- */

static void
describe_choices(const char *const *names, struct buf *out)
{
	size_t i;

	for (i = 0; names[i]; i++)
		(void)buf_printf(out, "%s%s",
		    i == 0          ? ""
		    : !names[i + 1] ? " or "
				    : ", ",
		    names[i]);
}

/* Digits only, as the file must have it: no exponent. */
static void
put_number(double number, struct buf *out)
{
	bool tiny = number > 0 && number < 1e-4;

	(void)buf_printf(out, tiny ? "%.15f" : "%.15g", number);
}

void
option_describe(const struct option *option, struct buf *out)
{
	const char *unit = "";

	if (option->type == OPTION_BOOL)
		(void)buf_append_str(out, "true or false");
	else if (option->type == OPTION_WORDS)
		(void)buf_append_str(out, "one or more words");
	else if (choices(option->type))
		describe_choices(choices(option->type), out);
	else if (option->type == OPTION_FILE)
		(void)buf_append_str(out, "the name of a file");
	else if (option->type == OPTION_DIRECTORY)
		(void)buf_append_str(out, "the name of a directory");
	if (!is_number(option->type))
		return;
	if (option->type == OPTION_BYTES)
		unit = " of bytes";
	else if (option->type == OPTION_SECONDS)
		unit = " of seconds";
	else if (option->type == OPTION_MILLISECONDS)
		unit = " of milliseconds";
	(void)buf_printf(out, "a number%s from ", unit);
	put_number(option->least, out);
	(void)buf_append_str(out, " to ");
	put_number(option->most, out);
}

static double
load_number(enum option_type type, const void *field)
{
	if (type == OPTION_UNSIGNED)
		return *(const unsigned *)field;
	if (type == OPTION_INTEGER)
		return *(const int *)field;
	if (type == OPTION_PORT)
		return *(const uint16_t *)field;
	if (type == OPTION_BYTES)
		return (double)*(const size_t *)field;
	if (type == OPTION_MILLISECONDS)
		return *(const double *)field * 1000;
	return *(const double *)field;
}

bool
option_show(const struct option *option, const struct config *config,
    struct buf *out)
{
	const void *field = (const char *)config + option->offset;
	bool given;

	if (option->type != OPTION_SECRET)
		return option_text(option, config, out);
	given = *(char *const *)field != NULL;
	if (given)
		(void)buf_append_str(out, "(secret)");
	return given;
}

bool
option_text(const struct option *option, const struct config *config,
    struct buf *out)
{
	const void *field = (const char *)config + option->offset;
	const char *text = NULL;

	if (is_number(option->type)) {
		put_number(load_number(option->type, field), out);
		return true;
	}
	if (option->type == OPTION_BOOL)
		text = *(const bool *)field ? "true" : "false";
	else if (choices(option->type))
		text = choices(option->type)[*(const int *)field];
	else if (option->type == OPTION_FILE ||
		 option->type == OPTION_DIRECTORY)
		text = ((const struct config_bytes *)field)->path;
	else if (option_is_text(option))
		text = *(char *const *)field;
	if (text)
		(void)buf_append_str(out, text);
	return text != NULL;
}
