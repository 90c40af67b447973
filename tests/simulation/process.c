/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/process.h"

#include "common/process/channel.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/fault_list.h"
#include "tests/simulation/heap.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/kill.h"
#include "tests/simulation/master.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"
#include "worker/upstream/attach.h"
#include "worker/upstream/core/state.h"
#include "worker/upstream/service/stop.h"
#include "worker/upstream/upstream.h"

#include <string.h>

#define INBOX_MAX   256u
#define PIECE_BYTES 512u /* of a down ring this small */
#define TURNS_MAX   64u

struct upstream *process_upstream;

static struct upstream up;
static struct heritage heritage;
static struct heritage_link links[LINKS_MAX];
static struct channel_message inbox[INBOX_MAX];
static unsigned inbox_count, inbox_taken;
static bool reloads, stops, has_ended;
static struct kill_plan in_work; /* of a turn's last part */
static double next_tick;
static uint32_t ended[PARTITIONS * SLOTS];

void
process_begin(void)
{
	heap_drop();
	process_upstream = NULL;
	reloads = stops = has_ended = false;
	inbox_count = 0;
	heritage = (struct heritage){ .role = CHILD_UPSTREAM,
		.channel_fd = -1,
		.upstream_doorbell = -1,
		.region = world.region,
		.partition_count = PARTITIONS,
		.links = links };
	memset(ended, 0, sizeof(ended));
}

void
process_tell(const struct channel_message *message)
{
	if (!process_upstream)
		return;
	CHECK(inbox_count < INBOX_MAX);
	inbox[inbox_count++] = *message;
}

void
process_stop(void)
{
	stops = process_upstream != NULL;
}

bool
process_has_ended(void)
{
	return has_ended;
}

void
process_end(void)
{
	has_ended = true;
}

void
process_reload(void)
{
	reloads = process_upstream != NULL;
}

/* --- the books --- */

/* A worker may claim the slot again at once. */
static void
look_at_ends(void)
{
	for (uint32_t slot = 0; slot < PARTITIONS * SLOTS; slot++) {
		const struct session_route *routing =
		    region_section(world.region, REGION_ROUTING, slot / SLOTS);
		uint32_t now =
		    atomic_load_explicit(&routing[slot % SLOTS].ended,
			memory_order_relaxed);

		if (now != ended[slot])
			books_session_over(slot, now);
		ended[slot] = now;
	}
}

/* For who reads a trace. */
static void
print_lanes(void)
{
	static struct lane_cursors before[LANE_COUNT];
	static uint16_t flags_before[PARTITIONS * SLOTS];

	for (unsigned i = 0; i < LANE_COUNT; i++) {
		const struct lane_log *log = &up.lanes[i].log;

		if (log->head != before[i].head ||
		    log->sent != before[i].sent || log->tail != before[i].tail)
			trace_print("lane %u: tail %u sent %u head %u", i,
			    (unsigned)log->tail, (unsigned)log->sent,
			    (unsigned)log->head);
		before[i] =
		    (struct lane_cursors){ log->head, log->sent, log->tail };
	}
	for (uint32_t slot = 0; slot < PARTITIONS * SLOTS; slot++) {
		uint16_t flags = directory_flags(up.directory, slot);

		if (flags != flags_before[slot])
			trace_print("slot %u: flags %u", slot, flags);
		flags_before[slot] = flags;
	}
}

/* --- deaths --- */

/* The master reaps it, and reads what it has sent. */
static void
bury(void)
{
	books_note_kill();
	process_upstream = NULL;
	reloads = stops = has_ended = false;
	inbox_count = 0;
	kernel_close_all(HOLDER_UPSTREAM);
	heap_drop();
	master_step(true);
	inbox_count = 0;
}

static void
handle_end(enum kill_end end)
{
	look_at_ends();
	if (trace_is_printed && end == KILL_NONE)
		print_lanes();
	if (end == KILL_NONE)
		return;
	TRACE(end, "upstream %s",
	    end == KILL_KILLED ? "is killed" : "ends by itself");
	fault_list_killed(true);
	if (end == KILL_EXITED)
		books_breach("upstream ends by itself with %d",
		    kill_exit_code());
	bury();
}

void
process_kill(void)
{
	if (!process_upstream)
		return;
	TRACE(0, "upstream is killed between turns");
	fault_list_killed(false);
	bury();
}

/* --- turns --- */

static void
take_messages(void)
{
	unsigned count =
	    world.is_calm ? inbox_count : (unsigned)chance_up_to(inbox_count);

	for (inbox_taken = 0; inbox_taken < count;)
		upstream_take_message(&up, &inbox[inbox_taken++]);
}

static void
forget_taken(void)
{
	memmove(inbox, inbox + inbox_taken,
	    (inbox_count - inbox_taken) * sizeof(inbox[0]));
	inbox_count -= inbox_taken;
	inbox_taken = 0;
}

static void
work(void)
{
	for (unsigned i = 0; i < TURNS_MAX && upstream_work(&up); i++)
		;
}

static void
turn(void)
{
	upstream_begin_turn(&up);
	if (reloads)
		upstream_take_config(&up, world.config);
	reloads = false;
	if (stops)
		stop_begin(&up);
	take_messages();
	platform_deliver(&up);
	if (world.now >= next_tick) {
		next_tick = world.now + UPSTREAM_TICK_S;
		upstream_tick(&up);
	}
	if (in_work.blocks || in_work.stores)
		kill_arm(&in_work);
	work();
}

static void
run_turn(const struct kill_plan *plan)
{
	enum kill_end end;

	inbox_taken = 0;
	end = kill_run(turn, plan);
	if (trace_is_printed)
		trace_print("a turn of %u blocks and %u stores",
		    kill_counts().blocks, kill_counts().stores);
	forget_taken();
	handle_end(end);
}

void
process_turn(void)
{
	static const struct kill_plan none;

	in_work = none;
	if (process_upstream)
		run_turn(&none);
}

/* A turn has some hundred blocks, with a tick thousands; few of them store
 * anything. */
static struct kill_plan
draw_plan(void)
{
	struct kill_plan plan = { 0 };

	if (chance_one_in(4))
		plan.blocks = 1 + (uint32_t)chance_up_to(4000);
	else
		plan.stores = 1 + chance_below(chance_one_in(4) ? 400 : 40);
	return plan;
}

void
process_last_turn(void)
{
	static const struct kill_plan none;
	struct kill_plan plan = draw_plan();
	bool is_in_work = chance_one_in(2);

	in_work = is_in_work ? plan : none;
	if (process_upstream)
		run_turn(is_in_work ? &none : &plan);
}

static void
set_up(void)
{
	upstream_prepare(&up, &heritage, &platform_model);
	upstream_attach(&up);
	/* Pieces that fit into a ring of few pages. */
	for (uint32_t i = 0; i < up.partition_count; i++) {
		up.partitions[i].down.piece = PIECE_BYTES;
		up.partitions[i].down.cap = 4096;
	}
	upstream_begin(&up);
	work();
}

void
process_start(bool dies)
{
	struct kill_plan plan = { 0 };
	enum kill_end end;

	if (process_upstream)
		return;
	master_step(true);
	heritage.incarnation++;
	heritage.config = world.config;
	heritage.link_count = master_heritage(links);
	memset(&up, 0, sizeof(up));
	platform_begin();
	next_tick = world.now;
	TRACE(heritage.incarnation, "upstream %u starts", heritage.incarnation);
	process_upstream = &up;
	if (dies)
		plan = draw_plan();
	end = kill_run(set_up, &plan);
	handle_end(end);
	if (process_upstream)
		master_brief();
}
