/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_load - a snapshot in the making: what config_read.c, config_file.c and
 * config_check.c hand each other, and say of it. Private to config*.c.
 */
#ifndef COMMON_PROCESS_CONFIG_LOAD_H
#define COMMON_PROCESS_CONFIG_LOAD_H

#include "common/process/config_option.h"

struct config_load {
	const char *path; /* of manager.xml */
	FILE *messages;
	struct config *config;
	unsigned *lines; /* per row of options: where it was given; 0: not */
	unsigned root_line;
	unsigned error_count;
};

/* One line `FILE:LINE: text`; the error counts. */
void config_error(struct config_load *load, unsigned line, const char *format,
    ...) PRINTF_LIKE(3, 4);
void config_warn(struct config_load *load, unsigned line, const char *format,
    ...) PRINTF_LIKE(3, 4);

/* Where the option was given (CONFIG_LINE_GIVEN: beside the document), or the
 * root element's line. */
unsigned config_line(const struct config_load *load, const char *path);

/* Sets what the document gives. */
void config_read(struct config_load *load, const void *text, size_t len);
/* Sets what is given beside the document, and counts instead. */
void config_read_given(struct config_load *load);
/* Reads the files that options name into the snapshot. */
void config_read_files(struct config_load *load);
/* A warning when others than root and this user can change the file, or read it
 * though it holds `what`. */
void config_check_private(struct config_load *load, unsigned line,
    const char *path, const char *what);
/* What options must fulfil together; fills in what was left open. */
void config_check(struct config_load *load);
/* That certificate, key, store and authorities can be used; opens them. */
void config_check_tls(struct config_load *load);

/* What to do when manager.xml itself cannot be read, behind the reason; ""
 * when there is nothing to report. error: -errno. */
const char *config_read_advice(int error);

#endif
