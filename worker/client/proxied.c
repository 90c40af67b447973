/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/proxied.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/networks.h"
#include "common/net/proxy_header.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/newcomers.h"
#include "worker/client/state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define LOOK_BYTES 256u /* at once; most headers are shorter */

static void
parse(const char *text, struct networks *networks_out)
{
	char wrong[NETWORKS_TEXT_MAX];

	/* It was checked where it was read. */
	if (networks_parse(text ? text : "", networks_out, wrong) != 0)
		networks_out->count = 0;
}

void
proxied_configure(struct client_worker *worker)
{
	parse(worker->config->client.plain_balancers,
	    &worker->balancers[false]);
	parse(worker->config->client.direct_balancers,
	    &worker->balancers[true]);
}

bool
proxied_are_all(const struct client_worker *worker, bool direct_tls)
{
	return worker->balancers[direct_tls].count > 0;
}

bool
proxied_may_come(const struct client_worker *worker, bool direct_tls,
    const struct endpoint *peer)
{
	char address[ENDPOINT_TEXT_MAX];

	if (networks_have(&worker->balancers[direct_tls], peer))
		return true;
	stats_add(STAT_PROXY_REFUSED, 1);
	log_limited(LOG_NOTICE, 10,
	    "connection refused: it comes from none of the networks of "
	    "xmpp.socket.%s.proxy address=%s",
	    direct_tls ? "ssl" : "default", endpoint_print(peer, address));
	return false;
}

bool
proxied_is_due(const struct client *client)
{
	return (client->flags & CLIENT_PROXY_DUE) != 0;
}

void
proxied_begin(struct client *client)
{
	client->flags |= CLIENT_PROXY_DUE;
}

static void
refuse(struct client *client, const char *why)
{
	char address[ENDPOINT_TEXT_MAX];

	stats_add(STAT_PROXY_REFUSED, 1);
	log_limited(LOG_NOTICE, 10,
	    "connection refused: no good PROXY protocol header, %s address=%s",
	    why, client_peer_text(client, address));
	client_drop(client, CLOSE_PROXY_HEADER);
}

static void
take(struct client *client, const struct proxy_header *header)
{
	struct newcomers *newcomers = &worker_of(client)->newcomers;

	newcomers_forget_reader(newcomers, client->newcomer);
	client->flags &= (uint16_t)~CLIENT_PROXY_DUE;
	if (header->local)
		return;
	client->flags |= CLIENT_PROXIED;
	if (header->has_address)
		newcomers_set_peer(newcomers, client->newcomer,
		    &header->source);
	if (header->tls) {
		client->flags |= CLIENT_OFFLOADED;
		client_domain_name(client, header->authority);
	}
}

/* What belongs to the header is taken out of the socket, and no more: what
 * follows may be for TLS. */
static enum proxy_result
read_some(struct client *client, size_t len, const uint8_t *bytes,
    struct proxy_header *header_out, const char **why_out)
{
	uint8_t taken_bytes[LOOK_BYTES];
	enum proxy_result result;
	size_t taken;

	result =
	    proxy_reader_take(newcomers_reader(&worker_of(client)->newcomers,
				  client->newcomer),
		bytes, len, &taken, header_out, why_out);
	if (result != PROXY_BAD && recv(client->transport.fd, taken_bytes,
				       taken, 0) != (ssize_t)taken) {
		*why_out = "the connection was lost";
		return PROXY_BAD;
	}
	return result;
}

/* The connection is over. A health check says nothing, and is no news. */
static void
end(struct client *client)
{
	if (newcomers_has_reader(&worker_of(client)->newcomers,
		client->newcomer))
		refuse(client, "the connection ended in it");
	else
		client_drop(client, CLOSE_PEER_LOST);
}

bool
proxied_read(struct client *client)
{
	enum proxy_result result = PROXY_MORE;
	struct proxy_header header;
	uint8_t bytes[LOOK_BYTES];
	const char *why;
	ssize_t len;

	while (result == PROXY_MORE) {
		len =
		    recv(client->transport.fd, bytes, sizeof(bytes), MSG_PEEK);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (len <= 0) {
			end(client);
			return false;
		}
		result = read_some(client, (size_t)len, bytes, &header, &why);
	}
	if (result == PROXY_BAD)
		refuse(client, why);
	else
		take(client, &header);
	return result == PROXY_DONE;
}

void
proxied_give_up(struct client *client)
{
	refuse(client, "it did not come in time");
}
