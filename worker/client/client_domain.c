/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client_domain.h"

#include "common/process/config.h"
#include "worker/domains.h"

_Static_assert(CONFIG_DOMAINS_MAX == SERVER_DOMAINS_MAX,
    "each domain has its offer");
#define DOMAIN_BITS 63u
_Static_assert(CONFIG_DOMAINS_MAX - 1 <= DOMAIN_BITS, "a client has its own");

void
client_domain_name(struct client *client, const char *host)
{
	const struct domains *domains = &worker_of(client)->domains;
	unsigned found;

	if (domains->count == 1)
		return; /* it is that one, whatever is named */
	found = domains_find(domains, host);
	client->names_domain = found < domains->count;
	client->domain =
	    (client->names_domain ? found : DOMAIN_MAIN) & DOMAIN_BITS;
}

/* The server offers its clients something, or is not reached at all. */
static bool
is_known(const struct client_worker *worker, unsigned domain)
{
	return worker->server.phase != SERVER_SERVING ||
	       worker->server.offers[domain].known;
}

bool
client_domain_choose(struct client *client, const char *to)
{
	const struct client_worker *worker = worker_of(client);
	unsigned count = worker->domains.count;
	bool is_fixed =
	    client->names_domain || (client->flags & CLIENT_CREATED);
	unsigned found;

	if (count == 1)
		return !to || !worker->config->client.validate_host ||
		       domains_find(&worker->domains, to) == DOMAIN_MAIN;
	if (to)
		found = domains_find(&worker->domains, to);
	else
		found = is_fixed ? client->domain : DOMAIN_MAIN;
	if (found == count || !is_known(worker, found) ||
	    (is_fixed && found != client->domain))
		return false;
	client->domain = found & DOMAIN_BITS;
	return true;
}
