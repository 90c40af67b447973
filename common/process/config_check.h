/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_check - what a configuration in the making must fulfil
 * (config_check.c, config_check_domains.c), what comes of the files that it
 * names (config_files.c, config_directory.c), and what it should better not be,
 * and what people are told of it (config_message.c). Private to config*.c.
 */
#ifndef COMMON_PROCESS_CONFIG_CHECK_H
#define COMMON_PROCESS_CONFIG_CHECK_H

#include "common/process/config_option.h"

struct config_load {
	const char *path; /* of manager.xml */
	FILE *messages;
	struct config *config;
	unsigned *lines; /* per row of options: where it was given; 0: not */
	unsigned error_count;
};

/* One line `FILE:LINE: text`; the error counts. */
void config_error(struct config_load *load, unsigned line, const char *format,
    ...) PRINTF_LIKE(3, 4);
void config_warn(struct config_load *load, unsigned line, const char *format,
    ...) PRINTF_LIKE(3, 4);

/* What the document has, for a message: whole as long as it can be a path, with
 * what no terminal shows as \xNN. In one of two static buffers, used in turn.
 */
const char *config_quote(const char *text);

/* Where the option was given (CONFIG_LINE_GIVEN: beside the document), or the
 * root element's line. */
unsigned config_line(const struct config_load *load, const char *path);

/* What options must fulfil together; fills in what was left open: by the rules
 * between them, and as the machine is. */
void config_check(struct config_load *load);
/* The same of xmpp.domain; its names are listed (config_domains.h). */
void config_check_domains(struct config_load *load);
/* A warning when others than root and this user can change the file, or read it
 * though it holds `what`. */
void config_check_private(struct config_load *load, unsigned line,
    const char *path, const char *what);
/* The contents of files that options name; and what is in them, for those who
 * are given neither files nor passwords, once it can be used. */
void config_files_read(struct config_load *load);
void config_files_open(struct config_load *load);

/* `name` seen from the folder of manager.xml, or with `above` "../" from the
 * one above it, which is the Java manager's home. To be freed. */
char *config_join_path(const char *manager_xml, const char *above,
    const char *name);
/* True when there is a private key in PEM. */
bool config_has_key(const void *bytes, size_t len);
/* Of a key or a store; NULL: none. */
const char *config_key_password(const struct config_client *client, bool store);
/* Gives the identity its OCSP response; what is none for it is warned of. */
void config_staple(struct config_load *load, const char *option,
    struct tls_identity *identity, const struct config_bytes *ocsp);

/* The files of a directory of certificates, as an archive; and what is in
 * them, once more than the main certificate. */
void config_directory_read(struct config_load *load,
    const struct option *option);
void config_directory_open(struct config_load *load);

#endif
