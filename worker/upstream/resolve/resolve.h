/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - addresses of the server, found without blocking (PROTOCOL.md §2.2).
 *
 * The order: dnsutil.dnsOverride of the domain; xmpp.hostname; SRV
 * _xmpp-server._tcp, then _jabber._tcp; the domain itself. Of an SRV record
 * only the host is used, the port is always xmpp.port. Both A and AAAA. The
 * only user of c-ares.
 */
#ifndef WORKER_UPSTREAM_RESOLVE_RESOLVE_H
#define WORKER_UPSTREAM_RESOLVE_RESOLVE_H

#include "common/base/base.h"
#include "common/net/endpoint.h"

#define RESOLVE_ENDPOINTS_MAX 16
#define RESOLVE_HOSTS_MAX     8
#define RESOLVE_HOST_LEN      256

struct config;
struct ev_loop;
struct resolver;
struct resolve_query;

struct resolve_answer {
	struct endpoint endpoints[RESOLVE_ENDPOINTS_MAX];
	unsigned count;     /* 0: nothing found */
	const char *reason; /* in words, when nothing was found */
};
typedef void resolve_fn(void *context, const struct resolve_answer *answer);

/* 0 or -errno with a log line. `config` is borrowed until another comes. What
 * the machine's own files have is in it (common/process/machine.h): none is
 * opened, so a process that was shut in finds its server, too. */
MUST_CHECK int resolver_new(struct ev_loop *loop, const struct config *config,
    struct resolver **resolver_out);
/* Queries under way end without an address when the name servers are others. A
 * new search list counts from the next process on. */
void resolver_configure(struct resolver *resolver, const struct config *config);
void resolver_free(struct resolver **resolver);

/* Calls fn once, never before it returned; the query is then over. */
struct resolve_query *resolve_start(struct resolver *resolver, resolve_fn *fn,
    void *context);

/* fn will not be called. */
void resolve_cancel(struct resolve_query **query);

/* One SRV record's host, as far as choosing needs it (RFC 2782). */
struct resolve_host {
	char name[RESOLVE_HOST_LEN];
	uint16_t priority;
	uint16_t weight;
};

/* Into the order in which they are tried: by priority, within one by weighted
 * chance. next_random gives 32 random bits. Pure. */
void resolve_order(struct resolve_host *hosts, unsigned count,
    uint32_t (*next_random)(void));

/* The host that `override` ("{domain,host:port},...") names for the domain.
 * True and the host without its port. Pure; any text is taken. */
bool resolve_override(const char *override, const char *domain,
    char host_out[RESOLVE_HOST_LEN]);

#endif
