/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/world.h"

#include "common/base/log_line.h"
#include "common/process/channel.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/lane_log.h"
#include "common/shm/region_layout.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/crew.h"
#include "tests/simulation/fault_list.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/master.h"
#include "tests/simulation/process.h"
#include "tests/simulation/server.h"
#include "tests/simulation/trace.h"
#include "worker/upstream/core/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define REST_S       240.0 /* until all has come to rest */
#define STOP_S       15.0  /* xmpp.server.stop.timeout, amply */
#define LANE_BYTES   (2u << 20)
#define FILLING_MAX  1200u
#define CONFIG_COUNT 3u

struct world world;

static struct config *configs[CONFIG_COUNT]; /* with so many links, plus 1 */
static unsigned faults;                      /* one step in so many */
static unsigned kills; /* one turn of upstream in so many */

static struct config *
make_config(unsigned link_count)
{
	FILE *messages = tmpfile(); /* of no interest */
	struct config *config;
	char text[512];

	snprintf(text, sizeof(text),
	    "<jive><xmpp><domain>" DOMAIN "</domain><password>s</password>"
	    "<manager><name>" MANAGER "</name><connections>%u</connections>"
	    "</manager></xmpp></jive>",
	    link_count);
	CHECK(config_parse("simulation.xml", text, strlen(text), messages,
		  &config) == 0);
	fclose(messages);
	config->server.hostname = strdup("server.example");
	config->server.tls = LINK_TLS_NONE;
	config->server.item_bytes = 4096;
	config->server.barrier_s = 1;
	config->server.hang_timeout_s = 4;
	config->server.grace_s = 3;
	config->server.backoff_min_s = 0.2;
	config->server.backoff_max_s = 1;
	config->server.disconnect_window_s = 1;
	config->client.output_bytes = 16384;
	config->client.output_worker_bytes = 65536;
	config->sessions_per_worker = SLOTS;
	config->up_ring_bytes = 4096;
	config->down_ring_bytes = 8192;
	return config;
}

/* Kills alone damage nothing. */
static void
on_error(const struct log_line *line)
{
	if (line->level == LOG_ERROR && strstr(line->body, "damaged"))
		books_breach("upstream says: %s", line->body);
}

void
world_init(void)
{
	struct region_geometry geometry;

	for (unsigned i = 0; i < CONFIG_COUNT; i++)
		configs[i] = make_config(i + 1);
	config_region_geometry(configs[0], &geometry);
	geometry.partition_count = PARTITIONS;
	geometry.lane_bytes = LANE_BYTES;
	CHECK(region_create(&geometry, &world.region) == 0);
	log_set_witness(on_error);
	stats_attach(world.region, STATS_ROW_UPSTREAM(PARTITIONS));
}

const char *
world_filling(void)
{
	static char filling[FILLING_MAX + 1];
	const char words[] = "The quick brown fox jumps over the lazy dog. ";
	size_t most = chance_one_in(8) ? FILLING_MAX : 50;

	if (!filling[0])
		for (size_t i = 0; i < FILLING_MAX; i++)
			filling[i] = words[i % (sizeof(words) - 1)];
	return filling + FILLING_MAX - chance_below((uint32_t)most);
}

bool
world_server_listens(void)
{
	return server_listens();
}

bool
world_session_lives(uint32_t slot, uint32_t generation)
{
	const struct session_slot *slots =
	    region_section(world.region, REGION_SLOTS, slot / SLOTS);
	const struct session_route *routing =
	    region_section(world.region, REGION_ROUTING, slot / SLOTS);

	return atomic_load(&slots[slot % SLOTS].generation) == generation &&
	       atomic_load(&routing[slot % SLOTS].ended) != generation;
}

static void
begin(uint64_t seed)
{
	chance_begin(seed);
	trace_begin();
	crew_begin();
	CHECK(madvise(world.region->base + REGION_PAGE,
		  world.region->layout.bytes - REGION_PAGE, MADV_REMOVE) == 0);
	world.now = 1000;
	world.step = 0;
	world.is_calm = false;
	world.config = configs[chance_below(CONFIG_COUNT)];
	faults = 16u << chance_below(5);
	kills = 3u << (2 * chance_below(4));
	kernel_begin();
	books_begin();
	server_begin();
	master_begin();
	process_begin();
	for (unsigned i = chance_between(1, 3); i > 0; i--)
		(void)master_start_worker();
}

/* --- steps --- */

static void
reload(void)
{
	world.config = configs[chance_below(CONFIG_COUNT)];
	TRACE(world.config->server.link_count, "the configuration has %u links",
	    world.config->server.link_count);
	process_reload();
}

static void
order_pause(void)
{
	const struct channel_message message = {
		.type = chance_one_in(3) ? CHANNEL_RESUME : CHANNEL_PAUSE,
		.partition = UINT32_MAX,
		.number = chance_between(1, 5),
		.fd = -1,
	};

	TRACE(message.type, "an operator's order: %d", (int)message.type);
	process_tell(&message);
}

static void
break_some(void)
{
	struct connection *connection = kernel_any();

	if (!connection)
		return;
	if (chance_one_in(2)) {
		kernel_break(connection);
		fault_list_reset(connection->up.written);
		return;
	}
	connection->still_until = world.now + chance_below(3000) / 1e3;
	TRACE(connection->number, "connection %u stands still until %.3f",
	    connection->number, connection->still_until);
}

static void
kill_worker(unsigned partition)
{
	if (chance_one_in(3) || crew_step_to_death(partition))
		master_kill_worker(partition);
}

