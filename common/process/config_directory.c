/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of certificates. Its files are kept as one archive, so that it is
 * compared, confided and wiped as a file is:
 *
 *   for each file, by name: u32 length | name | u32 length | contents
 */
#include "common/process/config_check.h"

#include "common/base/buf.h"
#include "common/base/cursor.h"
#include "common/base/file.h"
#include "common/net/tls.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION    "xmpp.socket.ssl.directory"
#define FILES_MAX (3 * TLS_IDENTITIES_MAX) /* a certificate's: three */
#define BYTES_MAX (24u << 20)              /* of all files */

/* --- names --- */

static const char *
suffix_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name ? dot : "";
}

static bool
is_one_of(const char *suffix, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		if (strcmp(suffix, *suffixes) == 0)
			return true;
	return false;
}

static bool
is_store(const char *suffix)
{
	static const char *const stores[] = { ".p12", ".pfx", NULL };

	return is_one_of(suffix, stores);
}

static bool
is_certificate(const char *suffix)
{
	static const char *const chains[] = { ".pem", ".crt", NULL };

	return is_one_of(suffix, chains) || is_store(suffix);
}

/* Others are none of ours: hidden files, editors' copies, notes. */
static int
is_taken(const struct dirent *entry)
{
	static const char *const beside[] = { ".key", ".ocsp", NULL };
	const char *suffix = suffix_of(entry->d_name);

	return entry->d_name[0] != '.' &&
	       (is_certificate(suffix) || is_one_of(suffix, beside));
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* --- read --- */

PRINTF_LIKE(2, 3)
static void
complain(struct config_load *load, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	CHECK(vasprintf(&text, format, arguments) >= 0);
	va_end(arguments);
	config_error(load, config_line(load, OPTION), OPTION ": %s", text);
	free(text);
}

static void
put_piece(const void *bytes, size_t len, struct buf *archive)
{
	uint8_t head[4];
	struct cursor_writer writer;

	cursor_writer_init(&writer, head, sizeof(head));
	cursor_put_u32(&writer, (uint32_t)len);
	(void)buf_append(archive, head, sizeof(head));
	(void)buf_append(archive, bytes, len);
}

static void
check_private(struct config_load *load, const char *path, const uint8_t *bytes,
    size_t len)
{
	const char *suffix = suffix_of(path);

	if (strcmp(suffix, ".key") == 0 || is_store(suffix) ||
	    config_has_key(bytes, len))
		config_check_private(load, config_line(load, OPTION), path,
		    "a private key");
}

/* False: said, and no more is read. */
static bool
read_one(struct config_load *load, const char *directory, const char *name,
    struct buf *archive)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	char *path = NULL;
	bool good = false;
	int error;

	CHECK(asprintf(&path, "%s/%s", directory, name) >= 0);
	error = file_read_whole(path, &bytes, &len);
	if (error) {
		complain(load, "cannot read '%s': %s", config_quote(path),
		    strerror(-error));
	} else if (buf_len(archive) + len > BYTES_MAX) {
		complain(load, "the files up to '%s' have more than %u bytes",
		    config_quote(path), BYTES_MAX);
	} else {
		check_private(load, path, bytes, len);
		put_piece(name, strlen(name), archive);
		put_piece(bytes, len, archive);
		good = true;
	}
	if (bytes)
		explicit_bzero(bytes, len);
	free(bytes);
	free(path);
	return good;
}

/* Beside manager.xml, or in the folder above it. */
static char *
find_directory(const struct config_load *load, const char *name)
{
	char *path = config_join_path(load->path, "", name);
	char *other;

	if (access(path, F_OK) == 0)
		return path;
	other = config_join_path(load->path, "../", name);
	if (access(other, F_OK) == 0) {
		free(path);
		return other;
	}
	free(other);
	return path;
}

static void
read_all(struct config_load *load, const char *directory,
    struct dirent *const *entries, int count, struct config_bytes *contents)
{
	struct buf archive;
	bool good = count <= (int)FILES_MAX;
	int i;

	if (!good)
		complain(load, "'%s' has more than %u files",
		    config_quote(directory), FILES_MAX);
	buf_init(&archive, 0);
	for (i = 0; i < count && good; i++)
		good = read_one(load, directory, entries[i]->d_name, &archive);
	if (good) {
		contents->len = buf_len(&archive);
		contents->bytes = xmalloc(contents->len + 1);
		if (contents->len > 0)
			memcpy(contents->bytes, buf_bytes(&archive),
			    contents->len);
	}
	if (archive.data)
		explicit_bzero(archive.data, archive.cap);
	buf_destroy(&archive);
}

void
config_directory_read(struct config_load *load, const struct option *option)
{
	struct config_bytes *contents = option_contents(option, load->config);
	char *path = find_directory(load, contents->path);
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_taken, by_name), i;

	if (count < 0)
		complain(load, "cannot read '%s': %s", config_quote(path),
		    strerror(errno));
	else
		read_all(load, path, entries, count, contents);
	for (i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(contents->path);
	contents->path = path;
}

/* --- opened --- */

