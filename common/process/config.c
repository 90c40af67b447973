/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config.h"

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/net/tls_certificate.h"
#include "common/process/config_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	config_read(&load, text, len);
	config_read_given(&load);
	if (load.error_count == 0)
		config_check(&load);
	if (load.error_count == 0)
		config_read_files(&load);
	if (load.error_count == 0)
		config_check_tls(&load);
	load.config->lines = load.lines;
	if (load.error_count > 0) {
		config_free(&load.config);
		return -EINVAL;
	}
	*config_out = load.config;
	return 0;
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

const char *
config_read_advice(int error)
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
		    strerror(-error), config_read_advice(error));
		return -EINVAL;
	}
	error = config_parse(path, text, len, messages, config_out);
	explicit_bzero(text, len);
	free(text);
	if (!error)
		read_machine(*config_out);
	return error;
}

void
config_look_at_certificates(struct config *config)
{
	const struct tls_identity *identity = &config->client.identity;
	const struct config_bytes *authorities = &config->server.authorities;
	const char *system = config->machine.authorities;

	certificate_list_clear(&config->certificates);
	if (identity->chain)
		tls_certificates_shown(identity->chain, config->server.domain,
		    system && system[0] ? system : NULL, &config->certificates);
	if (authorities->bytes)
		tls_certificates_trusted(authorities->bytes, authorities->len,
		    &config->certificates);
}

uint32_t
config_verified_findings(const struct config *config, uint32_t role)
{
	const struct config_server *server = &config->server;
	uint32_t mask = FINDING_MASK_ALL;

	if (role != CERTIFICATE_SERVER && role != CERTIFICATE_AUTHORITY)
		return mask;
	if (!server->verify ||
	    (role == CERTIFICATE_AUTHORITY && !server->verify_chain))
		return 0;
	if (!server->verify_validity)
		mask &= ~(FINDING_MASK(EXPIRED) | FINDING_MASK(NOT_YET_VALID) |
			  FINDING_MASK(EXPIRES_SOON));
	if (!server->verify_chain)
		mask &= ~FINDING_MASK(INCOMPLETE_CHAIN);
	return mask;
}

void
config_free(struct config **config)
{
	size_t i;

	if (!*config)
		return;
	for (i = 0; i < option_count; i++)
		option_clear(&options[i], *config);
	tls_identity_clear(&(*config)->client.identity);
	certificate_list_clear(&(*config)->certificates);
	machine_clear(&(*config)->machine);
	free((*config)->path);
	free((*config)->lines);
	free(*config);
	*config = NULL;
}

void
config_forget(struct config *config)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (options[i].reader != CONFIG_ANYBODY)
			option_clear(&options[i], config);
	tls_identity_clear(&config->client.identity);
}

unsigned
config_interface_addresses(const char *interface, uint16_t port,
    struct endpoint endpoints_out[MACHINE_ADDRESSES_MAX])
{
	char *words = xstrdup(interface), *rest = words, *word;
	unsigned count = 0;

	while (count < MACHINE_ADDRESSES_MAX &&
	       (word = strtok_r(rest, " ", &rest)))
		if (endpoint_parse(word, port, &endpoints_out[count]) == 0)
			count++;
	free(words);
	return count;
}

/* --- what differs, and what of it must wait for a restart --- */

static bool
same_contents(const struct option *option, const struct config *a,
    const struct config *b)
{
	const struct config_bytes *x =
	    (const void *)((const char *)a + option->offset);
	const struct config_bytes *y =
	    (const void *)((const char *)b + option->offset);

	if (option->type != OPTION_FILE)
		return true;
	return x->len == y->len &&
	       (x->len == 0 || memcmp(x->bytes, y->bytes, x->len) == 0);
}

/* As a string that the caller frees; NULL: none is given. */
static char *
text_of(const struct option *option, const struct config *config)
{
	char *copy = NULL;
	struct buf text;

	buf_init(&text, 0);
	if (option_text(option, config, &text)) {
		(void)buf_append_char(&text, '\0');
		copy = xstrdup((const char *)buf_bytes(&text));
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_destroy(&text);
	return copy;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
drop(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
restore(const struct option *option, struct config *next,
    const struct config *current, const char *text)
{
	option_clear(option, next);
	if (text)
		CHECK(option_set(option, next, text) == 0);
	if (next->lines && current->lines)
		next->lines[option - options] =
		    current->lines[option - options];
}

void
config_keep(struct config *next, const struct config *current,
    config_change_fn *fn, void *context)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		char *old, *new;

		if (option->type >= OPTION_FOREIGN)
			continue;
		old = text_of(option, current);
		new = text_of(option, next);
		if (!same_text(old, new) ||
		    !same_contents(option, next, current)) {
			fn(context, option->path, option->live);
			if (!option->live)
				restore(option, next, current, old);
		}
		drop(old);
		drop(new);
	}
}
