/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config_check.h"

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/networks.h"
#include "common/net/tls.h"
#include "common/process/config_http.h"
#include "common/process/machine.h"
#include "common/shm/streamid.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/multiplex.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what options must fulfil together --- */

static void
replace(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

/* The same at each start on this machine: sessions that a crash left on the
 * server are found again only under the old name. */
static char *
make_name(const struct config *config)
{
	char hex[DIGEST_SHA1_HEX + 1], host[256] = "", place[320];
	uint8_t *machine = NULL;
	size_t len = 0;
	char *id, *name = NULL;

	if (file_read_whole("/etc/machine-id", &machine, &len) != 0)
		machine = NULL;
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(place, sizeof(place), "%s/%s/%u", host,
	    config->client.interface ? config->client.interface : "",
	    config->client.plain_port);
	id = xcalloc(len + 1, 1);
	if (machine)
		memcpy(id, machine, len);
	digest_sha1_hex(id, place, hex);
	CHECK(asprintf(&name, "cm-%.10s", hex) > 0);
	free(machine);
	free(id);
	return name;
}

static void
check_name(struct config_load *load)
{
	char prepared[MANAGER_NAME_MAX + 1];
	char **name = &load->config->server.manager_name;

	if (!*name) {
		*name = make_name(load->config);
		return;
	}
	if (jid_prepare_manager_name(*name, prepared, sizeof(prepared)) != 0)
		config_error(load, config_line(load, "xmpp.manager.name"),
		    "xmpp.manager.name: '%s' is not made of letters a-z,"
		    " digits, '-' and '.', 64 at most",
		    config_quote(*name));
	else
		replace(name, prepared);
}

static void
check_server(struct config_load *load)
{
	const struct config_server *server = &load->config->server;

	config_check_domains(load);
	check_name(load);
	if (!server->password)
		config_error(load, config_line(load, "xmpp.password"),
		    "xmpp.password is missing: the secret shared with the"
		    " server is required");
	config_check_private(load, config_line(load, "xmpp.password"),
	    load->path, "the secret shared with the server");
	if (server->hostname && strpbrk(server->hostname, " \t\n/@"))
		config_error(load, config_line(load, "xmpp.hostname"),
		    "xmpp.hostname: '%s' is not the name or address of a host",
		    config_quote(server->hostname));
	if (server->backoff_max_s < server->backoff_min_s)
		config_error(load, config_line(load, "xmpp.server.backoff.max"),
		    "xmpp.server.backoff.max: %g is less than"
		    " xmpp.server.backoff.min, which is %g",
		    server->backoff_max_s, server->backoff_min_s);
	if (server->link_count == 1)
		config_warn(load, config_line(load, "xmpp.manager.connections"),
		    "xmpp.manager.connections: with 1, each loss of the"
		    " connection is a total one; 2 or more are advised");
}

static char *
print_addresses(const struct machine_addresses *addresses)
{
	char text[ENDPOINT_TEXT_MAX];
	struct buf out;
	char *printed;
	unsigned i;

	buf_init(&out, 0);
	for (i = 0; i < addresses->count; i++)
		buf_printf(&out, i ? " %s" : "%s",
		    endpoint_print_address(&addresses->all[i], text));
	buf_append_char(&out, '\0');
	printed = xstrdup((const char *)buf_bytes(&out));
	buf_destroy(&out);
	return printed;
}

/* Addresses take the place of what the option names. */
static void
find_interface(struct config_load *load)
{
	struct config_client *client = &load->config->client;
	unsigned line = config_line(load, "xmpp.socket.network.interface");
	struct machine_addresses addresses = { .count = 0 };
	char *words = xstrdup(client->interface), *rest = words, *word;

	while ((word = strtok_r(rest, " \t\n", &rest)))
		if (!machine_find_addresses(word, &addresses))
			config_error(load, line,
			    "xmpp.socket.network.interface: '%s' is no IPv4"
			    " or IPv6 address, no interface of this machine"
			    " with one, and no name in its table of hosts;"
			    " name servers are not queried",
			    config_quote(word));
	free(words);
	if (addresses.count > MACHINE_ADDRESSES_MAX) {
		config_error(load, line,
		    "xmpp.socket.network.interface: %u addresses are more"
		    " than %u",
		    addresses.count, MACHINE_ADDRESSES_MAX);
		return;
	}
	free(client->interface);
	client->interface = print_addresses(&addresses);
}

static void
check_networks(struct config_load *load, const char *option, const char *list)
{
	char wrong[NETWORKS_TEXT_MAX];
	struct networks networks;
	int error = list ? networks_parse(list, &networks, wrong) : 0;

	if (error == -E2BIG)
		config_error(load, config_line(load, option),
		    "%s: there are more than %u networks", option,
		    NETWORKS_MAX);
	else if (error || (list && networks.count == 0))
		config_error(load, config_line(load, option),
		    "%s: '%s' is not a network such as 192.0.2.0/24", option,
		    config_quote(wrong));
}

static void
check_listeners(struct config_load *load)
{
	struct config_client *client = &load->config->client;

	if (client->backlog == 0)
		client->backlog = machine_backlog_limit();
	if (client->interface)
		find_interface(load);
	check_networks(load, "xmpp.socket.default.proxy",
	    client->plain_balancers);
	check_networks(load, "xmpp.socket.ssl.proxy", client->direct_balancers);
	if (client->plain_active && client->direct_active &&
	    client->plain_port == client->direct_port)
		config_error(load, config_line(load, "xmpp.socket.ssl.port"),
		    "xmpp.socket.ssl.port: %u is also"
		    " xmpp.socket.default.port",
		    client->direct_port);
	if (!client->plain_active && !client->direct_active)
		config_error(load,
		    config_line(load, "xmpp.socket.default.active"),
		    "xmpp.socket.default.active: nothing to listen on: this is"
		    " false, and xmpp.socket.ssl.active is false or has no"
		    " certificate");
}

static void
check_certificate(struct config_load *load)
{
	struct config_client *client = &load->config->client;

	if (client->store.path && client->certificate.path)
		config_error(load,
		    config_line(load, "xmpp.socket.ssl.keystore"),
		    "xmpp.socket.ssl.keystore: give either this or"
		    " xmpp.socket.ssl.certificate");
	if (client->key.path && !client->certificate.path)
		config_error(load, config_line(load, "xmpp.socket.ssl.key"),
		    "xmpp.socket.ssl.key: xmpp.socket.ssl.certificate is"
		    " missing");
	if (client->ocsp.path && !client->store.path &&
	    !client->certificate.path)
		config_error(load, config_line(load, "xmpp.socket.ssl.ocsp"),
		    "xmpp.socket.ssl.ocsp: xmpp.socket.ssl.certificate is"
		    " missing");
	if (client->store.path || client->certificate.path ||
	    client->directory.path)
		return;
	config_warn(load, config_line(load, "xmpp.socket.ssl.certificate"),
	    "neither xmpp.socket.ssl.certificate nor keystore is given:"
	    " clients cannot use TLS");
	if (client->plain_direct)
		config_warn(load,
		    config_line(load, "xmpp.socket.default.direct"),
		    "xmpp.socket.default.direct has no effect without a"
		    " certificate");
	client->direct_active = false;
}

static void
check_user(struct config_load *load)
{
	const char *user = load->config->user;

	if (user && !getpwnam(user))
		config_error(load, config_line(load, "user"),
		    "user: '%s' is not a user of this system",
		    config_quote(user));
	if (load->config->group && !getgrnam(load->config->group))
		config_error(load, config_line(load, "group"),
		    "group: '%s' is not a group of this system",
		    config_quote(load->config->group));
}

/* Whoever can write there could make files that a child takes for others. */
static void
check_root_directory(struct config_load *load)
{
	const char *path = load->config->root_directory;
	const char *why = NULL;
	struct stat status;

	if (!path)
		return;
	if (path[0] != '/')
		why = "it must be a whole path, from / on";
	else if (stat(path, &status) != 0)
		why = strerror(errno);
	else if (!S_ISDIR(status.st_mode))
		why = "it is no folder";
	else if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)))
		why = "others than root may write there";
	if (why)
		config_error(load, config_line(load, "chroot"),
		    "chroot: '%s': %s", config_quote(path), why);
}

