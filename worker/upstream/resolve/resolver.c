/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/resolve/resolver.h"

#include "common/base/log.h"
#include "common/process/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_MS    3000 /* one try at one name server */
#define QUERY_TRIES 2
#define SEARCH_MAX  6

/* --- c-ares and the loop --- */

void
resolver_rearm(struct resolver *resolver)
{
	struct timeval limit = { .tv_sec = 1 };
	struct timeval *wait = ares_timeout(resolver->channel, &limit, &limit);

	ev_timer_stop(resolver->loop, &resolver->timer);
	if (list_is_empty(&resolver->queries))
		return;
	ev_timer_set(&resolver->timer,
	    (double)wait->tv_sec + (double)wait->tv_usec / 1e6 + 0.001, 0.);
	ev_timer_start(resolver->loop, &resolver->timer);
}

static void
on_socket(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watched *watched = container_of(io, struct watched, io);

	(void)loop;
	ares_process_fd(watched->resolver->channel,
	    revents & EV_READ ? io->fd : ARES_SOCKET_BAD,
	    revents & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	resolver_rearm(watched->resolver);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct resolver *resolver = container_of(timer, struct resolver, timer);

	(void)loop;
	(void)revents;
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolver_rearm(resolver);
}

static struct watched *
watched_for(struct resolver *resolver, int fd)
{
	struct watched *unused = NULL;

	for (unsigned i = 0; i < RESOLVER_SOCKETS_MAX; i++) {
		struct watched *watched = &resolver->sockets[i];

		if (watched->used && watched->io.fd == fd)
			return watched;
		if (!watched->used && !unused)
			unused = watched;
	}
	return unused; /* NULL: that query runs into its time-out */
}

static void
on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = context;
	struct watched *watched = watched_for(resolver, fd);
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

	if (!watched)
		return;
	if (watched->used)
		ev_io_stop(resolver->loop, &watched->io);
	watched->used = events != 0;
	if (!events)
		return;
	ev_io_init(&watched->io, on_socket, fd, events);
	watched->resolver = resolver;
	ev_io_start(resolver->loop, &watched->io);
}

/* --- what it knows of the machine --- */

static const char *
name_servers(const struct config *config)
{
	return config->server.dns_servers ? config->server.dns_servers
					  : config->machine.name_servers;
}

static void
set_name_servers(struct resolver *resolver)
{
	const char *servers = name_servers(resolver->config);
	int status = ARES_SUCCESS;

	if (servers && servers[0])
		status = ares_set_servers_ports_csv(resolver->channel, servers);
	if (status != ARES_SUCCESS)
		log_at(LOG_WARNING, "name servers not usable servers=%s",
		    servers);
}

/* Blanks become ends; the number of domains. */
static int
split_domains(char *text, char *domains_out[SEARCH_MAX])
{
	char *position = NULL;
	char *word = strtok_r(text, " ", &position);
	int count = 0;

	for (; word && count < SEARCH_MAX; count++) {
		domains_out[count] = word;
		word = strtok_r(NULL, " ", &position);
	}
	return count;
}

static int
open_channel(struct resolver *resolver)
{
	const struct machine *machine = &resolver->config->machine;
	char *text =
	    xstrdup(machine->search_domains ? machine->search_domains : "");
	char lookups[] = "b", *domains[SEARCH_MAX];
	struct ares_options options = {
		.timeout = QUERY_MS,
		.tries = QUERY_TRIES,
		.ndots = (int)MIN(machine->ndots, 15u),
		.lookups = lookups, /* hosts are looked up here */
		.domains = domains,
		.ndomains = split_domains(text, domains),
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = resolver,
	};
	int status = ares_init_options(&resolver->channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);

	free(text);
	return status;
}

/* --- life --- */

int
resolver_new(struct ev_loop *loop, const struct config *config,
    struct resolver **resolver_out)
{
	struct resolver *resolver = xcalloc(1, sizeof(*resolver));
	int status;

	resolver->loop = loop;
	resolver->config = config;
	list_init(&resolver->queries);
	ev_timer_init(&resolver->timer, on_timer, 0., 0.);
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = open_channel(resolver);
	if (status != ARES_SUCCESS) {
		log_at(LOG_ERROR, "resolver not started error=\"%s\"",
		    ares_strerror(status));
		free(resolver);
		return -EIO;
	}
	set_name_servers(resolver);
	*resolver_out = resolver;
	return 0;
}

void
resolver_configure(struct resolver *resolver, const struct config *config)
{
	const char *before = name_servers(resolver->config);
	const char *now = name_servers(config);
	bool same = before && now && strcmp(before, now) == 0;

	resolver->config = config;
	if (same)
		return;
	ares_cancel(resolver->channel);
	set_name_servers(resolver);
}

void
resolver_close(struct resolver *resolver)
{
	ares_destroy(resolver->channel);
	ev_timer_stop(resolver->loop, &resolver->timer);
	ares_library_cleanup();
	free(resolver);
}
