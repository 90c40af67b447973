/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - questions, one after the other, until there is an address.
 *
 *   start --override or hostname--> hosts --all queried--> answer
 *     \--SRV server--none--> SRV jabber--none--> the domain --/
 */
#include "worker/upstream/resolve/resolver.h"

#include "common/net/digest.h"
#include "common/net/hosts.h"
#include "common/process/config.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum query_step { STEP_SRV_SERVER, STEP_SRV_JABBER, STEP_DOMAIN, STEP_HOSTS };

struct resolve_query {
	struct list link;
	struct resolver *resolver;
	uint64_t number;
	resolve_fn *fn;
	void *context;
	enum query_step step;
	struct resolve_host hosts[RESOLVE_HOSTS_MAX];
	unsigned host_count;
	unsigned next_host;
	struct resolve_answer answer;
	ev_timer soon; /* gives the answer after resolve_start() returned */
};

/* What c-ares is given: the query may be cancelled before it calls back. */
struct ticket {
	struct resolver *resolver;
	uint64_t number;
};

static void query_next_host(struct resolve_query *query);

static struct ticket *
ticket_new(const struct resolve_query *query)
{
	struct ticket *ticket = xmalloc(sizeof(*ticket));

	*ticket = (struct ticket){ query->resolver, query->number };
	return ticket;
}

/* The query a ticket stands for, or NULL when it was cancelled. */
static struct resolve_query *
ticket_redeem(struct ticket *ticket)
{
	struct resolve_query *found = NULL;

	list_each(item, &ticket->resolver->queries)
	{
		struct resolve_query *query =
		    container_of(item, struct resolve_query, link);

		if (query->number == ticket->number)
			found = query;
	}
	free(ticket);
	return found;
}

static void
finish(struct resolve_query *query)
{
	if (!query->answer.count && !query->answer.reason)
		query->answer.reason = "no address";
	ev_timer_start(query->resolver->loop, &query->soon);
}

static void
on_soon(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct resolve_query *query =
	    container_of(timer, struct resolve_query, soon);
	struct resolve_answer answer = query->answer;
	resolve_fn *fn = query->fn;
	void *context = query->context;

	(void)loop;
	(void)revents;
	resolve_cancel(&query);
	fn(context, &answer);
}

static void
add_host(struct resolve_query *query, const char *name,
    const struct ares_srv_reply *srv)
{
	struct resolve_host *host = &query->hosts[query->host_count];

	if (query->host_count == RESOLVE_HOSTS_MAX ||
	    strlen(name) >= RESOLVE_HOST_LEN || !name[0])
		return;
	memcpy(host->name, name, strlen(name) + 1);
	host->priority = srv ? srv->priority : 0;
	host->weight = srv ? srv->weight : 0;
	query->host_count++;
}

static void
add_endpoint(struct resolve_query *query, const struct sockaddr *addr,
    socklen_t len)
{
	struct resolve_answer *answer = &query->answer;
	struct endpoint *endpoint = &answer->endpoints[answer->count];

	if (answer->count == RESOLVE_ENDPOINTS_MAX ||
	    len > sizeof(endpoint->addr) ||
	    (addr->sa_family != AF_INET && addr->sa_family != AF_INET6))
		return;
	memcpy(&endpoint->addr, addr, len);
	endpoint->len = len;
	endpoint_set_port(endpoint, query->resolver->config->server.port);
	answer->count++;
}

static void
on_addresses(void *context, int status, int timeouts,
    struct ares_addrinfo *result)
{
	struct resolve_query *query = ticket_redeem(context);

	(void)timeouts;
	if (query && status == ARES_SUCCESS)
		for (const struct ares_addrinfo_node *node = result->nodes;
		     node; node = node->ai_next)
			add_endpoint(query, node->ai_addr, node->ai_addrlen);
	if (result)
		ares_freeaddrinfo(result);
	if (!query)
		return;
	if (status != ARES_SUCCESS)
		query->answer.reason = ares_strerror(status);
	if (status == ARES_ECANCELLED) /* nothing may be queried now */
		finish(query);
	else
		query_next_host(query);
}

static void
on_host_address(void *context, const char *address)
{
	struct resolve_query *query = context;
	struct endpoint endpoint;

	if (endpoint_parse(address, query->resolver->config->server.port,
		&endpoint) == 0)
		add_endpoint(query, (const struct sockaddr *)&endpoint.addr,
		    endpoint.len);
}