static void
check_workers(struct config_load *load)
{
	struct config *config = load->config;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned most = config->worker_max ? config->worker_max : 16;

	if (config->worker_count == 0)
		config->worker_count = MIN((unsigned)MAX(processors, 1L), most);
	if (config->worker_max == 0)
		config->worker_max = MAX(config->worker_count,
		    MIN(MAX(2 * config->worker_count, 4u), 16u));
	if (config->worker_max < config->worker_count)
		config_error(load, config_line(load, "workers.max"),
		    "workers.max: %u is less than workers.count, which is %u",
		    config->worker_max, config->worker_count);
}

static void
check_power(struct config_load *load, const char *path, size_t value)
{
	if ((value & (value - 1)) != 0)
		config_error(load, config_line(load, path),
		    "%s: %zu is not a power of two", path, value);
}

/* Everything must pass through the rings. */
static void
check_sizes(struct config_load *load)
{
	struct config *config = load->config;
	size_t *stanza = &config->client.stanza_bytes;

	check_power(load, "sessions.max", config->sessions_per_worker);
	check_power(load, "rings.up", config->up_ring_bytes);
	check_power(load, "rings.down", config->down_ring_bytes);
	*stanza = MIN(*stanza, MULTIPLEX_STANZA_MAX);
	if (config->client.preauth_bytes > *stanza)
		config->client.preauth_bytes = *stanza;
	if (config->up_ring_bytes < 2 * (*stanza + MULTIPLEX_AROUND_MAX))
		config_error(load, config_line(load, "rings.up"),
		    "rings.up: %zu is less than twice a stanza of"
		    " xmpp.parser.buffer.size and the %u bytes that the way"
		    " up may add to it",
		    config->up_ring_bytes, MULTIPLEX_AROUND_MAX);
	if (config->down_ring_bytes < 2 * config->server.item_bytes)
		config_error(load, config_line(load, "rings.down"),
		    "rings.down: %zu is less than twice xmpp.server.item.max",
		    config->down_ring_bytes);
}

