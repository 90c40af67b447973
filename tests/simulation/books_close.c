/* SPDX-License-Identifier: Apache-2.0 */
/* books_close - the rules about all that was, once it has come to rest. */
#include "tests/simulation/books.h"

#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "tests/simulation/books_private.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

/* What is nowhere, and has to be counted. */
struct missing {
	uint64_t asked; /* messages, requests, steps of a log-in, up */
	uint64_t said;  /* presence and answers, up */
	uint64_t down;  /* messages, down */
};

static uint64_t
counted(enum statistic stat)
{
	return stats_sum(world.region, stat);
}

/* Of a client that lives all along, each has come or has failed. */
static void
close_auth(const struct client *client)
{
	unsigned count = 0;

	for (unsigned i = 0; i < client->up_count; i++)
		count += client->up[i].kind == FRAME_AUTH &&
			 client->up[i].is_sure && !client->up[i].seen;
	if (!client->is_leaving && !client->is_gone && !client->was_ended &&
	    count > client->auth_failures)
		books_breach("client %u: %u steps of a log-in are lost",
		    client->number, count);
}

static void
close_up(const struct client *client, struct missing *missing)
{
	for (unsigned i = 0; i < client->up_count; i++) {
		const struct up_item *item = &client->up[i];

		if (item->seen || item->errors || item->kind == FRAME_AUTH ||
		    !item->is_sure || (item->waits && books.kills))
			continue;
		if (books_is_sent_once(item->kind))
			missing->asked++;
		else
			missing->said++;
		if (trace_is_printed)
			trace_print("u:%u:%u is nowhere", client->number, i);
	}
}

static bool
is_owed(const struct down_item *item)
{
	const struct connection *connection = NULL;

	while ((connection = kernel_next(connection)) != NULL)
		if (connection->number == item->connection)
			break;
	return connection && item->end <= connection->owed;
}

/* What was sent to one that has left in order is with it, or back. */
static bool
is_promised(const struct client *client)
{
	return client->has_left && client->is_unavailable &&
	       !client->was_ended && !books.sent_away &&
	       counted(STAT_STANZAS_GIVEN_UP) == 0;
}

static void
close_down(const struct client *client, struct missing *missing)
{
	for (unsigned i = 0; i < client->down_count; i++) {
		const struct down_item *item = &client->down[i];

		if (item->delivered || item->returned || item->late ||
		    !is_owed(item) || item->kind != FRAME_MESSAGE)
			continue;
		missing->down++;
		if (is_promised(client))
			books_breach("d:%u:%u is lost, and client %u has left"
				     " in order",
			    client->number, i, client->number);
		if (trace_is_printed)
			trace_print("d:%u:%u is nowhere", client->number, i);
	}
}

static void
close_session(const struct client *client)
{
	bool lives = world_session_lives(client->slot, client->generation);

	if (lives && client->is_created && !client->is_leaving &&
	    client->session != SESSION_OPEN)
		books_breach("client %u lives, and the server does not have it"
			     " (%d)",
		    client->number, (int)client->session);
	if (!lives && client->session == SESSION_OPEN)
		books_breach("client %u is over, and the server has it still",
		    client->number);
	if (lives && client->is_leaving)
		books_breach("client %u is closed, and its end does not come",
		    client->number);
}

void
books_close(void)
{
	struct missing missing = { 0 };
	uint64_t given_up = counted(STAT_STANZAS_GIVEN_UP);
	uint64_t late = counted(STAT_LATE_MESSAGES);
	uint64_t others = counted(STAT_LATE_OTHERS);

	for (unsigned i = 0; i < books.count; i++) {
		const struct client *client = books_client(i);

		close_auth(client);
		close_up(client, &missing);
		close_down(client, &missing);
		close_session(client);
	}
	if (missing.asked > counted(STAT_UNCONFIRMED_LOST) + others +
				counted(STAT_UNCONFIRMED_UNANSWERED) + given_up)
		books_breach("%u messages and requests are lost in silence",
		    (unsigned)missing.asked);
	if (missing.said > counted(STAT_UNCONFIRMED_SKIPPED) + given_up)
		books_breach("%u answers and presences are lost in silence",
		    (unsigned)missing.said);
	if (missing.down > late + counted(STAT_RETURNS_TOO_LARGE) +
			       counted(STAT_RETURNS_CROWDED) +
			       counted(STAT_RETURNS_REFUSED) +
			       counted(STAT_UNCONFIRMED_SKIPPED) +
			       counted(STAT_UNKNOWN_SESSIONS) + given_up)
		books_breach("%u messages for clients are lost in silence",
		    (unsigned)missing.down);
}