struct entry {
	char *name;
	const uint8_t *bytes; /* in the archive */
	size_t len;
	bool used;
};

struct opening {
	struct config_load *load;
	struct entry *entries; /* by name */
	size_t count;
};

static void
unpack(const struct config_bytes *archive, struct opening *opening)
{
	struct cursor cursor;
	struct entry *entry;
	uint32_t len;

	opening->entries = xcalloc(FILES_MAX, sizeof(*opening->entries));
	cursor_init(&cursor, archive->bytes, archive->len);
	while (!cursor_is_done(&cursor)) {
		entry = &opening->entries[opening->count++];
		len = cursor_u32(&cursor);
		entry->name =
		    strndup((const char *)cursor_bytes(&cursor, len), len);
		CHECK(entry->name);
		len = cursor_u32(&cursor);
		entry->bytes = cursor_bytes(&cursor, len);
		entry->len = len;
	}
}

static int
compare_name(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->name);
}

/* That of the same name with this suffix, which then is used; or NULL. */
static struct entry *
beside(struct opening *opening, const char *name, const char *suffix)
{
	struct entry *found;
	char *other = NULL;

	CHECK(asprintf(&other, "%.*s%s", (int)(suffix_of(name) - name), name,
		  suffix) >= 0);
	found = bsearch(other, opening->entries, opening->count,
	    sizeof(*opening->entries), compare_name);
	free(other);
	if (found)
		found->used = true;
	return found;
}

static char *
path_of(const struct opening *opening, const char *name)
{
	char *path = NULL;

	CHECK(asprintf(&path, "%s/%s",
		  opening->load->config->client.directory.path, name) >= 0);
	return path;
}

static void
staple(const struct opening *opening, struct tls_identity *identity,
    const struct entry *response)
{
	char *path = path_of(opening, response->name);
	const struct config_bytes bytes = {
		.bytes = (uint8_t *)(uintptr_t)response->bytes,
		.len = response->len,
		.path = path,
	};

	config_staple(opening->load, OPTION, identity, &bytes);
	free(path);
}

static void
take(struct opening *opening, struct tls_identity *identity,
    const struct entry *entry)
{
	struct entry *response = beside(opening, entry->name, ".ocsp");

	if (response)
		staple(opening, identity, response);
	identity->file = xstrdup(entry->name);
	if (!tls_identities_add(&opening->load->config->client.identities,
		identity))
		complain(opening->load,
		    "there are more than %u certificates, from '%s' on",
		    TLS_IDENTITIES_MAX, config_quote(entry->name));
	tls_identity_clear(identity);
}

static void
open_pair(struct opening *opening, const struct entry *entry,
    const struct entry *key, const char *path, const char *key_path)
{
	bool store = is_store(suffix_of(entry->name));
	struct tls_server_material material = {
		.password =
		    config_key_password(&opening->load->config->client, store),
		.path = path,
		.key_path = key_path,
	};
	struct tls_identity identity;
	struct tls_error error;

	if (store) {
		material.store = entry->bytes;
		material.store_len = entry->len;
	} else {
		material.certificate = entry->bytes;
		material.certificate_len = entry->len;
		material.key = key->bytes;
		material.key_len = key->len;
	}
	if (tls_identity_open(&material, &identity, &error) == 0)
		take(opening, &identity, entry);
	else
		complain(opening->load, "%s", error.text);
}

static void
open_one(struct opening *opening, struct entry *entry)
{
	const struct entry *key = entry;
	char *path = path_of(opening, entry->name), *key_path = NULL;

	entry->used = true;
	if (!is_store(suffix_of(entry->name)) &&
	    !config_has_key(entry->bytes, entry->len))
		key = beside(opening, entry->name, ".key");
	if (key) {
		key_path = path_of(opening, key->name);
		open_pair(opening, entry, key, path, key_path);
	} else {
		complain(opening->load,
		    "'%s' has no private key, and none is beside it in a file"
		    " of the same name with .key at its end",
		    config_quote(path));
	}
	free(key_path);
	free(path);
}

static void
warn_of_unused(const struct opening *opening)
{
	char *path;
	size_t i;

	for (i = 0; i < opening->count; i++) {
		if (opening->entries[i].used)
			continue;
		path = path_of(opening, opening->entries[i].name);
		config_warn(opening->load, config_line(opening->load, OPTION),
		    OPTION ": '%s' is not used: no certificate is beside it",
		    config_quote(path));
		free(path);
	}
}

void
config_directory_open(struct config_load *load)
{
	struct opening opening = { .load = load };
	struct config_client *client = &load->config->client;
	size_t i;

	unpack(&client->directory, &opening);
	for (i = 0; i < opening.count; i++)
		if (is_certificate(suffix_of(opening.entries[i].name)))
			open_one(&opening, &opening.entries[i]);
	warn_of_unused(&opening);
	if (client->identities.count == 0 && load->error_count == 0)
		complain(load,
		    "there is no certificate in '%s', and no other is given",
		    config_quote(client->directory.path));
	for (i = 0; i < opening.count; i++)
		free(opening.entries[i].name);
	free(opening.entries);
}
