/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config_domains.h"

#include <stdlib.h>
#include <string.h>

void
config_domains_clear(struct config_server *server)
{
	while (server->domain_count > 0)
		free(server->domain_names[--server->domain_count]);
	server->domain = NULL;
}

const char *
config_domains_list(struct config_server *server)
{
	const char *rest = server->domains ? server->domains : "";
	char *name;
	size_t len;

	config_domains_clear(server);
	while (*rest && server->domain_count < CONFIG_DOMAINS_MAX) {
		len = strcspn(rest, " ");
		name = strndup(rest, len);
		CHECK(name);
		server->domain_names[server->domain_count++] = name;
		rest += len + (rest[len] == ' ');
	}
	if (server->domain_count > 0)
		server->domain = server->domain_names[0];
	return rest;
}
