/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_interface - where to listen: what the option names becomes addresses.
 * No name server is queried: a daemon that starts with its machine would wait
 * for one, and its answer would decide who can reach this port.
 */
#include "common/process/config_load.h"

#include "common/base/buf.h"
#include "common/net/endpoint.h"
#include "common/net/hosts.h"
#include "common/process/config_interface.h"
#include "common/process/machine.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_NAME "xmpp.socket.network.interface"

struct addresses {
	struct endpoint all[CONFIG_INTERFACE_MAX];
	unsigned count; /* also of those that found no room */
	bool found;     /* the word that is looked at means one */
};

static void
add(struct addresses *addresses, const struct endpoint *endpoint)
{
	unsigned i;

	addresses->found = true;
	for (i = 0; i < MIN(addresses->count, CONFIG_INTERFACE_MAX); i++)
		if (endpoint_equal(&addresses->all[i], endpoint))
			return;
	if (addresses->count < CONFIG_INTERFACE_MAX)
		addresses->all[addresses->count] = *endpoint;
	addresses->count++;
}

static void
add_text(void *context, const char *text)
{
	struct endpoint endpoint;

	if (endpoint_parse(text, 0, &endpoint) == 0)
		add(context, &endpoint);
}

/* Those of one link alone are left out: they mean nothing without it. */
static bool
is_usable(const struct sockaddr *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address;

	return address && (address->sa_family == AF_INET ||
			      (address->sa_family == AF_INET6 &&
				  !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)));
}

static void
add_of_interface(struct addresses *addresses, const char *name)
{
	struct ifaddrs *list, *at;

	if (getifaddrs(&list) != 0)
		return;
	for (at = list; at; at = at->ifa_next) {
		struct endpoint endpoint = { .len = 0 };
		bool is_v4;

		if (strcmp(at->ifa_name, name) != 0 || !is_usable(at->ifa_addr))
			continue;
		is_v4 = at->ifa_addr->sa_family == AF_INET;
		endpoint.len = is_v4 ? sizeof(struct sockaddr_in)
				     : sizeof(struct sockaddr_in6);
		memcpy(&endpoint.addr, at->ifa_addr, endpoint.len);
		endpoint_set_port(&endpoint, 0);
		add(addresses, &endpoint);
	}
	freeifaddrs(list);
}

static bool
add_all(struct addresses *addresses, const char *word)
{
	char *hosts;

	addresses->found = false;
	add_text(addresses, word);
	if (!addresses->found)
		add_of_interface(addresses, word);
	if (!addresses->found) {
		hosts = machine_hosts();
		hosts_find(hosts, word, add_text, addresses);
		free(hosts);
	}
	return addresses->found;
}

static char *
print(const struct addresses *addresses)
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

void
config_find_interface(struct config_load *load)
{
	struct config_client *client = &load->config->client;
	unsigned line = config_line(load, OPTION_NAME);
	struct addresses addresses = { .count = 0 };
	char *words = xstrdup(client->interface), *rest = words, *word;

	while ((word = strtok_r(rest, " \t\n", &rest)))
		if (!add_all(&addresses, word))
			config_error(load, line,
			    OPTION_NAME ": '%s' is no IPv4 or IPv6 address, no"
					" interface of this machine with one,"
					" and no name in its table of hosts;"
					" name servers are not queried",
			    log_escape(word, strlen(word)));
	free(words);
	if (addresses.count > CONFIG_INTERFACE_MAX) {
		config_error(load, line,
		    OPTION_NAME ": %u addresses are more than %u",
		    addresses.count, CONFIG_INTERFACE_MAX);
		return;
	}
	free(client->interface);
	client->interface = print(&addresses);
}

unsigned
config_interface_addresses(const char *interface, uint16_t port,
    struct endpoint endpoints_out[CONFIG_INTERFACE_MAX])
{
	char *words = xstrdup(interface), *rest = words, *word;
	unsigned count = 0;

	while (count < CONFIG_INTERFACE_MAX &&
	       (word = strtok_r(rest, " ", &rest)))
		if (endpoint_parse(word, port, &endpoints_out[count]) == 0)
			count++;
	free(words);
	return count;
}