static void
fault(void)
{
	switch (chance_below(12)) {
	case 0:
	case 1:
		process_kill();
		break;
	case 2:
		kill_worker(chance_below(PARTITIONS));
		break;
	case 3:
	case 4:
	case 5:
		break_some();
		break;
	case 6:
		reload();
		break;
	case 7:
		order_pause();
		break;
	case 8:
	case 9:
	case 10:
		server_fault();
		break;
	default:
		/* With something to do. */
		crew_step(chance_below(PARTITIONS));
		process_last_turn();
		break;
	}
}

static void
pass_time(void)
{
	world.now += chance_one_in(16) ? chance_below(2000) / 1e3
				       : chance_below(60) / 1e3;
}

static void
step(void)
{
	server_notice();
	if (chance_one_in(faults)) {
		fault();
		return;
	}
	switch (chance_below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (!process_upstream)
			process_start(chance_one_in(12));
		else if (chance_one_in(kills))
			process_last_turn();
		else
			process_turn();
		break;
	case 4:
	case 5:
	case 6:
		crew_step(chance_below(PARTITIONS));
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		kernel_step();
		break;
	case 11:
	case 12:
		server_step();
		break;
	case 13:
		master_step(false);
		if (chance_one_in(8))
			(void)master_start_worker();
		break;
	default:
		pass_time();
		break;
	}
}

/* --- to the end --- */

static bool
lanes_are_at_rest(void)
{
	for (unsigned i = 0; i < LANE_COUNT; i++) {
		const struct lane_log *log = &process_upstream->lanes[i].log;

		if (lane_log_head(log) != lane_log_tail(log))
			return false;
	}
	return true;
}

static bool
is_at_rest(void)
{
	if (!process_upstream ||
	    process_upstream->server.phase != SERVER_SERVING ||
	    process_upstream->forgotten.count > 0 ||
	    __builtin_popcount(process_upstream->set.joined) !=
		(int)world.config->server.link_count ||
	    !lanes_are_at_rest())
		return false;
	for (unsigned i = 0; i < PARTITIONS; i++)
		if (!crew_is_at_rest(i) ||
		    process_upstream->partitions[i].phase == PHASE_RECOVERING)
			return false;
	return true;
}

/* For who reads a trace. */
static void
print_unrest(void)
{
	const struct upstream *up = process_upstream;

	if (!up) {
		trace_print("there is no upstream");
		return;
	}
	trace_print("phase %d, %u to be told, links %x of %u", up->server.phase,
	    up->forgotten.count, up->set.joined,
	    world.config->server.link_count);
	for (unsigned i = 0; i < LANE_COUNT; i++)
		if (lane_log_head(&up->lanes[i].log) !=
		    lane_log_tail(&up->lanes[i].log))
			trace_print("lane %u does not rest", i);
	for (unsigned i = 0; i < PARTITIONS; i++)
		if (!crew_is_at_rest(i) ||
		    up->partitions[i].phase == PHASE_RECOVERING)
			trace_print("partition %u in phase %d does not rest", i,
			    (int)up->partitions[i].phase);
}

static void
calm_round(void)
{
	world.now += 0.1;
	server_notice();
	kernel_settle();
	server_settle();
	kernel_settle();
	process_start(false);
	process_turn();
	master_step(true);
	for (unsigned i = 0; i < PARTITIONS; i++)
		crew_settle(i);
	process_turn();
	world.step++;
}

static bool
come_to_rest(void)
{
	double end = world.now + REST_S;
	unsigned rounds = 0;

	while (rounds < 3 && world.now < end && !books_first_breach()) {
		calm_round();
		rounds = is_at_rest() ? rounds + 1 : 0;
	}
	if (rounds < 3 && trace_is_printed)
		print_unrest();
	if (rounds < 3)
		books_breach("nothing comes to rest in %.0f s", REST_S);
	return rounds == 3;
}

/* In order: nobody is left. */
static void
stop(void)
{
	double end = world.now + STOP_S;

	TRACE(0, "all stop");
	for (unsigned i = 0; i < PARTITIONS; i++)
		crew_send_away(i);
	while (!is_at_rest() && world.now < end && !books_first_breach())
		calm_round();
	end = world.now + STOP_S;
	process_stop();
	while (!process_has_ended() && world.now < end)
		calm_round();
	if (!process_has_ended())
		books_breach("upstream does not stop in %.0f s", STOP_S);
	for (unsigned i = 0; i < books_count(); i++)
		if (books_client(i)->session == SESSION_OPEN)
			books_breach("client %u is left at the server by a"
				     " stop",
			    i);
}

static void
drain(void)
{
	struct connection *connection = NULL;

	TRACE(0, "calm from here on");
	world.is_calm = true;
	server_recover();
	while ((connection = kernel_next(connection)) != NULL)
		connection->still_until = 0;
	if (!come_to_rest())
		return;
	/* Who was forgotten in silence hears of it. */
	for (unsigned i = 0; i < PARTITIONS; i++)
		crew_say_last(i);
	if (!come_to_rest())
		return;
	while ((connection = kernel_next(connection)) != NULL)
		if (connection->server_open && !connection->dead_here)
			connection->owed = connection->down.written;
	books_close();
	if (chance_one_in(4) && !books_first_breach())
		stop();
}

/* Mostly the links are up already. */
static void
serve(void)
{
	unsigned rounds = chance_one_in(4) ? 0 : 100;

	world.is_calm = true;
	while (rounds-- > 0 && !is_at_rest())
		calm_round();
	world.is_calm = false;
	world.step = 0;
}

const char *
world_run(uint64_t seed, unsigned steps)
{
	begin(seed);
	serve();
	for (; world.step < steps && !books_first_breach(); world.step++)
		step();
	if (!books_first_breach())
		drain();
	return books_first_breach();
}
