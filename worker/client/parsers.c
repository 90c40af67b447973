/* SPDX-License-Identifier: Apache-2.0 */
/* A few parsers that stand between two stanzas, lent to whoever is in the
 * middle of one (design.md §4). */
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"

#include <stdlib.h>

/* Names pile up inside expat: a parser is not for ever. */
#define RETIRE_ELEMENTS 20000u
#define RETIRE_BYTES    (256u * 1024)
#define SPARE_MAX       16u
#define SPARE_MIN       2u

struct parsers {
	struct framer_limits limits;
	struct framer *spare[SPARE_MAX];
	unsigned spare_count;
	unsigned spare_least; /* since the last trim */
	unsigned on_loan;
	unsigned loan_max;
};

void
parsers_configure(struct parsers *parsers, const struct config *config)
{
	parsers->limits.element_bytes = config->client.stanza_bytes;
	parsers->limits.depth = config->client.depth;
	parsers->limits.attributes = config->client.attributes;
	parsers->limits.header_bytes = config->client.preauth_bytes;
	parsers->loan_max = config->client.parsers;
}

struct parsers *
parsers_new(const struct config *config)
{
	struct parsers *parsers = xcalloc(1, sizeof(*parsers));

	parsers_configure(parsers, config);
	return parsers;
}

void
parsers_free(struct parsers **parsers)
{
	struct parsers *p = *parsers;

	while (p->spare_count > 0)
		framer_free(&p->spare[--p->spare_count]);
	free(p);
	*parsers = NULL;
}

struct framer *
parsers_borrow(struct parsers *parsers, bool expect_header, bool trusted,
    size_t element_bytes)
{
	struct framer_limits limits = parsers->limits;
	struct framer *framer;

	if (parsers->on_loan >=
	    (trusted ? parsers->loan_max : MAX(parsers->loan_max / 2, 1u))) {
		stats_add(STAT_PARSERS_REFUSED, 1);
		return NULL;
	}
	/* The client was told one limit: it holds for what goes up, too, when
	 * that is longer. */
	limits.element_bytes = limits.output_bytes = element_bytes;
	if (parsers->spare_count > 0) {
		framer = parsers->spare[--parsers->spare_count];
		parsers->spare_least =
		    MIN(parsers->spare_least, parsers->spare_count);
		framer_set_limits(framer, &limits);
	} else {
		framer = framer_new(&limits, 0);
	}
	if (expect_header)
		framer_reset(framer);
	else
		framer_prime(framer, NS_CLIENT);
	parsers->on_loan++;
	return framer;
}

void
parsers_give_back(struct parsers *parsers, struct framer **framer)
{
	struct framer *f = *framer;

	*framer = NULL;
	parsers->on_loan--;
	if (parsers->spare_count == SPARE_MAX ||
	    framer_element_count(f) > RETIRE_ELEMENTS ||
	    framer_memory(f) > RETIRE_BYTES)
		framer_free(&f);
	else
		parsers->spare[parsers->spare_count++] = f;
}

bool
parsers_trim(struct parsers *parsers)
{
	bool freed = parsers->spare_least > SPARE_MIN;

	while (parsers->spare_least > SPARE_MIN) {
		framer_free(&parsers->spare[--parsers->spare_count]);
		parsers->spare_least--;
	}
	parsers->spare_least = parsers->spare_count;
	return freed;
}
