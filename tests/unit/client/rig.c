/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/client/rig.h"

#include "common/base/buf.h"
#include "common/net/digest.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/process/snapshot.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "tests/support/region/small_region.h"
#include "tests/unit/client/rig_wire.h"
#include "worker/client/client_worker.h"
#include "worker/doorbell.h"
#include "worker/parsed.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE   65536u
#define TURN_MS 20

struct server_state rig_server;

static struct config *config;
static struct heritage heritage;
static struct channel *channel;
static struct directory *directory;
static struct ring up[LANE_COUNT], down;
static struct buf taken;
static int worker_doorbell, upstream_doorbell;
static uint16_t ports[2];
static pid_t pid;
static bool taking; /* frames, while it is heard */

int64_t
rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
wake_worker(void)
{
	struct worker_control *control =
	    region_worker_control(heritage.region, 0);

	doorbell_ring(&control->asleep, worker_doorbell);
}

/* --- what the worker inherits --- */

static void
make_region(void)
{
	unsigned lane;

	heritage.region = region_of(config);
	region_down_ring(heritage.region, 0, &down);
	for (lane = 0; lane < LANE_COUNT; lane++)
		region_up_ring(heritage.region, 0, lane, &up[lane]);
	directory = directory_new(heritage.region, NULL, "cm1", digest_random);
	/* So the worker always rings. */
	atomic_store(&region_upstream_control(heritage.region)->asleep, 1);
}

int
rig_listen(uint16_t *port_out)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port_out = ntohs(address.sin_port);
	return fd;
}

static void
make_heritage(int channel_end)
{
	static int doorbells[2];

	worker_doorbell = doorbells[0] = eventfd(0, EFD_NONBLOCK);
	doorbells[1] = eventfd(0, EFD_NONBLOCK);
	upstream_doorbell = eventfd(0, EFD_NONBLOCK);
	heritage.role = CHILD_CLIENT;
	heritage.incarnation = 1;
	heritage.channel_fd = channel_end;
	heritage.upstream_doorbell = upstream_doorbell;
	heritage.worker_doorbells = doorbells;
	heritage.partition_count = 2;
	heritage.snapshot_fd = snapshot_new();
	ck_assert_int_eq(snapshot_fill(heritage.snapshot_fd, config,
			     CONFIG_WORKER),
	    0);
}

static void
run_worker(unsigned descriptors)
{
	struct rlimit limit = { descriptors, descriptors };

	if (descriptors)
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	client_worker_main(&heritage);
}

void
rig_start_with_descriptors(const char *options, unsigned descriptors)
{
	int ends[2];
	unsigned i;

	config = rig_config(options);
	make_region();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	make_heritage(ends[1]);
	rig_server.phase = SERVER_SERVING;
	snprintf(rig_server.offers[0].mechanisms,
	    sizeof(rig_server.offers[0].mechanisms), "PLAIN SCRAM-SHA-1");
	rig_server.version = 1;
	if (rig_server.domain_count == 0)
		rig_server.domain_count = 1;
	server_state_publish(heritage.region, &rig_server);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_worker(descriptors);
	close(ends[1]);
	channel = channel_new(ends[0]);
	buf_init(&taken, 0);
	rig_receive(CHANNEL_READY);
	for (i = 0; i < 2; i++) {
		struct channel_message message = { .type = CHANNEL_LISTENER,
			.number = (i + 1) << 1 | i,
			.fd = rig_listen(&ports[i]) };

		rig_send(&message);
		close(message.fd);
	}
}

void
rig_start(const char *options)
{
	rig_start_with_descriptors(options, 0);
}

uint16_t
rig_port(bool direct_tls)
{
	return ports[direct_tls];
}

/* --- the master's part --- */

void
rig_send(const struct channel_message *message)
{
	ck_assert_int_eq(channel_send(channel, message), 0);
	ck_assert_int_eq(channel_flush(channel), 0);
}

void
rig_receive(enum channel_type type)
{
	struct channel_message message;
	struct pollfd end = { .fd = channel_fd(channel), .events = POLLIN };
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	struct rig_frame frame;
	int got;

	while ((got = channel_receive(channel, &message)) == 0) {
		ck_assert_msg(rig_now_ms() < until, "nothing said");
		while (taking && rig_has_frame()) {
			rig_take_any(&frame);
			if (frame.kind == FRAME_LEAVE)
				rig_give(&frame, FRAME_LEFT, "");
		}
		(void)poll(&end, 1, TURN_MS);
	}
	ck_assert_msg(got == 1, "the worker is gone");
	ck_assert_int_eq(message.type, type);
}

static void
await_exit(void)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_msg(rig_now_ms() < until, "the worker does not end");
		(void)poll(NULL, 0, TURN_MS);
	}
	pid = 0;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the worker ended with status %#x", (unsigned)status);
}

void
rig_await_stopped(void)
{
	rig_receive(CHANNEL_STOPPED);
	await_exit();
}

void
rig_stop(void)
{
	struct channel_message stop = { .type = CHANNEL_STOP, .fd = -1 };

	rig_send(&stop);
	rig_await_stopped();
}

void
rig_desert(void)
{
	channel_free(&channel);
	await_exit();
}

void
rig_end(void)
{
	/* What it owes then has to find room. */
	taking = true;
	if (pid > 0)
		rig_stop();
	taking = false;
	if (channel)
		channel_free(&channel);
	directory_free(&directory);
	region_free(&heritage.region);
	config_free(&config);
	buf_destroy(&taken);
	close(heritage.snapshot_fd);
	close(worker_doorbell);
	close(heritage.worker_doorbells[1]);
	close(upstream_doorbell);
}

