/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/snapshot.h"

#include "common/base/buf.h"
#include "common/base/cursor.h"
#include "common/process/config_domains.h"
#include "common/process/config_option.h"

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
put_u32(struct buf *out, uint32_t value)
{
	uint8_t bytes[4];
	struct cursor_writer writer;

	cursor_writer_init(&writer, bytes, sizeof(bytes));
	cursor_put_u32(&writer, value);
	(void)buf_append(out, bytes, sizeof(bytes));
}

static void
put_piece(struct buf *out, const void *bytes, size_t len)
{
	put_u32(out, (uint32_t)len);
	(void)buf_append(out, bytes, len);
}

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
		put_piece(out, buf_bytes(&text), buf_len(&text));
	if (full)
		put_piece(out, contents->bytes, contents->len);
	put_u32(out, config->lines ? config->lines[option - options] : 0);
	wipe(&text);
}

static void
put_text(const char *text, struct buf *out)
{
	put_piece(out, text ? text : "", text ? strlen(text) : 0);
}

static void
put_machine(const struct machine *machine, struct buf *out)
{
	put_text(machine->name_servers, out);
	put_text(machine->search_domains, out);
	put_u32(out, machine->ndots);
	put_text(machine->hosts, out);
	put_text(machine->authorities, out);
}

static void
put_identity(const struct tls_identity *identity, struct buf *out)
{
	put_text(identity->chain, out);
	put_text(identity->key, out);
}

static void
put_described(const struct tls_identity *identity, struct buf *out)
{
	put_identity(identity, out);
	put_piece(out, identity->ocsp, identity->ocsp_len);
	put_text(identity->hosts, out);
	put_u32(out, identity->for_domain);
	(void)buf_append(out, identity->digest, sizeof(identity->digest));
}

static void
put_identities(const struct tls_identities *identities, struct buf *out)
{
	unsigned i;

	put_u32(out, identities->count);
	for (i = 0; i < identities->count; i++)
		put_described(&identities->all[i], out);
}

/* Nothing, or the whole. */
static void
put_ticket_key(const struct config_client *client, bool is_for, struct buf *out)
{
	put_piece(out, client->ticket_key,
	    is_for && client->has_ticket_key ? TLS_TICKET_KEY_BYTES : 0);
}

static void
put_i64(struct buf *out, int64_t value)
{
	put_u32(out, (uint32_t)((uint64_t)value >> 32));
	put_u32(out, (uint32_t)value);
}

static void
put_certificates(const struct certificate_list *list, struct buf *out)
{
	const struct certificate_facts *facts;
	unsigned i;

	put_u32(out, list->count);
	put_u32(out, list->left_out);
	for (i = 0; i < list->count; i++) {
		facts = &list->rows[i];
		put_u32(out, facts->role);
		put_u32(out, facts->faults);
		put_i64(out, facts->not_before_s);
		put_i64(out, facts->not_after_s);
		put_u32(out, facts->ocsp.state);
		put_i64(out, facts->ocsp.until_s);
		put_text(facts->sha256, out);
		put_text(facts->subject, out);
		put_text(facts->issuer, out);
		put_text(facts->names, out);
		put_text(facts->missing, out);
		put_text(facts->key, out);
		put_text(facts->signature, out);
		put_text(facts->file, out);
	}
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

	put_u32(out, MAGIC);
	put_u32(out, (uint32_t)option_count);
	put_piece(out, config->path, strlen(config->path));
	put_machine(reader == CONFIG_UPSTREAM ? &config->machine : &no_machine,
	    out);
	put_identities(reader == CONFIG_WORKER ? &config->client.identities
					       : &no_identities,
	    out);
	put_identity(reader == CONFIG_CONTROL ? &config->http.identity
					      : &no_identity,
	    out);
	put_ticket_key(&config->client,
	    reader == CONFIG_WORKER || reader == CONFIG_RELOAD, out);
	put_certificates(reader == CONFIG_MASTER || reader == CONFIG_CONTROL
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

/* With a NUL behind; NULL when it is cut off or has one within. */
static char *
take_text(struct cursor *cursor)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);
	char *text;

	if (cursor->failed || (len > 0 && memchr(bytes, '\0', len)))
		return NULL;
	text = xmalloc((size_t)len + 1);
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	return text;
}

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
		text = take_text(cursor);
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
	machine->name_servers = take_text(cursor);
	machine->search_domains = take_text(cursor);
	machine->ndots = cursor_u32(cursor);
	machine->hosts = take_text(cursor);
	machine->authorities = take_text(cursor);
	return machine->name_servers && machine->search_domains &&
	       machine->hosts && machine->authorities;
}

