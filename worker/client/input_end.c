/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of streams whose next bytes the parser refuses. */
#include "worker/client/input_end.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/xmpp/close.h"
#include "common/xmpp/framer.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/goodbye.h"

/* A header behind a log-in that has not worked, or not yet: whoever sent it
 * counted on more (RFC 6120 §4.9.3.12). */
static bool
is_too_early(const struct client *client, enum framer_result result)
{
	return !client_is_authenticated(client) &&
	       (result == FRAMER_HEADER_AGAIN ||
		   (result == FRAMER_DECLARATION &&
		       (client->flags &
			   (CLIENT_CREATED | CLIENT_SASL_REFUSED))));
}

static enum close_reason
reason_of(const struct client *client, enum framer_result result)
{
	if (is_too_early(client, result))
		return CLOSE_HEADER_TOO_EARLY;
	switch (result) {
	case FRAMER_HEADER_AGAIN:
		return CLOSE_UNSUPPORTED_STANZA;
	case FRAMER_ENCODING:
		return CLOSE_UNSUPPORTED_ENCODING;
	case FRAMER_END:
		return CLOSE_PEER_CLOSED;
	case FRAMER_RESTRICTED:
		return CLOSE_RESTRICTED_XML;
	case FRAMER_TEXT:
		return CLOSE_BAD_FORMAT;
	case FRAMER_TOO_BIG:
	case FRAMER_NO_MEMORY:
		return CLOSE_TOO_BIG;
	case FRAMER_TOO_DEEP:
		return CLOSE_TOO_DEEP;
	case FRAMER_TOO_MANY_ATTRIBUTES:
		return CLOSE_TOO_MANY_ATTRIBUTES;
	case FRAMER_TOO_MANY_DECLARATIONS:
		return CLOSE_TOO_MANY_DECLARATIONS;
	case FRAMER_MORE:
	case FRAMER_HEADER:
	case FRAMER_ELEMENT:
	case FRAMER_NOT_WELL_FORMED:
	case FRAMER_DECLARATION:
	case FRAMER_BAD_NAMESPACE: /* RFC 6120 §4.9.3.13 names [XML-NAMES] */
	default:
		return CLOSE_NOT_WELL_FORMED;
	}
}

void
input_end(struct client *client, enum framer_result result)
{
	char address[ENDPOINT_TEXT_MAX];

	if (result == FRAMER_TOO_MANY_DECLARATIONS)
		log_limited(LOG_NOTICE, 1,
		    "the header of a stream declares more than %u further "
		    "namespaces or more than %u bytes of them address=%s",
		    FRAMER_SCOPE_DECLARATIONS, FRAMER_SCOPE_BYTES,
		    client_peer_text(client, address));
	if (result == FRAMER_END)
		goodbye_begin(client);
	else
		client_close(client, reason_of(client, result));
}
