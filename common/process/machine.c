/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/machine.h"

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/net/hosts.h"
#include "common/net/tls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOSTS_FILE   "/etc/hosts"
#define BACKLOG_FILE "/proc/sys/net/core/somaxconn"

static char *
take_text(struct buf *text)
{
	char *result;

	buf_append_char(text, '\0');
	result = xstrdup((const char *)buf_bytes(text));
	buf_destroy(text);
	return result;
}

/* One with a scope, or of another family, is none that could be queried. */
static void
put_server(const struct __res_state *state, int number, struct buf *out)
{
	const struct sockaddr_in *v4 = &state->nsaddr_list[number];
	const struct sockaddr_in6 *v6 = state->_u._ext.nsaddrs[number];
	char address[INET6_ADDRSTRLEN];
	const char *comma = buf_len(out) > 0 ? "," : "";

	if (v4->sin_family == AF_INET &&
	    inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address)))
		buf_printf(out, "%s%s:%u", comma, address, ntohs(v4->sin_port));
	else if (v4->sin_family == 0 && v6 && v6->sin6_family == AF_INET6 &&
		 v6->sin6_scope_id == 0 &&
		 inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address)))
		buf_printf(out, "%s[%s]:%u", comma, address,
		    ntohs(v6->sin6_port));
}

/* As the C library understands resolv.conf. */
static void
read_resolver(struct machine *machine)
{
	struct __res_state state = { 0 };
	struct buf servers, domains;
	int i;

	buf_init(&servers, 0);
	buf_init(&domains, 0);
	machine->ndots = 1;
	if (res_ninit(&state) == 0) {
		for (i = 0; i < state.nscount; i++)
			put_server(&state, i, &servers);
		for (i = 0; i < MAXDNSRCH && state.dnsrch[i]; i++)
			buf_printf(&domains, i ? " %s" : "%s", state.dnsrch[i]);
		machine->ndots = state.ndots;
		res_nclose(&state);
	}
	machine->name_servers = take_text(&servers);
	machine->search_domains = take_text(&domains);
}

/* To be freed; empty where there is none. */
static char *
read_hosts(void)
{
	uint8_t *bytes = NULL;
	struct buf text;
	size_t len = 0;

	buf_init(&text, 0);
	if (file_read_whole(HOSTS_FILE, &bytes, &len) == 0)
		buf_append(&text, bytes, strnlen((const char *)bytes, len));
	free(bytes);
	return take_text(&text);
}

void
machine_read(struct machine *machine_out, bool with_authorities)
{
	struct buf authorities;

	read_resolver(machine_out);
	machine_out->hosts = read_hosts();
	buf_init(&authorities, 0);
	if (with_authorities)
		tls_system_authorities(&authorities);
	machine_out->authorities = take_text(&authorities);
}

void
machine_clear(struct machine *machine)
{
	free(machine->name_servers);
	free(machine->search_domains);
	free(machine->hosts);
	free(machine->authorities);
	*machine = (struct machine){ 0 };
}

int
machine_backlog_limit(void)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	char text[16];
	long limit;

	if (file_read_whole(BACKLOG_FILE, &bytes, &len) != 0)
		return SOMAXCONN;
	snprintf(text, sizeof(text), "%.*s", (int)MIN(len, sizeof(text) - 1),
	    (const char *)bytes);
	free(bytes);
	limit = strtol(text, NULL, 10);
	return limit > 0 && limit <= INT_MAX ? (int)limit : SOMAXCONN;
}

/* --- where it has addresses --- */

static void
add(struct machine_addresses *addresses, const struct endpoint *endpoint)
{
	unsigned i;

	for (i = 0; i < MIN(addresses->count, MACHINE_ADDRESSES_MAX); i++)
		if (endpoint_equal(&addresses->all[i], endpoint))
			return;
	if (addresses->count < MACHINE_ADDRESSES_MAX)
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

/* False: there is no such interface, or it has none. */
static bool
add_of_interface(struct machine_addresses *addresses, const char *name)
{
	bool found = false;
	struct ifaddrs *list, *at;

	if (getifaddrs(&list) != 0)
		return false;
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
		found = true;
	}
	freeifaddrs(list);
	return found;
}

bool
machine_find_addresses(const char *word, struct machine_addresses *addresses)
{
	struct endpoint endpoint;
	bool found = true;
	char *hosts;

	if (endpoint_parse(word, 0, &endpoint) == 0) {
		add(addresses, &endpoint);
	} else if (!add_of_interface(addresses, word)) {
		hosts = read_hosts();
		found = hosts_find(hosts, word, add_text, addresses) > 0;
		free(hosts);
	}
	return found;
}
