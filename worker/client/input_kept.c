/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/input_kept.h"

#include "common/xmpp/framer.h"
#include "common/xmpp/lexer.h"
#include "worker/client/client.h"
#include "worker/client/deadlines.h"
#include "worker/client/loans.h"
#include "worker/client/login_requests.h"
#include "worker/client/parsers.h"
#include "worker/client/scopes.h"
#include "worker/client/state.h"

#include <stdlib.h>
#include <string.h>

/* What the client may send next depends on the server's answer, so it is kept
 * as bytes until then (XEP-0305). */
bool
input_must_hold(const struct client *client)
{
	return login_requests_sasl_is_due(client);
}

void
input_forget_partial(struct client *client)
{
	free(client->partial);
	client->partial = NULL;
}

void
input_restart(struct client *client)
{
	struct client_worker *worker = worker_of(client);

	deadline_stanza_ends(client);
	scopes_release(worker->scopes, &client->scope);
	if (client->loan)
		parsers_give_back(worker->parsers, client);
}

void
input_forget(struct client *client)
{
	input_forget_partial(client);
	input_restart(client);
}

size_t
input_kept_bytes(const struct client *client)
{
	size_t kept = client->partial ? client->partial->len : 0;

	return client->loan ? kept + framer_partial_bytes(client->loan->framer)
			    : kept;
}

void
input_keep(struct client *client, const uint8_t *bytes, size_t len)
{
	size_t before = client->partial ? client->partial->len : 0;
	struct partial *partial =
	    xrealloc(client->partial, sizeof(*partial) + before + len);

	if (before == 0)
		lexer_init(&partial->lexer, input_expects_header(client));
	memcpy(partial->bytes + before, bytes, len);
	partial->len = before + len;
	lexer_take(&partial->lexer, bytes, len);
	client->partial = partial;
}
