/* SPDX-License-Identifier: Apache-2.0 */
/* The files that options name are read, and opened with the secrets for them:
 * who gets the configuration needs neither. */
#include "common/process/config_check.h"

#include "common/base/file.h"
#include "common/net/digest.h"
#include "common/net/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_MIN 16u
#define TOKEN_MAX 1024u

/* --- read --- */

/* What nobody else may know of the file, or NULL. One of certificates may hold
 * the key as well. */
static const char *
secret_in(const struct config_load *load, const struct config_bytes *file)
{
	const struct config_client *client = &load->config->client;
	const struct config_http *http = &load->config->http;

	if (file == &http->token)
		return "the token of HTTP";
	if (file == &client->ticket_key_file)
		return "the key of TLS session tickets";
	if (file == &client->key || file == &client->store ||
	    file == &http->key)
		return "a private key";
	return (file == &client->certificate || file == &http->certificate) &&
		       config_has_key(file->bytes, file->len)
		   ? "a private key"
		   : NULL;
}

static void
read_file(struct config_load *load, const struct option *option)
{
	struct config_bytes *file = option_contents(option, load->config);
	char *path = config_join_path(load->path, "", file->path);
	int error = file_read_whole(path, &file->bytes, &file->len);

	if (error == -ENOENT) {
		char *other = config_join_path(load->path, "../", file->path);

		if (file_read_whole(other, &file->bytes, &file->len) == 0) {
			error = 0;
			free(path);
			path = xstrdup(other);
		}
		free(other);
	}
	if (error)
		config_error(load, config_line(load, option->path),
		    "%s: cannot read '%s': %s", option->path,
		    config_quote(path), strerror(-error));
	else if (secret_in(load, file))
		config_check_private(load, config_line(load, option->path),
		    path, secret_in(load, file));
	free(file->path);
	file->path = path;
}

void
config_files_read(struct config_load *load)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		const struct config_bytes *contents =
		    option_contents(&options[i], load->config);

		if (!contents || !contents->path)
			continue;
		if (options[i].type == OPTION_DIRECTORY)
			config_directory_read(load, &options[i]);
		else
			read_file(load, &options[i]);
	}
}

/* --- opened --- */

/* Then an error says which option would name it. */
static bool
lacks_key(struct config_load *load, const struct config_bytes *certificate,
    const struct config_bytes *key, const char *option, const char *key_option)
{
	if (key->path || config_has_key(certificate->bytes, certificate->len))
		return false;
	config_error(load, config_line(load, option),
	    "%s: '%s' has no private key, and %s, which names its file, is"
	    " missing",
	    option, config_quote(certificate->path), key_option);
	return true;
}

/* The certificate and its key, as clients meet them. */
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
		.password =
		    config_key_password(client, client->store.bytes != NULL),
		.path = shown->path,
		.key_path = key->path,
	};
	struct tls_identity identity;
	struct tls_error error;

	if (!shown->bytes)
		return;
	if (!client->store.bytes &&
	    lacks_key(load, &client->certificate, &client->key, option,
		"xmpp.socket.ssl.key"))
		return;
	if (tls_identity_open(&material, &identity, &error) != 0) {
		config_error(load, config_line(load, option), "%s: %s", option,
		    error.text);
		return;
	}
	if (client->ocsp.bytes)
		config_staple(load, "xmpp.socket.ssl.ocsp", &identity,
		    &client->ocsp);
	CHECK(tls_identities_add(&client->identities, &identity));
}

/* From its file, or made. */
static void
open_ticket_key(struct config_load *load)
{
	static const char option[] = "xmpp.socket.ssl.ticket.key";
	struct config_client *client = &load->config->client;
	const struct config_bytes *file = &client->ticket_key_file;

	if (file->bytes && file->len != TLS_TICKET_KEY_BYTES) {
		config_error(load, config_line(load, option),
		    "%s: '%s' has %zu bytes and not %u; such a file is made"
		    " by: openssl rand -out FILE %u",
		    option, config_quote(file->path), file->len,
		    TLS_TICKET_KEY_BYTES, TLS_TICKET_KEY_BYTES);
		return;
	}
	client->has_ticket_key = client->ticket_lifetime_s > 0;
	if (!client->has_ticket_key)
		return;
	if (file->bytes)
		memcpy(client->ticket_key, file->bytes, TLS_TICKET_KEY_BYTES);
	else
		digest_random(client->ticket_key, TLS_TICKET_KEY_BYTES);
}

static void
open_http_side(struct config_load *load)
{
	struct config_http *http = &load->config->http;
	const struct config_bytes *key =
	    http->key.bytes ? &http->key : &http->certificate;
	const struct tls_server_material material = {
		.certificate = http->certificate.bytes,
		.certificate_len = http->certificate.len,
		.key = key->bytes,
		.key_len = key->len,
		.path = http->certificate.path,
		.key_path = key->path,
	};
	struct tls_error error;

	if (!http->certificate.bytes)
		return;
	if (lacks_key(load, &http->certificate, &http->key, "http.certificate",
		"http.key"))
		return;
	if (tls_identity_open(&material, &http->identity, &error) != 0)
		config_error(load, config_line(load, "http.certificate"),
		    "http.certificate: %s", error.text);
}

/* What can be said of a token in a header (RFC 6750 section 2.1). */
static bool
is_token(const uint8_t *bytes, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~+/=";
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] == '\0' || !strchr(allowed, bytes[i]))
			return false;
	return true;
}

static const char *
fault_of_token(const struct config_bytes *token)
{
	if (token->len == 0)
		return "is empty";
	if (memchr(token->bytes, '\n', token->len))
		return "has more than one line";
	if (token->len < TOKEN_MIN)
		return "has a token of less than 16 characters";
	if (token->len > TOKEN_MAX)
		return "has a token of more than 1024 characters";
	return is_token(token->bytes, token->len)
		   ? NULL
		   : "may have no other characters than letters, digits and"
		     " - . _ ~ + / =";
}

/* What is left of the file is the token. */
static void
check_token(struct config_load *load)
{
	struct config_bytes *token = &load->config->http.token;
	const char *fault;

	if (!token->path)
		return;
	if (token->len > 0 && token->bytes[token->len - 1] == '\n')
		token->len--;
	if (token->len > 0 && token->bytes[token->len - 1] == '\r')
		token->len--;
	fault = fault_of_token(token);
	if (fault)
		config_error(load, config_line(load, "http.token.file"),
		    "http.token.file: '%s' %s", token->path, fault);
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
config_files_open(struct config_load *load)
{
	check_priorities(load, "xmpp.server.priorities",
	    load->config->server.tls_priorities);
	check_priorities(load, "xmpp.socket.ssl.priorities",
	    load->config->client.tls_priorities);
	open_server_side(load);
	if (load->config->client.directory.bytes)
		config_directory_open(load);
	tls_identities_describe(&load->config->client.identities,
	    load->config->server.domain);
	open_ticket_key(load);
	open_http_side(load);
	check_token(load);
	check_client_side(load);
}
