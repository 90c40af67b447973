/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/upstream/fixture.h"

#include "common/net/digest.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "tests/support/log/log_lines.h"
#include "tests/support/region/small_region.h"
#include "worker/upstream/attach.h"
#include "worker/upstream/partitions.h"
#include "worker/upstream/upstream.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct upstream up;
struct platform_loop ground;
struct ring worker_end;
struct session session;

static struct heritage heritage;
static struct directory *worker;
static struct ring rings[LANE_COUNT];

static struct config *
make_config(void)
{
	struct config *config;
	char text[512];

	snprintf(text, sizeof(text),
	    "<jive><xmpp><domain>example.org</domain><password>s</password>"
	    "<manager><name>cm1</name><connections>%u</connections></manager>"
	    "</xmpp></jive>",
	    FIXTURE_LINKS);
	ck_assert_int_eq(config_parse("fixture.xml", text, strlen(text), stderr,
			     &config),
	    0);
	config->sessions_per_worker = FIXTURE_SESSIONS;
	config->up_ring_bytes = FIXTURE_RING_BYTES;
	config->down_ring_bytes = FIXTURE_RING_BYTES;
	config->server.item_bytes = FIXTURE_ITEM_BYTES;
	return config;
}

struct region *
begin_region(void)
{
	heritage = (struct heritage){ .role = CHILD_UPSTREAM,
		.config = make_config(),
		.channel_fd = -1,
		.upstream_doorbell = -1 };
	heritage.region = region_of(heritage.config);
	heritage.partition_count =
	    region_geometry(heritage.region)->partition_count;
	return heritage.region;
}

void
want_links(unsigned count)
{
	heritage.config->server.link_count = count;
}

void
begin_process(const struct heritage_link *links, unsigned link_count)
{
	memset(&up, 0, sizeof(up));
	heritage.links = links;
	heritage.link_count = link_count;
	heritage.incarnation++;
	platform_loop_init(&ground, ev_loop_new(EVFLAG_AUTO), &up, &heritage);
	upstream_prepare(&up, &heritage, &ground.platform);
	upstream_attach(&up);
	log_lines_begin(LOG_WARNING);
}

void
begin_upstream(void)
{
	(void)begin_region();
	begin_process(NULL, 0);
}

void
finish_upstream(void)
{
	log_lines_end();
	upstream_tear_down(&up);
	platform_loop_destroy(&ground);
	ev_loop_destroy(ground.loop);
	region_free(&heritage.region);
	config_free(&heritage.config);
}

struct channel *
begin_supervision(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	supervised_start(&ground.supervised, ground.loop, ends[1]);
	return channel_new(ends[0]);
}

void
begin_session(void)
{
	worker = directory_new(up.region, NULL, "cm1", digest_random);
	ck_assert_int_eq(directory_claim(worker, 0, &session.slot), 0);
	session.generation = directory_generation(worker, session.slot);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(up.region, 0, lane, &rings[lane]);
		ring_begin(&rings[lane], RING_PRODUCER);
	}
	empty_down_ring(0, FIXTURE_RING_BYTES);
	partitions_take(&up, 0, 1);
}

void
finish_session(void)
{
	directory_free(&worker);
}

void
worker_says(uint8_t kind, const void *bytes, size_t len)
{
	const struct frame_id id = { .kind = kind,
		.slot = session.slot,
		.generation = session.generation };

	ck_assert_int_eq(ring_push(&rings[session.slot % LANE_COUNT], &id,
			     bytes, (uint32_t)len),
	    0);
}

void
empty_down_ring(uint32_t piece, size_t cap)
{
	struct ring_writer *writer = &up.partitions[0].down;

	ring_reset(&writer->ring);
	region_down_ring(up.region, 0, &writer->ring);
	region_down_ring(up.region, 0, &worker_end);
	ring_writer_init(writer, piece, cap);
}
