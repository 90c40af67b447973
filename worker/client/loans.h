/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loans - who holds a parser in the middle of a stanza, and whose stream ends
 * when there are too many of them or they hold too much memory.
 *
 * Clients that have logged in (trusted) and those that have not
 * (unauthenticated) are counted apart. Half of the number and half of the
 * memory is for each: the unauthenticated never get more than their half, the
 * trusted more only while nobody else needs it. When there are too many, the
 * client pays that has held its parser for longest without completing anything;
 * when they hold too much memory, one of the largest, and of those again the
 * one that has done so for longest. It is never the client that comes next.
 *
 * Pure: finding the payer takes the same few steps whatever the number.
 */
#ifndef WORKER_CLIENT_LOANS_H
#define WORKER_CLIENT_LOANS_H

#include "common/base/base.h"
#include "common/base/list.h"

/* Of loans by the power of two of what they hold. */
#define LOAN_SIZES 24u

struct loan {
	struct list order; /* in its class, longest without progress first */
	struct list size;  /* in its class' list of that size, likewise */
	struct framer *framer;
	struct client *holder; /* NULL: nobody */
	size_t bytes;
	bool trusted;
};

struct loan_class {
	struct list order;
	struct list sizes[LOAN_SIZES];
	unsigned count;
	size_t bytes;
};

struct loans {
	struct loan_class unauthenticated, trusted;
	unsigned count_max;
	size_t bytes_max;
};

void loans_init(struct loans *loans);
void loans_limit(struct loans *loans, unsigned count, size_t bytes);

void loans_add(struct loans *loans, struct loan *loan, bool trusted);
void loans_remove(struct loans *loans, struct loan *loan);
/* progress: it has completed something since it was last noted. */
void loans_note(struct loans *loans, struct loan *loan, size_t bytes,
    bool trusted, bool progress);

/* Who has to end before one more of that kind is lent; NULL: nobody. */
struct loan *loans_payer_for_one(const struct loans *loans, bool trusted);
/* Who has to end for the memory; NULL: nobody. */
struct loan *loans_payer_for_memory(const struct loans *loans);

#endif
