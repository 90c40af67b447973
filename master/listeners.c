/* SPDX-License-Identifier: Apache-2.0 */
#include "master/listeners.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "master/listener_plan.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- those that a service manager opened --- */

/* 0 where the option is not there, either. */
static int
option_of(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, level, option, &value, &len) == 0 ? value : 0;
}

static bool
is_listening(int fd, struct endpoint *endpoint_out)
{
	*endpoint_out = (struct endpoint){ .len = sizeof(endpoint_out->addr) };
	return option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) &&
	       option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
	       getsockname(fd, (struct sockaddr *)&endpoint_out->addr,
		   &endpoint_out->len) == 0 &&
	       (endpoint_out->addr.ss_family == AF_INET ||
		   endpoint_out->addr.ss_family == AF_INET6);
}

/* By its name (RFC 6120 §3.2.1, XEP-0368), else by its port. */
static bool
find_kind(const struct config_client *client, const char *name, uint16_t port,
    bool *direct_tls_out)
{
	bool plain = strcmp(name, "xmpp-client") == 0;
	bool direct = strcmp(name, "xmpps-client") == 0;

	if (!plain && !direct) {
		plain = port == client->plain_port;
		direct = port == client->direct_port;
	}
	*direct_tls_out = direct;
	return plain || direct;
}

static int
refuse(int fd, const char *name, const char *address, const char *why)
{
	log_at(LOG_WARNING,
	    "a socket of the service manager is of no use name=\"%s\""
	    " address=%s reason=\"%s\"",
	    log_escape(name, strlen(name)), address, why);
	fd_close(&fd);
	return -EINVAL;
}

int
listeners_give(struct listeners *listeners, const struct config_client *client,
    int fd, const char *name)
{
	struct given_socket given = { .fd = fd };
	char text[ENDPOINT_TEXT_MAX];

	if (!is_listening(fd, &given.endpoint))
		return refuse(fd, name, "-", "it is none that listens for TCP");
	endpoint_print(&given.endpoint, text);
	if (!find_kind(client, name, endpoint_port(&given.endpoint),
		&given.direct_tls))
		return refuse(fd, name, text,
		    "neither its name nor its port says what it is for");
	if (listeners->given_count == LISTENERS_GIVEN_MAX)
		return refuse(fd, name, text, "there are too many");
	given.id = listeners->next_id++;
	given.shared = !option_of(fd, SOL_SOCKET, SO_REUSEPORT);
	given.dual = given.endpoint.addr.ss_family == AF_INET6 &&
		     !option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	listeners->given[listeners->given_count++] = given;
	log_at(LOG_NOTICE,
	    "listening on a socket of the service manager"
	    " address=%s tls=%s workers=%s",
	    text, given.direct_tls ? "direct" : "starttls",
	    given.shared ? "share it" : "have one each");
	if (!(given.direct_tls ? client->direct_active : client->plain_active))
		log_at(LOG_WARNING,
		    "nobody accepts there: its kind is switched off, or has no"
		    " certificate address=%s",
		    text);
	return 0;
}

static void
close_given(struct listeners *listeners)
{
	while (listeners->given_count > 0)
		fd_close(&listeners->given[--listeners->given_count].fd);
}

/* --- opening --- */

static unsigned
count_of(const struct listeners *listeners,
    const struct listener_address *address)
{
	unsigned i, count = 0;

	for (i = 0; i < listeners->count; i++)
		count += listener_plan_is_of(&listeners->all[i], address);
	return count;
}

static void
set_options(const struct config_client *client, struct listen_options *options)
{
	*options = (struct listen_options){
		.backlog = client->backlog,
		.receive_buffer = client->receive_buffer,
		.send_buffer = client->send_buffer,
		.reuseport = true,
	};
}

