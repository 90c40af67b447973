/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_domain - which of the server's domains a client belongs to.
 *
 * Its header says so by `to`; where that is missing, the host that it named
 * when its TLS began (SNI), and else it is the main domain. Until its session
 * is created every header may say so anew.
 */
#ifndef WORKER_CLIENT_CLIENT_DOMAIN_H
#define WORKER_CLIENT_CLIENT_DOMAIN_H

#include "worker/client/client.h"
#include "worker/client/state.h"

/* Never NULL; before its header the main one. */
static inline const struct jid_domain *
client_domain(const struct client *client)
{
	return &worker_of(client)->domains.all[client->domain];
}

/* How clients of its domain may log in. */
static inline const struct server_offer *
client_offer(const struct client *client)
{
	return &worker_of(client)->server.offers[client->domain];
}

/* TLS has begun, here or at a load balancer that we trust, with this name; ""
 * for none. What is no domain of ours says nothing about the domain: it may be
 * the name of a host. */
void client_domain_name(struct client *client, const char *host);

/*
 * The header that came has this `to`, NULL for none. False: this is not served
 * here, or TLS was begun for another domain, or its session is another's, or
 * the server has not said that it serves it. With a single domain any `to` is
 * taken, unless xmpp.client.validate.host.
 */
bool client_domain_choose(struct client *client, const char *to);

#endif