/* --- upstream's part --- */

void
rig_publish(void)
{
	rig_server.version++;
	server_state_publish(heritage.region, &rig_server);
	wake_worker();
}

static bool
next_frame(struct frame *frame, unsigned *lane_out)
{
	uint64_t cursor;
	unsigned lane;
	int got;

	for (lane = 0; lane < LANE_COUNT; lane++) {
		cursor = ring_sent(&up[lane]);
		got = ring_next(&up[lane], &cursor, frame);
		ck_assert_int_ge(got, 0);
		*lane_out = lane;
		if (got)
			return true;
	}
	return false;
}

bool
rig_has_frame(void)
{
	struct frame frame;
	unsigned lane;

	return next_frame(&frame, &lane);
}

static void
keep_frame(const struct frame *frame, struct rig_frame *out)
{
	char streamid[STREAMID_MAX + 1];
	uint8_t lane;

	directory_streamid(directory, frame->slot, streamid);
	buf_reset(&taken);
	rig_wire(&taken, config, frame, streamid, rig_server.facts);
	buf_append_char(&taken, '\0');
	*out = (struct rig_frame){ .kind = frame->kind,
		.slot = frame->slot,
		.generation = frame->generation,
		.len = buf_len(&taken) - 1,
		.text = (const char *)buf_bytes(&taken) };
	ck_assert_int_eq(directory_check(directory, frame->slot,
			     frame->generation, &out->nonce32, &lane),
	    0);
	ck_assert_msg(frame_verify(frame, out->nonce32),
	    "the frame should carry the session's seal");
}

void
rig_take_any(struct rig_frame *frame_out)
{
	struct worker_control *control =
	    region_worker_control(heritage.region, 0);
	struct pollfd doorbell = { .fd = upstream_doorbell, .events = POLLIN };
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	struct frame frame;
	uint64_t rings;
	unsigned lane;

	while (!next_frame(&frame, &lane)) {
		ck_assert_msg(rig_now_ms() < until, "no frame comes");
		(void)poll(&doorbell, 1, TURN_MS);
		(void)!read(upstream_doorbell, &rings, sizeof(rings));
	}
	keep_frame(&frame, frame_out);
	ring_set_sent(&up[lane], frame.next);
	ring_release(&up[lane], frame.next);
	if (atomic_load(&control->wants_room))
		wake_worker();
	if (frame.kind == FRAME_CREATE)
		directory_set_flags(directory, frame_out->slot, ROUTE_CREATED);
	if (frame.kind == FRAME_CLOSE || frame.kind == FRAME_RELEASE)
		directory_end(directory, frame_out->slot,
		    frame_out->generation);
}

void
rig_give_parsed(const struct rig_frame *to, enum frame_kind kind,
    const struct frame_fields *fields, const void *bytes, size_t len)
{
	struct frame_id id = { .kind = (uint8_t)kind,
		.slot = to->slot,
		.generation = to->generation,
		.nonce32 = to->nonce32 };

	int error = ring_push_chain(&down, &id, fields, bytes, len, PIECE);

	/* Until the worker has made room; ctest bounds the test. */
	while (error == -ENOSPC) {
		wake_worker();
		(void)poll(NULL, 0, 1);
		error = ring_push_chain(&down, &id, fields, bytes, len, PIECE);
	}
	ck_assert_int_eq(error, 0);
	wake_worker();
}

void
rig_give_bytes(const struct rig_frame *to, enum frame_kind kind,
    const void *bytes, size_t len)
{
	struct frame_fields fields;
	bool has_fields = parsed_fill((uint8_t)kind, bytes, len, &fields);

	rig_give_parsed(to, kind, has_fields ? &fields : NULL, bytes, len);
}

void
rig_give(const struct rig_frame *to, enum frame_kind kind, const char *text)
{
	rig_give_bytes(to, kind, text, strlen(text));
}

struct session_info *
rig_info(const struct rig_frame *of)
{
	return directory_info(directory, of->slot);
}

uint64_t
rig_occupied_bytes(void)
{
	return region_occupied_bytes(heritage.region);
}

void
rig_turn(void)
{
	rig_wait_ms(1);
}

void
rig_wait_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

void
rig_freeze(void)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert_msg(WIFSTOPPED(status),
	    "the child should be stopped, status %d", status);
}

void
rig_thaw(void)
{
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
}

void
rig_stand_still(int ms)
{
	rig_freeze();
	rig_wait_ms(ms);
	rig_thaw();
}

void
rig_await_taken(void)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	while (ring_tail(&down) != ring_head(&down)) {
		ck_assert_msg(rig_now_ms() < until, "it is not taken");
		rig_turn();
	}
}

uint64_t
rig_count(enum statistic stat)
{
	return stats_read(heritage.region, 0, stat);
}

void
rig_await_count(enum statistic stat, uint64_t value)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	while (rig_count(stat) < value) {
		ck_assert_msg(rig_now_ms() < until, "%s stays at %llu",
		    stats_name(stat), (unsigned long long)rig_count(stat));
		(void)poll(NULL, 0, 1);
	}
}

void
rig_await_full(void)
{
	struct worker_control *control =
	    region_worker_control(heritage.region, 0);
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	while (!atomic_load(&control->wants_room)) {
		ck_assert_msg(rig_now_ms() < until, "no ring is full");
		(void)poll(NULL, 0, 1);
	}
}
