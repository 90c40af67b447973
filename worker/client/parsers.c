/* SPDX-License-Identifier: Apache-2.0 */
/* A few parsers that stand between two stanzas, lent to whoever is in the
 * middle of one (ARCHITECTURE.md). */
#include "worker/client/parsers.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/loans.h"
#include "worker/client/scopes.h"
#include "worker/client/state.h"

#include <stdlib.h>
#include <string.h>

/* Names pile up inside expat: a parser is not for ever. */
#define RETIRE_ELEMENTS 20000u
#define RETIRE_BYTES    (256u * 1024)
#define SPARE_MAX       16u
#define SPARE_MIN       2u

struct parsers {
	struct framer_limits limits;
	struct loan *spare[SPARE_MAX];
	unsigned spare_count;
	unsigned spare_least; /* since the last trim */
	struct loans loans;
};

void
parsers_configure(struct parsers *parsers, const struct config *config)
{
	parsers->limits.element_bytes = config->client.stanza_bytes;
	parsers->limits.depth = config->client.depth;
	parsers->limits.attributes = config->client.attributes;
	parsers->limits.header_bytes = config->client.preauth_bytes;
	loans_limit(&parsers->loans, config->client.parsers,
	    config->client.parsers_bytes);
}

struct parsers *
parsers_new(const struct config *config)
{
	struct parsers *parsers = xcalloc(1, sizeof(*parsers));

	loans_init(&parsers->loans);
	parsers_configure(parsers, config);
	return parsers;
}

static void
free_loan(struct loan *loan)
{
	framer_free(&loan->framer);
	free(loan);
}

void
parsers_free(struct parsers **parsers)
{
	struct parsers *p = *parsers;

	while (p->spare_count > 0)
		free_loan(p->spare[--p->spare_count]);
	free(p);
	*parsers = NULL;
}

/* --- who pays --- */

static bool
is_trusted(const struct client *client)
{
	return client_is_authenticated(client);
}

static void
end_holder(struct parsers *parsers, struct loan *loan)
{
	struct client *holder = loan->holder;

	stats_add(STAT_PARSERS_REFUSED, 1);
	client_close(holder, CLOSE_OVERLOAD);
	if (holder->loan)
		parsers_give_back(parsers, holder);
}

static void
make_room(struct parsers *parsers, bool trusted)
{
	char address[ENDPOINT_TEXT_MAX];
	struct loan *payer;

	while ((payer = loans_payer_for_one(&parsers->loans, trusted))) {
		log_limited(LOG_WARNING, 1,
		    "too many %s are in the middle of a stanza; the stream of "
		    "one that has been for longest ends; the limit is "
		    "xmpp.client.parsers address=%s",
		    payer->trusted ? "clients" : "clients not logged in",
		    client_peer_text(payer->holder, address));
		end_holder(parsers, payer);
	}
}

static void
keep_to_memory(struct parsers *parsers)
{
	char address[ENDPOINT_TEXT_MAX];
	struct loan *payer;

	while ((payer = loans_payer_for_memory(&parsers->loans))) {
		log_limited(LOG_WARNING, 1,
		    "%s in the middle of a stanza need too much memory; the "
		    "stream of one that needs %zu bytes ends; the limit is "
		    "xmpp.client.parsers.memory address=%s",
		    payer->trusted ? "clients" : "clients not logged in",
		    payer->bytes, client_peer_text(payer->holder, address));
		end_holder(parsers, payer);
	}
}

void
parsers_note(struct parsers *parsers, struct client *client, bool progress)
{
	struct loan *loan = client->loan;

	loans_note(&parsers->loans, loan, framer_memory(loan->framer),
	    is_trusted(client), progress);
	keep_to_memory(parsers);
}

/* --- spare ones --- */

static bool
stands_at(const struct framer *framer, const char *scope)
{
	const char *own = framer_scope(framer);

	return framer_is_lendable(framer) &&
	       (own && scope ? strcmp(own, scope) == 0 : own == scope);
}

/* One that stands where it is needed, or any; NULL: none. */
static struct loan *
take_spare(struct parsers *parsers, const char *scope)
{
	unsigned last = parsers->spare_count, i = last;
	struct loan *loan;

	if (last == 0)
		return NULL;
	while (i > 0 && !stands_at(parsers->spare[i - 1]->framer, scope))
		i--;
	i = i > 0 ? i - 1 : last - 1;
	loan = parsers->spare[i];
	parsers->spare[i] = parsers->spare[last - 1];
	parsers->spare_count--;
	parsers->spare_least = MIN(parsers->spare_least, parsers->spare_count);
	return loan;
}

static bool
set_up(struct framer *framer, bool expect_header, const char *scope)
{
	if (expect_header)
		framer_reset(framer);
	else if (stands_at(framer, scope))
		return true;
	else if (scope)
		return framer_prime_scope(framer, scope);
	else
		framer_prime(framer, NS_CLIENT);
	return true;
}

bool
parsers_borrow(struct parsers *parsers, struct client *client,
    bool expect_header, size_t element_bytes)
{
	const char *scope =
	    scopes_text(worker_of(client)->scopes, client->scope);
	struct framer_limits limits = parsers->limits;
	struct loan *loan;

	/* One limit was announced to the client: it holds for what goes up,
	 * too, when that is longer. */
	limits.element_bytes = limits.output_bytes = element_bytes;
	make_room(parsers, is_trusted(client));
	loan = take_spare(parsers, scope);
	if (loan) {
		framer_set_limits(loan->framer, &limits);
	} else {
		loan = xcalloc(1, sizeof(*loan));
		loan->framer = framer_new(&limits, 0);
	}
	if (!set_up(loan->framer, expect_header, scope)) {
		free_loan(loan);
		return false;
	}
	loan->holder = client;
	client->loan = loan;
	loans_add(&parsers->loans, loan, is_trusted(client));
	return true;
}

void
parsers_give_back(struct parsers *parsers, struct client *client)
{
	struct loan *loan = client->loan;

	client->loan = NULL;
	loan->holder = NULL;
	loans_remove(&parsers->loans, loan);
	if (parsers->spare_count == SPARE_MAX ||
	    framer_element_count(loan->framer) > RETIRE_ELEMENTS ||
	    framer_memory(loan->framer) > RETIRE_BYTES)
		free_loan(loan);
	else
		parsers->spare[parsers->spare_count++] = loan;
}

bool
parsers_trim(struct parsers *parsers)
{
	bool freed = parsers->spare_least > SPARE_MIN;

	while (parsers->spare_least > SPARE_MIN) {
		free_loan(parsers->spare[--parsers->spare_count]);
		parsers->spare_least--;
	}
	parsers->spare_least = parsers->spare_count;
	return freed;
}
