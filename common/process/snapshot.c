/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/snapshot.h"

#include "common/base/buf.h"
#include "common/base/cursor.h"
#include "common/process/config_domains.h"
#include "common/process/config_option.h"
#include "common/process/snapshot_pieces.h"
#include "common/process/snapshot_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC        0x534d4308u
#define SNAPSHOT_MAX (64u << 20)
#define HAS_TEXT     1u
#define HAS_CONTENTS 2u

/* --- out --- */

static void
wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->cap);
	buf_destroy(buf);
}

static void
put_option(const struct option *option, const struct config *config,
    enum config_reader reader, struct buf *out)
{
	const struct config_bytes *contents =
	    option_peek_contents(option, config);
	bool is_for = option_is_for(option, reader);
	bool full = is_for && contents && contents->bytes;
	struct buf text;
	bool given;

	buf_init(&text, 0);
	given = option_text(option, config, &text);
	if (!is_for && option->type == OPTION_SECRET)
		wipe(&text);
	(void)buf_append_char(out,
	    (char)((given ? HAS_TEXT : 0) | (full ? HAS_CONTENTS : 0)));
	if (given)
		snapshot_put_piece(out, buf_bytes(&text), buf_len(&text));
	if (full)
		snapshot_put_piece(out, contents->bytes, contents->len);
	snapshot_put_u32(out,
	    config->lines ? config->lines[option - options] : 0);
	wipe(&text);
}

static void
put_machine(const struct machine *machine, struct buf *out)
{
	snapshot_put_text(machine->name_servers, out);
	snapshot_put_text(machine->search_domains, out);
	snapshot_put_u32(out, machine->ndots);
	snapshot_put_text(machine->hosts, out);
	snapshot_put_text(machine->authorities, out);
}

void
snapshot_encode(const struct config *config, enum config_reader reader,
    struct buf *out)
{
	static const struct machine no_machine;
	static const struct tls_identity no_identity;
	static const struct tls_identities no_identities;
	static const struct certificate_list no_certificates;
	size_t i;

	snapshot_put_u32(out, MAGIC);
	snapshot_put_u32(out, (uint32_t)option_count);
	snapshot_put_piece(out, config->path, strlen(config->path));
	put_machine(reader == CONFIG_UPSTREAM ? &config->machine : &no_machine,
	    out);
	snapshot_put_identities(reader == CONFIG_WORKER
				    ? &config->client.identities
				    : &no_identities,
	    out);
	snapshot_put_identity(reader == CONFIG_CONTROL ? &config->http.identity
						       : &no_identity,
	    out);
	snapshot_put_ticket_key(&config->client,
	    reader == CONFIG_WORKER || reader == CONFIG_RELOAD, out);
	snapshot_put_certificates(reader == CONFIG_MASTER ||
					  reader == CONFIG_CONTROL
				      ? &config->certificates
				      : &no_certificates,
	    out);
	for (i = 0; i < option_count; i++)
		if (options[i].type < OPTION_FOREIGN)
			put_option(&options[i], config, reader, out);
}

int
snapshot_new(void)
{
	int fd =
	    memfd_create("cmanager-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

int
snapshot_fill(int fd, const struct config *config, enum config_reader reader)
{
	struct buf bytes;
	size_t done = 0;
	ssize_t wrote = 1;

	buf_init(&bytes, 0);
	snapshot_encode(config, reader, &bytes);
	for (; done < buf_len(&bytes) && wrote > 0; done += (size_t)wrote)
		wrote =
		    write(fd, buf_bytes(&bytes) + done, buf_len(&bytes) - done);
	wipe(&bytes);
	return wrote > 0 && fcntl(fd, F_ADD_SEALS,
				F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
				    F_SEAL_SEAL) == 0
		   ? 0
		   : -EIO;
}

/* --- in --- */

static bool
take_contents(struct cursor *cursor, struct config_bytes *contents_out)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (cursor->failed || !contents_out || contents_out->bytes)
		return false;
	contents_out->bytes = xmalloc((size_t)len + 1);
	if (len > 0)
		memcpy(contents_out->bytes, bytes, len);
	contents_out->len = len;
	return true;
}

/* Others always have a value. */
static bool
may_lack_text(const struct option *option)
{
	return option_is_text(option) || option->type == OPTION_FILE ||
	       option->type == OPTION_DIRECTORY;
}

static bool
take_option(const struct option *option, struct cursor *cursor,
    struct config *config)
{
	uint8_t has = cursor_u8(cursor);
	bool good = !cursor->failed && has <= (HAS_TEXT | HAS_CONTENTS) &&
		    ((has & HAS_TEXT) || may_lack_text(option));
	char *text;

	if (good && (has & HAS_TEXT)) {
		text = snapshot_take_text(cursor);
		good = text && option_set(option, config, text) == 0;
		if (text)
			explicit_bzero(text, strlen(text));
		free(text);
	}
	if (good && (has & HAS_CONTENTS))
		good = take_contents(cursor, option_contents(option, config));
	config->lines[option - options] = cursor_u32(cursor);
	return good && !cursor->failed;
}

static bool
take_machine(struct cursor *cursor, struct machine *machine)
{
	machine->name_servers = snapshot_take_text(cursor);
	machine->search_domains = snapshot_take_text(cursor);
	machine->ndots = cursor_u32(cursor);
	machine->hosts = snapshot_take_text(cursor);
	machine->authorities = snapshot_take_text(cursor);
	return machine->name_servers && machine->search_domains &&
	       machine->hosts && machine->authorities;
}

/* What a program takes for granted, whoever it is sent to. */
static bool
is_complete(const struct config *config)
{
	const struct config_server *server = &config->server;

	return server->domain && server->manager_name && server->password;
}

int
snapshot_decode(const void *bytes, size_t len, struct config **config_out)
{
	struct config *config = xcalloc(1, sizeof(*config));
	struct cursor cursor;
	bool good;
	size_t i;

	*config_out = NULL;
	config->lines = xcalloc(option_count, sizeof(*config->lines));
	cursor_init(&cursor, bytes, len);
	good =
	    cursor_u32(&cursor) == MAGIC && cursor_u32(&cursor) == option_count;
	if (good)
		config->path = snapshot_take_text(&cursor);
	good = good && config->path &&
	       take_machine(&cursor, &config->machine) &&
	       snapshot_take_identities(&cursor, &config->client.identities) &&
	       snapshot_take_identity(&cursor, &config->http.identity) &&
	       snapshot_take_ticket_key(&cursor, &config->client) &&
	       snapshot_take_certificates(&cursor, &config->certificates);
	for (i = 0; i < option_count && good; i++)
		if (options[i].type < OPTION_FOREIGN)
			good = take_option(&options[i], &cursor, config);
	good = good && *config_domains_list(&config->server) == '\0';
	if (good && cursor_is_done(&cursor) && is_complete(config)) {
		*config_out = config;
		return 0;
	}
	config_free(&config);
	return -EPROTO;
}

int
snapshot_open(int fd, struct config **config_out)
{
	struct stat status;
	void *bytes;
	int error;

	*config_out = NULL;
	if (fstat(fd, &status) != 0)
		return -errno;
	if (status.st_size <= 0 || status.st_size > SNAPSHOT_MAX)
		return -EPROTO;
	bytes =
	    mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	error = snapshot_decode(bytes, (size_t)status.st_size, config_out);
	munmap(bytes, (size_t)status.st_size);
	return error;
}
