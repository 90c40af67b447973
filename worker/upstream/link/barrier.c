/* SPDX-License-Identifier: Apache-2.0 */
/*
 * barrier - queries sent on a link.
 */
#include "worker/upstream/link/barrier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
barrier_init(struct barrier_table *table, unsigned link, uint32_t run_id,
    uint64_t before)
{
	*table = (struct barrier_table){
		.link = link,
		.run_id = run_id,
		.next_serial = before + 1,
	};
}

void
barrier_clear(struct barrier_table *table)
{
	table->count = 0;
	table->sent_count = table->answered_count = 0;
	table->round_trip_s = 0;
}

void
barrier_forget(struct barrier_table *table)
{
	table->count = 0;
}

static int
add(struct barrier_table *table, double now, char id_out[BARRIER_ID_MAX])
{
	table->queue[table->count++] = (struct barrier){
		.serial = table->next_serial,
		.queried_at = now,
	};
	snprintf(id_out, BARRIER_ID_MAX, "barrier-%u-%08" PRIx32 "-%" PRIu64,
	    table->link, table->run_id, table->next_serial);
	table->next_serial++;
	table->last_query_s = now;
	return 0;
}

int
barrier_query(struct barrier_table *table, double now,
    char id_out[BARRIER_ID_MAX])
{
	if (table->count >= BARRIERS_OUTSTANDING)
		return -ENOSPC;
	return add(table, now, id_out);
}

int
barrier_query_again(struct barrier_table *table, double now,
    char id_out[BARRIER_ID_MAX])
{
	if (table->count && !table->queue[table->count - 1].sent)
		return -ENOSPC;
	if (table->count == ARRAY_LEN(table->queue))
		table->count--;
	return add(table, now, id_out);
}

void
barrier_sent(struct barrier_table *table, uint64_t covers, double now)
{
	for (unsigned i = 0; i < table->count; i++) {
		struct barrier *barrier = &table->queue[i];

		if (barrier->sent)
			continue;
		barrier->sent = true;
		table->sent_count++;
		barrier->covers = covers;
		barrier->queried_at = now;
		return;
	}
}

static bool
parse(const char *id, unsigned *link_out, uint32_t *run_id_out,
    uint64_t *serial_out)
{
	int used = 0;

	/* The widths keep each number within its type. */
	if (strlen(id) >= BARRIER_ID_MAX || /* NOLINTNEXTLINE(cert-err34-c) */
	    sscanf(id, "barrier-%2u-%8" SCNx32 "-%19" SCNu64 "%n", link_out,
		run_id_out, serial_out, &used) != 3)
		return false;
	return id[used] == '\0';
}

int
barrier_parse(const char *id, uint32_t run_id, unsigned *link_out,
    uint64_t *serial_out)
{
	unsigned link;
	uint32_t id_run;
	uint64_t serial;

	if (!parse(id, &link, &id_run, &serial) || id_run != run_id)
		return -EINVAL;
	*link_out = link;
	*serial_out = serial;
	return 0;
}

bool
barrier_is_foreign(const char *id, uint32_t run_id)
{
	unsigned link;
	uint32_t id_run;
	uint64_t serial;

	return parse(id, &link, &id_run, &serial) && id_run != run_id;
}

int
barrier_answered(struct barrier_table *table, uint64_t serial, double now,
    uint64_t *covers_out)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct barrier *barrier = &table->queue[i];

		if (barrier->serial != serial || !barrier->sent)
			continue;
		*covers_out = barrier->covers;
		table->answered_count++;
		table->round_trip_s = now - barrier->queried_at;
		table->count -= i + 1;
		memmove(table->queue, &table->queue[i + 1],
		    table->count * sizeof(table->queue[0]));
		return 0;
	}
	return -ENOENT;
}

double
barrier_oldest(const struct barrier_table *table)
{
	return table->count ? table->queue[0].queried_at : 0;
}

bool
barrier_oldest_is_sent(const struct barrier_table *table)
{
	return table->count && table->queue[0].sent;
}
