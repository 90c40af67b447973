/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/domains.h"

#include "common/process/config.h"

#include <stdlib.h>

void
domains_init(struct domains *domains, const struct config *config)
{
	unsigned i;

	domains->count = config->server.domain_count;
	domains->all = xcalloc(domains->count, sizeof(*domains->all));
	for (i = 0; i < domains->count; i++)
		jid_domain_init(&domains->all[i],
		    config->server.domain_names[i]);
}

void
domains_free(struct domains *domains)
{
	free(domains->all);
}

unsigned
domains_find(const struct domains *domains, const char *name)
{
	return name ? jid_domain_find(domains->all, domains->count, name)
		    : domains->count;
}
