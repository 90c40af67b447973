/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners_given - sockets that a service manager opened. It keeps them when
 * we close ours, so they are never closed, only not accepted from.
 */
#include "master/listeners.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

unsigned
listeners_given_count(const struct listeners *listeners, bool direct_tls)
{
	unsigned count = 0, i;

	for (i = 0; i < listeners->given_count; i++)
		count += listeners->given[i].direct_tls == direct_tls;
	return count;
}

void
listeners_close_given(struct listeners *listeners)
{
	while (listeners->given_count > 0)
		fd_close(&listeners->given[--listeners->given_count].fd);
}