/* Both, or none and NULL. */
static bool
take_identity(struct cursor *cursor, struct tls_identity *identity)
{
	identity->chain = take_text(cursor);
	identity->key = take_text(cursor);
	if (!identity->chain || !identity->key ||
	    !identity->chain[0] != !identity->key[0])
		return false;
	if (!identity->chain[0])
		tls_identity_clear(identity);
	return true;
}

static bool
take_ocsp(struct cursor *cursor, struct tls_identity *identity)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (cursor->failed)
		return false;
	if (len == 0)
		return true;
	identity->ocsp = xmalloc(len);
	memcpy(identity->ocsp, bytes, len);
	identity->ocsp_len = len;
	return true;
}

static bool
take_described(struct cursor *cursor, struct tls_identity *identity)
{
	const uint8_t *digest;

	if (!take_identity(cursor, identity) || !identity->chain ||
	    !take_ocsp(cursor, identity))
		return false;
	identity->hosts = take_text(cursor);
	identity->for_domain = cursor_u32(cursor) != 0;
	digest = cursor_bytes(cursor, sizeof(identity->digest));
	if (!identity->hosts || !digest)
		return false;
	memcpy(identity->digest, digest, sizeof(identity->digest));
	return true;
}

static bool
take_identities(struct cursor *cursor, struct tls_identities *identities)
{
	uint32_t count = cursor_u32(cursor);
	struct tls_identity identity = { 0 };
	bool good = !cursor->failed && count <= TLS_IDENTITIES_MAX;

	for (; good && count > 0; count--) {
		good = take_described(cursor, &identity) &&
		       tls_identities_add(identities, &identity);
		tls_identity_clear(&identity); /* what was not added */
	}
	return good;
}

static bool
take_ticket_key(struct cursor *cursor, struct config_client *client)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (cursor->failed || (len != 0 && len != TLS_TICKET_KEY_BYTES))
		return false;
	client->has_ticket_key = len > 0;
	if (len > 0)
		memcpy(client->ticket_key, bytes, len);
	return true;
}

static int64_t
take_i64(struct cursor *cursor)
{
	uint64_t high = cursor_u32(cursor);

	return (int64_t)(high << 32 | cursor_u32(cursor));
}

static bool
take_into(struct cursor *cursor, char *text_out, size_t cap)
{
	char *text = take_text(cursor);
	bool fits = text && strlen(text) < cap;

	if (fits)
		snprintf(text_out, cap, "%s", text);
	free(text);
	return fits;
}

static bool
take_certificate(struct cursor *cursor, struct certificate_facts *out)
{
	*out = (struct certificate_facts){ 0 };
	out->role = cursor_u32(cursor);
	out->faults = cursor_u32(cursor);
	out->not_before_s = take_i64(cursor);
	out->not_after_s = take_i64(cursor);
	out->ocsp.state = cursor_u32(cursor);
	out->ocsp.until_s = take_i64(cursor);
	return take_into(cursor, out->sha256, sizeof(out->sha256)) &&
	       take_into(cursor, out->subject, sizeof(out->subject)) &&
	       take_into(cursor, out->issuer, sizeof(out->issuer)) &&
	       take_into(cursor, out->names, sizeof(out->names)) &&
	       take_into(cursor, out->missing, sizeof(out->missing)) &&
	       take_into(cursor, out->key, sizeof(out->key)) &&
	       take_into(cursor, out->signature, sizeof(out->signature)) &&
	       take_into(cursor, out->file, sizeof(out->file));
}

static bool
take_certificates(struct cursor *cursor, struct certificate_list *list)
{
	uint32_t count = cursor_u32(cursor);
	uint32_t left_out = cursor_u32(cursor);
	struct certificate_facts facts;

	if (cursor->failed || count > CERTIFICATES_MAX)
		return false;
	for (; count > 0; count--) {
		if (!take_certificate(cursor, &facts))
			return false;
		certificate_sanitize(&facts);
		certificate_list_add(list, &facts);
	}
	list->left_out = left_out;
	return true;
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
		config->path = take_text(&cursor);
	good = good && config->path &&
	       take_machine(&cursor, &config->machine) &&
	       take_identities(&cursor, &config->client.identities) &&
	       take_identity(&cursor, &config->http.identity) &&
	       take_ticket_key(&cursor, &config->client) &&
	       take_certificates(&cursor, &config->certificates);
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
