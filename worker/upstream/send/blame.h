/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blame - how many links died with stanzas of a session that are never sent
 * again, only returned: pure policy of isolation.h.
 *
 * What its client sends again is another frame, so that it is the session that
 * is remembered. While it owes, its stanzas are suspect like frames that left
 * as often on links that died (suspects.h). It owes one that the server handles
 * at first, and four times as many with each further link: harmless ones in
 * between buy less and less. A chatterer whose stanza was unconfirmed by chance
 * has paid with its next one. All is forgotten when no link has died for a
 * while.
 *
 * A row for each slot of the directory; only those that are used take memory.
 */
#ifndef WORKER_UPSTREAM_SEND_BLAME_H
#define WORKER_UPSTREAM_SEND_BLAME_H

#include "common/base/base.h"

#define BLAME_S 300.0 /* until a session's links are forgotten */

struct blame_row {
	double since;        /* the last link died */
	uint32_t generation; /* whose row it is */
	uint32_t links;      /* that died */
	uint32_t alone;      /* links, when one died that it had to itself */
	uint32_t owed;       /* stanzas to be handled until it is trusted */
};

struct blame {
	struct blame_row *rows;
	uint32_t count;
	double until; /* some may be suspect: died with more than one */
};

/* slot_count: of the directory; what lies beyond is nobody. */
void blame_init(struct blame *blame, uint32_t slot_count);
void blame_destroy(struct blame *blame);

/* A link died with stanzas of the session; once a moment. */
void blame_add(struct blame *blame, uint32_t slot, uint32_t generation,
    double now);

/* ... that had nothing else to carry; after blame_add(). True when it was so
 * the last time, too: it is the session's fault. */
bool blame_add_alone(struct blame *blame, uint32_t slot, uint32_t generation);

/* The server has handled a stanza of the session. */
void blame_pay(struct blame *blame, uint32_t slot, uint32_t generation);

/* Links that died, while it owes; 0: it is trusted. */
unsigned blame_links(const struct blame *blame, uint32_t slot,
    uint32_t generation, double now);

#endif