static void
check_http(struct config_load *load)
{
	const struct config_http *http = &load->config->http;
	struct endpoint endpoint;

	if (config_http_endpoint(load->config, &endpoint) != 0)
		config_error(load, config_line(load, "http.address"),
		    "http.address: '%s' is not an address of IPv4 or IPv6",
		    config_quote(http->address));
	if (http->key.path && !http->certificate.path)
		config_error(load, config_line(load, "http.key"),
		    "http.key: http.certificate is missing");
}

static void
check_log(struct config_load *load)
{
	const struct config *config = load->config;

	if (config->log_target == LOG_TARGET_FILE && !config->log_file)
		config_error(load, config_line(load, "log.target"),
		    "log.target: it is file, and log.file is missing");
	else if (config->log_file && config->log_file[0] != '/')
		config_error(load, config_line(load, "log.file"),
		    "log.file: it must be a whole path, from / on");
	else if (config->log_target != LOG_TARGET_FILE && config->log_file)
		config_warn(load, config_line(load, "log.file"),
		    "log.file has no effect: log.target is not file");
}

void
config_check(struct config_load *load)
{
	check_server(load);
	check_certificate(load);
	check_listeners(load);
	check_user(load);
	check_root_directory(load);
	check_workers(load);
	check_sizes(load);
	check_http(load);
	check_log(load);
}