/* The machine's own files come before what name servers answer. */
static bool
find_in_hosts(struct resolve_query *query, const char *name)
{
	const char *hosts = query->resolver->config->machine.hosts;

	return hosts && hosts_find(hosts, name, on_host_address, query) > 0;
}

static void
query_next_host(struct resolve_query *query)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	while (query->next_host < query->host_count) {
		const char *name = query->hosts[query->next_host++].name;
		struct endpoint endpoint;

		if (endpoint_parse(name, query->resolver->config->server.port,
			&endpoint) == 0) {
			add_endpoint(query,
			    (const struct sockaddr *)&endpoint.addr,
			    endpoint.len);
			continue;
		}
		if (find_in_hosts(query, name))
			continue;
		ares_getaddrinfo(query->resolver->channel, name, NULL, &hints,
		    on_addresses, ticket_new(query));
		return;
	}
	finish(query);
}

static void start_step(struct resolve_query *query);

static uint32_t
random32(void)
{
	uint32_t value;

	digest_random(&value, sizeof(value));
	return value;
}

static void
on_srv(void *context, int status, int timeouts, unsigned char *reply, int len)
{
	struct resolve_query *query = ticket_redeem(context);
	struct ares_srv_reply *records = NULL;

	(void)timeouts;
	if (!query)
		return;
	if (status == ARES_ECANCELLED) {
		finish(query);
		return;
	}
	if (status == ARES_SUCCESS &&
	    ares_parse_srv_reply(reply, len, &records) == ARES_SUCCESS)
		for (const struct ares_srv_reply *record = records; record;
		     record = record->next)
			add_host(query, record->host, record);
	if (records)
		ares_free_data(records);
	if (query->host_count) {
		resolve_order(query->hosts, query->host_count, random32);
		query->step = STEP_HOSTS;
	} else {
		query->step++;
	}
	start_step(query);
}

/* Goes on with the step the query stands at. */
static void
start_step(struct resolve_query *query)
{
	static const char *const services[] = {
		[STEP_SRV_SERVER] = "_xmpp-server._tcp",
		[STEP_SRV_JABBER] = "_jabber._tcp",
	};
	const char *domain = query->resolver->config->server.domain;
	char name[RESOLVE_HOST_LEN + 32];

	switch (query->step) {
	case STEP_SRV_SERVER:
	case STEP_SRV_JABBER:
		snprintf(name, sizeof(name), "%s.%s", services[query->step],
		    domain);
		ares_query(query->resolver->channel, name, ns_c_in, ns_t_srv,
		    on_srv, ticket_new(query));
		break;
	case STEP_DOMAIN:
		add_host(query, domain, NULL);
		query->step = STEP_HOSTS;
		query_next_host(query);
		break;
	case STEP_HOSTS:
		query_next_host(query);
		break;
	}
}

struct resolve_query *
resolve_start(struct resolver *resolver, resolve_fn *fn, void *context)
{
	const struct config_server *server = &resolver->config->server;
	struct resolve_query *query = xcalloc(1, sizeof(*query));
	char host[RESOLVE_HOST_LEN];

	query->resolver = resolver;
	query->number = resolver->next_number++;
	query->fn = fn;
	query->context = context;
	ev_timer_init(&query->soon, on_soon, 0., 0.);
	list_append(&resolver->queries, &query->link);
	if (server->dns_override &&
	    resolve_override(server->dns_override, server->domain, host))
		add_host(query, host, NULL);
	else if (server->hostname)
		add_host(query, server->hostname, NULL);
	if (query->host_count)
		query->step = STEP_HOSTS;
	start_step(query);
	resolver_rearm(resolver);
	return query;
}

void
resolve_cancel(struct resolve_query **query)
{
	struct resolve_query *old = *query;

	if (!old)
		return;
	ev_timer_stop(old->resolver->loop, &old->soon);
	list_remove(&old->link);
	free(old);
	*query = NULL;
}

void
resolver_free(struct resolver **resolver)
{
	struct resolver *old = *resolver;

	if (!old)
		return;
	list_each(item, &old->queries)
	{
		struct resolve_query *query =
		    container_of(item, struct resolve_query, link);

		resolve_cancel(&query);
	}
	resolver_close(old);
	*resolver = NULL;
}
