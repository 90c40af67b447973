/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_hint - what a link's beginning shows of the port at its other end.
 */
#include "worker/upstream/link/link.h"

#include "common/process/config.h"
#include "worker/upstream/core/pause_stage.h"

#include <stdio.h>
#include <sys/socket.h>

#define FIRST_BYTES 8

void
link_hint(struct link *link, enum hint hint)
{
	char text[ENDPOINT_TEXT_MAX], details[ENDPOINT_TEXT_MAX + 16];

	/* A server that stops and starts is not one that is set up wrongly. */
	if (link->lost || link->joined || pause_is_on(link->up))
		return;
	snprintf(details, sizeof(details), "address=%s",
	    endpoint_print(&link->peer, text));
	hints_log(&link->up->hints, hint, details);
}

static bool
begins_with_tls(const struct link *link)
{
	return link->state == LINK_SECURING &&
	       link->up->config->server.tls == LINK_TLS_DIRECT;
}

void
link_hint_of_silence(struct link *link)
{
	bool is_clear = link->state == LINK_OPENING &&
			!transport_is_secure(&link->transport);

	if (!link->heard && (is_clear || begins_with_tls(link)))
		link_hint(link,
		    hint_of_silence(endpoint_port(&link->peer), !is_clear));
}

void
link_hear(struct link *link, const uint8_t *bytes, size_t len)
{
	if (!link->heard && link->state == LINK_OPENING)
		link_hint(link, hint_of_bytes(bytes, len, false));
	link->heard = true;
}

void
link_hear_before_tls(struct link *link)
{
	uint8_t bytes[FIRST_BYTES];
	ssize_t len;

	if (link->heard || !begins_with_tls(link))
		return;
	len = recv(link->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	if (len <= 0)
		return;
	link->heard = true;
	link_hint(link, hint_of_bytes(bytes, (size_t)len, true));
}
