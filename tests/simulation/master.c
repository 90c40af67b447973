/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/master.h"

#include "common/process/channel.h"
#include "common/process/heritage.h"
#include "common/shm/region.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/crew.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/process.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#define INBOX_MAX 256u

enum partition_state { STATE_FREE, STATE_SERVING, STATE_RECOVERING };

static struct channel_message inbox[INBOX_MAX];
static unsigned inbox_count;
static struct heritage_link held[LINKS_MAX];
static enum partition_state states[PARTITIONS];
static uint32_t incarnations[PARTITIONS];

void
master_begin(void)
{
	inbox_count = 0;
	for (unsigned i = 0; i < LINKS_MAX; i++)
		held[i].fd = -1;
	for (unsigned i = 0; i < PARTITIONS; i++) {
		states[i] = STATE_FREE;
		incarnations[i] = 0;
	}
}

/* A descriptor is duplicated as it is sent. */
void
master_receive(const struct channel_message *message)
{
	struct channel_message *place = &inbox[inbox_count];

	CHECK(inbox_count < INBOX_MAX);
	*place = *message;
	if (message->fd >= 0)
		place->fd = kernel_dup(message->fd, HOLDER_MASTER);
	inbox_count++;
}

/* --- sockets --- */

static void
hold(const struct channel_message *message)
{
	struct heritage_link *at = &held[message->link];
	struct channel_message answer = *message;

	if (at->fd >= 0) {
		kernel_reset(kernel_of(at->fd));
		kernel_close(at->fd);
	}
	*at = (struct heritage_link){ message->fd, message->attempt,
		message->cookie };
	answer.type = CHANNEL_LINK_HELD;
	answer.fd = -1;
	process_tell(&answer);
}

static void
drop(const struct channel_message *message)
{
	struct heritage_link *at = &held[message->link];

	if (at->fd < 0 || at->attempt != message->attempt ||
	    at->cookie != message->cookie)
		return;
	kernel_close(at->fd);
	at->fd = -1;
}

unsigned
master_heritage(struct heritage_link *links_out)
{
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		links_out[i] = held[i];
		if (held[i].fd >= 0)
			links_out[i].fd =
			    kernel_dup(held[i].fd, HOLDER_UPSTREAM);
	}
	return LINKS_MAX;
}

/* --- workers --- */

static void
tell(enum channel_type type, unsigned partition)
{
	const struct channel_message message = { .type = type,
		.partition = partition,
		.incarnation = incarnations[partition],
		.fd = -1 };

	process_tell(&message);
}

void
master_brief(void)
{
	const struct channel_message briefed = {
		.type = CHANNEL_BRIEFED, .partition = UINT32_MAX, .fd = -1
	};

	for (unsigned i = 0; i < PARTITIONS; i++) {
		if (states[i] != STATE_FREE)
			tell(CHANNEL_WORKER_JOINED, i);
		if (states[i] == STATE_RECOVERING)
			tell(CHANNEL_WORKER_GONE, i);
	}
	process_tell(&briefed);
}

bool
master_start_worker(void)
{
	for (unsigned i = 0; i < PARTITIONS; i++) {
		if (states[i] != STATE_FREE)
			continue;
		states[i] = STATE_SERVING;
		incarnations[i]++;
		TRACE(i, "worker %u starts", i);
		crew_start(i);
		tell(CHANNEL_WORKER_JOINED, i);
		return true;
	}
	return false;
}

void
master_kill_worker(unsigned partition)
{
	if (states[partition] != STATE_SERVING)
		return;
	TRACE(partition, "worker %u is killed", partition);
	books_note_worker_death();
	crew_kill(partition);
	states[partition] = STATE_RECOVERING;
	tell(CHANNEL_WORKER_GONE, partition);
}

bool
master_partition_serves(unsigned partition)
{
	return states[partition] == STATE_SERVING;
}

/* --- messages --- */

static void
take(const struct channel_message *message)
{
	TRACE(message->type, "master takes message %d of %u",
	    (int)message->type, message->partition);
	if (message->type == CHANNEL_LINK_SOCKET)
		hold(message);
	else if (message->type == CHANNEL_LINK_OVER)
		drop(message);
	else if (message->type == CHANNEL_PARTITION_FREE &&
		 states[message->partition] == STATE_RECOVERING)
		states[message->partition] = STATE_FREE;
	else if (message->type == CHANNEL_WORKER_HUNG &&
		 incarnations[message->partition] == message->incarnation)
		master_kill_worker(message->partition);
}

void
master_step(bool all)
{
	unsigned count =
	    all ? inbox_count : (unsigned)chance_up_to(inbox_count);

	for (unsigned i = 0; i < count; i++)
		take(&inbox[i]);
	for (unsigned i = count; i < inbox_count; i++)
		inbox[i - count] = inbox[i];
	inbox_count -= count;
}