/* It is ours, or was a moment ago. */
static bool
has_port(const struct listeners *listeners, uint16_t port)
{
	double now = steady_clock_s();
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (endpoint_port(&listeners->all[i].endpoint) == port)
			return true;
	for (i = 0; i < LISTENERS_GONE_MAX; i++)
		if (listeners->gone[i].port == port &&
		    now - listeners->gone[i].at < LISTENERS_GONE_S)
			return true;
	return false;
}

static void
note_gone(struct listeners *listeners, const struct listener *listener)
{
	unsigned at = listeners->gone_next++ % LISTENERS_GONE_MAX;

	listeners->gone[at].port = endpoint_port(&listener->endpoint);
	listeners->gone[at].at = steady_clock_s();
}

/* SO_REUSEPORT lets another program of the same user in; a first socket without
 * it does not, so two managers never share a port unknowingly. Where a port is
 * ours on another address, or was until just now, it is ours. */
static int
probe(const struct listeners *listeners, const struct listener_address *address,
    const struct config_client *client)
{
	struct listen_options options;
	int fd;

	if (has_port(listeners, endpoint_port(&address->endpoint)))
		return 0;
	set_options(client, &options);
	options.reuseport = false;
	fd = endpoint_listen(&address->endpoint, &options);
	if (fd < 0)
		return fd;
	fd_close(&fd);
	return 0;
}

static struct listener *
add(struct listeners *listeners, const struct listener_address *address, int fd)
{
	if (listeners->count == listeners->room) {
		listeners->room = MAX(2 * listeners->room, 8u);
		listeners->all = xrealloc(listeners->all,
		    listeners->room * sizeof(*listeners->all));
	}
	listeners->all[listeners->count++] = (struct listener){
		.fd = fd,
		.id = listeners->next_id++,
		.endpoint = address->endpoint,
		.direct_tls = address->direct_tls,
		.holder = LISTENER_NOBODY,
	};
	return &listeners->all[listeners->count - 1];
}

static void
add_given(struct listeners *listeners, const struct listener_address *address)
{
	struct listener *listener = add(listeners, address, address->given->fd);

	listener->id = address->given->id;
	listener->given = true;
	listener->shared = address->given->shared;
}

/* With fewer than there are workers, some accept on none. */
static int
open_beside_given(struct listeners *listeners,
    const struct listener_address *address, const struct config_client *client,
    unsigned workers)
{
	struct listen_options options;
	unsigned have = count_of(listeners, address);
	char text[ENDPOINT_TEXT_MAX];
	int fd = 0;

	set_options(client, &options);
	options.dual = address->given->dual;
	if (have == 0) {
		add_given(listeners, address);
		have = 1;
	}
	for (; have < workers && fd >= 0 && !address->given->shared; have++) {
		fd = endpoint_listen(&address->endpoint, &options);
		if (fd >= 0)
			(void)add(listeners, address, fd);
	}
	if (fd < 0)
		log_at(LOG_WARNING,
		    "cannot open another socket beside that of the service"
		    " manager address=%s error=\"%s\"",
		    endpoint_print(&address->endpoint, text), strerror(-fd));
	return 0;
}

static int
open_address(struct listeners *listeners,
    const struct listener_address *address, const struct config_client *client,
    unsigned workers)
{
	struct listen_options options;
	unsigned have = count_of(listeners, address);
	int fd = 0;

	if (address->given)
		return open_beside_given(listeners, address, client, workers);
	if (have == 0)
		fd = probe(listeners, address, client);
	set_options(client, &options);
	for (; have < workers && fd >= 0; have++) {
		fd = endpoint_listen(&address->endpoint, &options);
		if (fd >= 0)
			(void)add(listeners, address, fd);
	}
	return MIN(fd, 0);
}

/* From the newest back. */
static void
forget(struct listeners *listeners, unsigned count)
{
	struct listener *last;

	while (listeners->count > count) {
		last = &listeners->all[--listeners->count];
		if (!last->given)
			fd_close(&last->fd);
	}
}

