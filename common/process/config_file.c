/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file - the files that options name, and whether TLS can use them.
 */
#include "common/process/config_load.h"

#include "common/base/file.h"
#include "common/net/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_PASSWORD "changeit" /* as keytool and Java have it */

void
config_check_private(struct config_load *load, unsigned line, const char *path,
    const char *what)
{
	struct stat status;
	const char *who = NULL;

	if (stat(path, &status) != 0)
		return;
	if (status.st_uid != 0 && status.st_uid != geteuid())
		who =
		    "its owner, who is neither root nor this user, can change";
	else if (status.st_mode & (S_IWGRP | S_IWOTH))
		who = "others can change";
	else if (status.st_mode & S_IROTH)
		who = "everybody on this machine can read";
	if (who)
		config_warn(load, line,
		    "'%s' holds %s, and %s it; mode 0640"
		    " and owner root are advised",
		    path, what, who);
}

/* `name` seen from the folder of manager.xml, or from the one above it, which
 * is the Java manager's home. */
static char *
join(const char *manager_xml, const char *above, const char *name)
{
	const char *slash = strrchr(manager_xml, '/');
	int folder = slash ? (int)(slash - manager_xml) + 1 : 0;
	char *joined = NULL;

	if (name[0] == '/')
		return xstrdup(name);
	CHECK(asprintf(&joined, "%.*s%s%s", folder, manager_xml, above, name) >=
	      0);
	return joined;
}

/* A file of certificates may hold the key as well. */
static bool
holds_key(const struct config_load *load, const struct config_bytes *file)
{
	static const char mark[] = "PRIVATE KEY-----";
	const struct config_client *client = &load->config->client;

	return file == &client->key || file == &client->store ||
	       (file == &client->certificate &&
		   memmem(file->bytes, file->len, mark, sizeof(mark) - 1));
}

static void
read_file(struct config_load *load, const struct option *option)
{
	struct config_bytes *file =
	    (void *)((char *)load->config + option->offset);
	char *path = join(load->path, "", file->path);
	int error = file_read_whole(path, &file->bytes, &file->len);

	if (error == -ENOENT) {
		char *other = join(load->path, "../", file->path);

		if (file_read_whole(other, &file->bytes, &file->len) == 0) {
			error = 0;
			free(path);
			path = xstrdup(other);
		}
		free(other);
	}
	if (error)
		config_error(load, config_line(load, option->path),
		    "%s: cannot read '%s': %s", option->path, path,
		    strerror(-error));
	else if (holds_key(load, file))
		config_check_private(load, config_line(load, option->path),
		    path, "a private key");
	free(file->path);
	file->path = path;
}

void
config_read_files(struct config_load *load)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (options[i].type == OPTION_FILE &&
		    ((struct config_bytes *)(void *)((char *)load->config +
						     options[i].offset))
			->path)
			read_file(load, &options[i]);
}

/* The last that needs the password, and the files. */
static void
open_server_side(struct config_load *load)
{
	struct config_client *client = &load->config->client;
	const struct config_bytes *shown =
	    client->store.bytes ? &client->store : &client->certificate;
	const struct config_bytes *key =
	    client->key.bytes ? &client->key : &client->certificate;
	const char *option = client->store.bytes
				 ? "xmpp.socket.ssl.keystore"
				 : "xmpp.socket.ssl.certificate";
	const struct tls_server_material material = {
		.certificate = client->certificate.bytes,
		.certificate_len = client->certificate.len,
		.key = key->bytes,
		.key_len = key->len,
		.store = client->store.bytes,
		.store_len = client->store.len,
		.password = client->key_password || !client->store.bytes
				? client->key_password
				: STORE_PASSWORD,
		.path = shown->path,
		.key_path = key->path,
	};
	struct tls_error error;

	if (tls_identity_open(&material, &client->identity, &error) != 0)
		config_error(load, config_line(load, option), "%s: %s", option,
		    error.text);
}

static void
check_client_side(struct config_load *load)
{
	const struct config_server *server = &load->config->server;
	struct tls_verify verify = {
		.verify = server->verify,
		.check_chain = server->verify_chain,
		.check_validity = server->verify_validity,
		.accept_selfsigned = server->accept_selfsigned,
		.authorities = server->authorities.bytes,
		.authorities_len = server->authorities.len,
	};
	struct tls_context *context = NULL;
	struct tls_error error = { "" };
	const char *option = "xmpp.server.certificate.authorities";

	if (!server->authorities.bytes)
		return;
	if (tls_context_new_client(&verify, &context, &error) != 0)
		config_error(load, config_line(load, option), "%s: '%s': %s",
		    option, server->authorities.path, error.text);
	tls_context_free(&context);
}

static void
check_priorities(struct config_load *load, const char *option,
    const char *priorities)
{
	struct tls_error error;

	if (priorities && tls_check_priorities(priorities, &error) != 0)
		config_error(load, config_line(load, option), "%s: %s", option,
		    error.text);
}

void
config_check_tls(struct config_load *load)
{
	const struct config_client *client = &load->config->client;

	check_priorities(load, "xmpp.server.priorities",
	    load->config->server.tls_priorities);
	check_priorities(load, "xmpp.socket.ssl.priorities",
	    client->tls_priorities);

	if (client->certificate.bytes || client->store.bytes)
		open_server_side(load);
	check_client_side(load);
}
