/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_option - the table of options.def and what a row can do: find by name,
 * take a value from text, show it as text. Private to config*.c.
 */
#ifndef COMMON_PROCESS_CONFIG_OPTION_H
#define COMMON_PROCESS_CONFIG_OPTION_H

#include "common/process/config.h"

struct buf;

enum option_type {
	OPTION_STRING,
	OPTION_WORDS, /* a string too: one blank between any two */
	OPTION_SECRET,
	OPTION_BOOL,
	OPTION_UNSIGNED,
	OPTION_INTEGER,
	OPTION_PORT,
	OPTION_BYTES,
	OPTION_SECONDS,
	OPTION_MILLISECONDS,
	OPTION_FILE,      /* its path; the contents are read later */
	OPTION_DIRECTORY, /* likewise; the files in it as one archive */
	OPTION_LINK_TLS,
	OPTION_KEEPALIVE,
	OPTION_LOG_LEVEL,
	OPTION_LOG_TARGET,
	OPTION_LOG_FORMAT,
	OPTION_FOREIGN, /* `value`: what is harmless; NULL: anything */
	OPTION_ALIAS,   /* `value`: the path it stands for */
};

struct option {
	const char *path;
	enum option_type type;
	size_t offset; /* in struct config */
	const char *value;
	double least, most; /* numbers, in the file's unit */
	bool live;
	enum config_reader reader; /* the only one, or CONFIG_ANYBODY */
	const char *help;
};

extern const struct option options[];
extern const size_t option_count;

/* The row of this path, or NULL; for a path below a foreign one, that. */
const struct option *option_find(const char *path);
/* True when options stand below this path. */
bool option_is_group(const char *path);
/* The known path that is most like this one; never NULL. */
const char *option_nearest(const char *path);

/* Sets the field from text; -EINVAL when it is not allowed. */
MUST_CHECK int option_set(const struct option *option, struct config *config,
    const char *text);
/* Adds to what it has; of OPTION_WORDS only. -EINVAL when there is no word. */
MUST_CHECK int option_add(const struct option *option, struct config *config,
    const char *text);
/* What would be: "a number from 1 to 16". */
void option_describe(const struct option *option, struct buf *out);
/* The value in force as it would be written; false: none, nothing appended. */
bool option_text(const struct option *option, const struct config *config,
    struct buf *out);
/* The same for people: no secrets. */
bool option_show(const struct option *option, const struct config *config,
    struct buf *out);
/* True when its field is a string, which may be NULL. */
bool option_is_text(const struct option *option);
/* The field of one whose contents are read, or NULL. */
struct config_bytes *option_contents(const struct option *option,
    struct config *config);
const struct config_bytes *option_peek_contents(const struct option *option,
    const struct config *config);
/* True when this role is given the value. */
bool option_is_for(const struct option *option, enum config_reader reader);
/* Frees what the field holds, secrets wiped. */
void option_clear(const struct option *option, struct config *config);

#endif