static void
stay(struct listeners *listeners, const struct listener_address *address)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->all[i];

		if (listener->closing_at <= 0 ||
		    !listener_plan_is_of(listener, address))
			continue;
		if (!listener->given)
			(void)endpoint_take_new(listener->fd, true);
		listener->closing_at = 0;
	}
}

/* The first that is needed and failed, or NULL. */
static const struct listener_address *
judge(const struct listener_address *addresses, const int *errors,
    unsigned count, int *error_out)
{
	char text[ENDPOINT_TEXT_MAX];
	unsigned i;

	for (i = 0; i < count; i++) {
		*error_out = errors[i];
		if (errors[i] && listener_plan_needs(addresses, errors, i))
			return &addresses[i];
	}
	for (i = 0; i < count; i++)
		if (errors[i])
			log_at(LOG_WARNING,
			    "cannot listen, going on without address=%s"
			    " error=\"%s\"",
			    endpoint_print(&addresses[i].endpoint, text),
			    strerror(-errors[i]));
	*error_out = 0;
	return NULL;
}

int
listeners_want(struct listeners *listeners, const struct config_client *client,
    unsigned workers, char why_out[LISTENERS_WHY_MAX])
{
	struct listener_address addresses[LISTENER_PLAN_MAX];
	unsigned count = listener_plan_addresses(listeners, client, addresses),
		 i;
	unsigned before = listeners->count;
	const struct listener_address *failed;
	int errors[LISTENER_PLAN_MAX], error;
	char text[ENDPOINT_TEXT_MAX];

	for (i = 0; i < count; i++)
		errors[i] =
		    open_address(listeners, &addresses[i], client, workers);
	failed = judge(addresses, errors, count, &error);
	if (failed) {
		forget(listeners, before);
		endpoint_print(&failed->endpoint, text);
		log_at(LOG_ERROR, "cannot listen address=%s error=\"%s\"", text,
		    strerror(-error));
		snprintf(why_out, LISTENERS_WHY_MAX, "cannot listen on %s: %s",
		    text, strerror(-error));
		return error;
	}
	for (i = 0; i < count; i++)
		stay(listeners, &addresses[i]);
	return 0;
}

/* --- closing --- */

/* Without a filter, who comes in the very moment of the close is reset. Who
 * comes to a given one waits with the service manager. */
static void
leave(struct listener *listener, double now)
{
	int error = 0;

	listener->closing_at = now;
	if (listener->given)
		return;
	error = endpoint_take_new(listener->fd, false);
	if (error)
		log_limited(LOG_INFO, 1,
		    "cannot turn clients away before a port closes; one that"
		    " connects as it closes may be reset error=\"%s\"",
		    strerror(-error));
	listener->closing_at = now + LISTENERS_LEAVE_S;
}

void
listeners_settle(struct listeners *listeners,
    const struct config_client *client, double now)
{
	struct listener_address addresses[LISTENER_PLAN_MAX];
	unsigned count =
	    client ? listener_plan_addresses(listeners, client, addresses) : 0;
	unsigned i;

	for (i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->all[i];

		if (listener->closing_at > 0 ||
		    listener_plan_wants(listener, addresses, count))
			continue;
		leave(listener, now);
	}
}

double
listeners_due(const struct listeners *listeners)
{
	double due = HUGE_VAL;
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->all[i].closing_at > 0)
			due = MIN(due, listeners->all[i].closing_at);
	return due;
}

bool
listeners_take_due(struct listeners *listeners, double now,
    struct listener *listener_out)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->all[i];

		if (listener->closing_at <= 0 || listener->closing_at > now)
			continue;
		note_gone(listeners, listener);
		*listener_out = *listener;
		*listener = listeners->all[--listeners->count];
		return true;
	}
	return false;
}

void
listeners_close(struct listeners *listeners)
{
	forget(listeners, 0);
	close_given(listeners);
	free(listeners->all);
	*listeners = (struct listeners){ 0 };
}
