/* SPDX-License-Identifier: Apache-2.0 */
/*
 * barrier - the queries that a link has sent and what their answers confirm
 * (PROTOCOL.md §10.9, DELIVERY.md §1).
 *
 *   queued (in ctl) --its bytes given to the kernel--> sent --answer--> gone
 *
 * Each covers the journal entries before it; an answer confirms also what every
 * older one covered. Ids name link, run id of the process and serial, so an
 * answer that comes late, on another link or after a restart is recognised.
 * Pure.
 */
#ifndef WORKER_UPSTREAM_LINK_BARRIER_H
#define WORKER_UPSTREAM_LINK_BARRIER_H

#include "common/base/base.h"

#define BARRIERS_OUTSTANDING 4 /* the first time */
#define BARRIERS_AGAIN       4 /* more that only repeat the query */
#define BARRIER_ID_MAX       48

struct barrier {
	uint64_t serial;
	uint64_t covers;   /* journal entries before this number */
	double queried_at; /* seconds, for the round trip and the deadline */
	bool sent;
};

struct barrier_table {
	struct barrier
	    queue[BARRIERS_OUTSTANDING + BARRIERS_AGAIN]; /* by age */
	unsigned count;
	uint64_t next_serial;
	unsigned link;
	uint32_t run_id;
	uint64_t sent_count, answered_count; /* on this connection */
	double round_trip_s; /* of the last one answered; 0: none yet */
	double last_query_s;
};

/* run_id: random, the same for all links. before: a serial that every one of
 * this process is behind. */
void barrier_init(struct barrier_table *table, unsigned link, uint32_t run_id,
    uint64_t before);

/* All are void: the link has a new connection. Serials go on. */
void barrier_clear(struct barrier_table *table);

/* Their answers are not waited for any more; the next one covers all. */
void barrier_forget(struct barrier_table *table);

/* A new query; its id. 0 or -ENOSPC when too many are outstanding. */
MUST_CHECK int barrier_query(struct barrier_table *table, double now,
    char id_out[BARRIER_ID_MAX]);
/* The same query again, since an answer may be lost; of those that only
 * repeat it the youngest gives way. -ENOSPC, too, while one is not yet sent. */
MUST_CHECK int barrier_query_again(struct barrier_table *table, double now,
    char id_out[BARRIER_ID_MAX]);

/* The oldest one not yet sent goes to the wire as entry covers - 1. */
void barrier_sent(struct barrier_table *table, uint64_t covers, double now);

/*
 * An answer's id: 0, the link and the serial, or -EINVAL when it is none of
 * this run.
 */
MUST_CHECK int barrier_parse(const char *id, uint32_t run_id,
    unsigned *link_out, uint64_t *serial_out);

/* It is one of another run: of this manager, or of another of its name. */
bool barrier_is_foreign(const char *id, uint32_t run_id);

/* 0 and what is confirmed, or -ENOENT when that query is not open. */
MUST_CHECK int barrier_answered(struct barrier_table *table, uint64_t serial,
    double now, uint64_t *covers_out);

/* Since when the oldest open query waits: since it was sent, or, while the
 * link takes nothing more, since it was queued. 0 when none is open. */
double barrier_oldest(const struct barrier_table *table);

/* True when it has been sent. */
bool barrier_oldest_is_sent(const struct barrier_table *table);

#endif
