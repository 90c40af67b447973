/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domains - the domains that the server is known for here (xmpp.domain), and
 * which of them an address names. The first is the main one: links and, where
 * nobody says otherwise, clients belong to it.
 */
#ifndef WORKER_DOMAINS_H
#define WORKER_DOMAINS_H

#include "common/xmpp/jid.h"

struct config;

/* A domain is known by its place in the configuration, from 0. */
#define DOMAIN_MAIN 0u

struct domains {
	struct jid_domain *all; /* owned */
	unsigned count;         /* at least 1 */
};

/* config: outlives it, and is checked. */
void domains_init(struct domains *domains, const struct config *config);
void domains_free(struct domains *domains);

/* Which of them `name` is in any spelling (jid_domain_is()); their count: none
 * of them, which is also what NULL is. */
unsigned domains_find(const struct domains *domains, const char *name);

#endif
