/* SPDX-License-Identifier: Apache-2.0 */
#include "master/listeners.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct address {
	struct endpoint endpoint;
	bool direct_tls;
	bool optional; /* of two wildcard addresses the second */
};

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

static int
complain(const struct endpoint *endpoint, int error)
{
	char text[ENDPOINT_TEXT_MAX];

	log_at(LOG_ERROR, "cannot listen address=%s error=\"%s\"",
	    endpoint_print(endpoint, text), strerror(-error));
	return error;
}

/* SO_REUSEPORT lets a stranger of the same user in; a first socket without it
 * does not, so two managers never share a port unknowingly. */
static int
probe(const struct address *address, const struct config_client *client)
{
	struct listen_options options;
	int fd;

	set_options(client, &options);
	options.reuseport = false;
	fd = endpoint_listen(&address->endpoint, &options);
	if (fd < 0)
		return fd;
	fd_close(&fd);
	return 0;
}

static bool
is_absent_family(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

static int
open_address(struct listeners *listeners, const struct address *address,
    const struct config_client *client, unsigned posts)
{
	struct listen_options options;
	unsigned post;
	int fd = probe(address, client);

	if (address->optional && is_absent_family(fd)) {
		log_at(LOG_NOTICE, "this machine has no IPv6");
		return 0;
	}
	set_options(client, &options);
	for (post = 0; post < posts && fd >= 0; post++) {
		struct listener *listener = &listeners->all[listeners->count];

		fd = endpoint_listen(&address->endpoint, &options);
		if (fd < 0)
			break;
		*listener = (struct listener){
			.fd = fd,
			.id = listeners->count++,
			.direct_tls = address->direct_tls,
			.home = post,
			.holder = LISTENER_NOBODY,
		};
	}
	return fd < 0 ? complain(&address->endpoint, fd) : 0;
}

/* The configuration was checked: an interface that is set is an address. */
static unsigned
list_addresses(const struct config_client *client, struct address list_out[4])
{
	const char *wildcards[] = { "0.0.0.0", "::" };
	const struct {
		bool active;
		uint16_t port;
		bool direct_tls;
	} kinds[] = {
		{ client->plain_active, client->plain_port, false },
		{ client->direct_active, client->direct_port, true },
	};
	unsigned count = 0, families = client->interface ? 1 : 2, kind, i;

	for (kind = 0; kind < ARRAY_LEN(kinds); kind++)
		for (i = 0; kinds[kind].active && i < families; i++) {
			const char *text =
			    client->interface ? client->interface : wildcards[i];

			CHECK(endpoint_parse(text, kinds[kind].port,
				  &list_out[count].endpoint) == 0);
			list_out[count].direct_tls = kinds[kind].direct_tls;
			list_out[count++].optional = i == 1;
		}
	return count;
}

int
listeners_open(struct listeners *listeners, const struct config_client *client,
    unsigned posts)
{
	struct address addresses[4];
	unsigned count = list_addresses(client, addresses), i;
	int error = 0;

	*listeners = (struct listeners){ 0 };
	listeners->all = xcalloc(count * posts, sizeof(*listeners->all));
	for (i = 0; i < count && !error; i++)
		error = open_address(listeners, &addresses[i], client, posts);
	if (error)
		listeners_close(listeners);
	return error;
}

void
listeners_close(struct listeners *listeners)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		fd_close(&listeners->all[i].fd);
	free(listeners->all);
	*listeners = (struct listeners){ 0 };
}

void
listeners_drop_holder(struct listeners *listeners, unsigned post)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->all[i].holder == (int)post)
			listeners->all[i].holder = LISTENER_NOBODY;
}

struct listener *
listeners_orphan(struct listeners *listeners)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->all[i].holder == LISTENER_NOBODY)
			return &listeners->all[i];
	return NULL;
}
