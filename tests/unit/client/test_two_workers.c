/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two workers in one process, each with a partition, a channel and a loop of
 * its own: what one has, does and ends is nothing to the other. Their loops
 * turn by turns, and the test plays master, upstream and clients between.
 */
#include "tests/unit/client/rig.h"

#include "common/net/digest.h"
#include "common/process/channel.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "worker/client/client_worker.h"
#include "worker/client/login_requests.h"

#include <arpa/inet.h>
#include <check.h>
#include <ev.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS     2
#define ANSWER_ROOM 8192

#define HEADER \
	"<stream:stream to='example.org' version='1.0' " \
	"xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define QUERY(id) \
	"<iq type='get' id='" id "'><query xmlns='jabber:iq:auth'/></iq>"

#define SASL "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define ABORTED(login) \
	"<auth " SASL " mechanism='PLAIN'>" login "</auth><abort " SASL "/>"
#define ALICE "AGFsaWNlAHB3" /* "\0alice\0pw" */
#define EVE   "AGV2ZQBwdw==" /* "\0eve\0pw" */

static struct seat {
	struct heritage heritage;
	struct channel *channel; /* the master's end */
	struct client_worker *worker;
	struct ev_loop *loop;
	struct ring up[LANE_COUNT];
	uint16_t port;
	int client_fd;
	size_t answer_len;
	char answer[ANSWER_ROOM];
} seats[WORKERS];

static struct region *region;
static int doorbells[WORKERS], upstream_doorbell;

/* --- what they inherit --- */

static void
make_region(void)
{
	struct config *config = rig_config("");
	struct region_geometry geometry;
	struct server_state state = {
		.phase = SERVER_SERVING, .version = 1, .domain_count = 1
	};

	config_region_geometry(config, &geometry);
	config_free(&config);
	ck_assert_uint_ge(geometry.partition_count, WORKERS);
	ck_assert_int_eq(region_create(&geometry, &region), 0);
	strcpy(state.offers[0].mechanisms, "PLAIN");
	server_state_publish(region, &state);
	upstream_doorbell = eventfd(0, EFD_NONBLOCK);
}

static void
give_listener(struct seat *seat)
{
	struct channel_message message = { .type = CHANNEL_LISTENER,
		.number = 1 << 1,
		.fd = rig_listen(&seat->port) };

	ck_assert_int_eq(channel_send(seat->channel, &message), 0);
	ck_assert_int_eq(channel_flush(seat->channel), 0);
	close(message.fd);
}

static void
make_seat(struct seat *seat, uint32_t partition)
{
	int ends[2];
	unsigned lane;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	doorbells[partition] = eventfd(0, EFD_NONBLOCK);
	seat->heritage = (struct heritage){ .role = CHILD_CLIENT,
		.partition = partition,
		.incarnation = partition + 1,
		.region = region,
		.config = rig_config(""),
		.channel_fd = ends[1],
		.upstream_doorbell = upstream_doorbell,
		.worker_doorbells = doorbells,
		.partition_count = WORKERS };
	seat->channel = channel_new(ends[0]);
	for (lane = 0; lane < LANE_COUNT; lane++)
		region_up_ring(region, partition, lane, &seat->up[lane]);
	seat->loop = ev_loop_new(EVFLAG_NOENV);
	seat->worker = client_worker_new(&seat->heritage, seat->loop);
	seat->client_fd = -1;
	give_listener(seat);
}

static void
set_up(void)
{
	uint32_t i;

	log_lines_begin(LOG_INFO);
	rig_without_certificate = true;
	make_region();
	for (i = 0; i < WORKERS; i++)
		make_seat(&seats[i], i);
}

static void
end_worker(struct seat *seat)
{
	if (seat->worker)
		client_worker_free(&seat->worker);
}

static void
tear_down(void)
{
	struct seat *seat;

	for (seat = seats; seat < seats + WORKERS; seat++) {
		end_worker(seat);
		channel_free(&seat->channel);
		config_free(&seat->heritage.config);
		close(seat->client_fd);
		close(doorbells[seat - seats]);
	}
	close(upstream_doorbell);
	region_free(&region);
	log_lines_end();
}

/* --- what happens --- */

static void
read_answer(struct seat *seat)
{
	size_t room = sizeof(seat->answer) - 1 - seat->answer_len;
	ssize_t len;

	if (seat->client_fd < 0)
		return;
	len = recv(seat->client_fd, seat->answer + seat->answer_len, room,
	    MSG_DONTWAIT);
	if (len > 0)
		seat->answer_len += (size_t)len;
	seat->answer[seat->answer_len] = '\0';
}

/* Each worker has a turn of its loop, each client reads. */
static void
turn(void)
{
	struct seat *seat;

	for (seat = seats; seat < seats + WORKERS; seat++) {
		if (seat->worker)
			ev_run(seat->loop, EVRUN_NOWAIT);
		read_answer(seat);
	}
	(void)poll(NULL, 0, 1);
}

static unsigned
times_in(const char *text, const char *part)
{
	unsigned times = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		times++;
	return times;
}

static void
await_answers(struct seat *seat, const char *text, unsigned times)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	while (times_in(seat->answer, text) < times) {
		ck_assert_msg(rig_now_ms() < until,
		    "the client of worker %td is to get %s %u times and has %s",
		    seat - seats, text, times, seat->answer);
		turn();
	}
}

static void
await_answer(struct seat *seat, const char *text)
{
	await_answers(seat, text, 1);
}

static void
connect_client(struct seat *seat)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(seat->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	seat->client_fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(seat->client_fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
}

static void
seat_send(const struct seat *seat, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(send(seat->client_fd, text, strlen(text), 0), len);
}

static bool
take_frame(struct seat *seat, struct frame *frame_out)
{
	uint64_t cursor;
	unsigned lane;

	for (lane = 0; lane < LANE_COUNT; lane++) {
		cursor = ring_sent(&seat->up[lane]);
		if (ring_next(&seat->up[lane], &cursor, frame_out) != 1)
			continue;
		ring_set_sent(&seat->up[lane], frame_out->next);
		return true;
	}
	return false;
}

/* The next frames of this worker are of its own partition, up to one that has
 * this text. */
static void
await_frame(struct seat *seat, const char *text)
{
	uint32_t slots = region_geometry(region)->slots_per_partition;
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	struct frame frame = { .len = 0 };

	do {
		while (!take_frame(seat, &frame)) {
			ck_assert_msg(rig_now_ms() < until,
			    "worker %td is to send up %s", seat - seats, text);
			turn();
		}
		ck_assert_uint_eq(frame.slot / slots, seat->heritage.partition);
	} while (!memmem(frame.bytes, frame.len, text, strlen(text)));
}

static void
begin_stream(struct seat *seat)
{
	connect_client(seat);
	seat_send(seat, HEADER);
	await_answer(seat, "</stream:features>");
}

static void
leave(struct seat *seat)
{
	close(seat->client_fd);
	seat->client_fd = -1;
	seat->answer_len = 0;
	seat->answer[0] = '\0';
}

/* A client begins so many log-ins by PLAIN and gives each up at once. */
static void
give_up_logins(struct seat *seat, const char *login, unsigned count)
{
	struct frame frame;
	unsigned i;

	begin_stream(seat);
	for (i = 0; i < count; i++)
		seat_send(seat, login);
	await_answers(seat, "</failure>", count);
	while (take_frame(seat, &frame))
		;
	leave(seat);
}

static void
stop(struct seat *seat)
{
	struct channel_message message = { .type = CHANNEL_STOP, .fd = -1 };

	ck_assert_int_eq(channel_send(seat->channel, &message), 0);
	ck_assert_int_eq(channel_flush(seat->channel), 0);
}

/* --- the tests --- */

START_TEST(each_sends_up_what_its_own_clients_say)
{
	struct frame frame;

	begin_stream(&seats[0]);
	begin_stream(&seats[1]);
	seat_send(&seats[0], QUERY("first"));
	await_frame(&seats[0], "id=\"first\"");
	ck_assert_msg(!take_frame(&seats[1], &frame),
	    "the second worker has sent up something of its sister's client");
	seat_send(&seats[1], QUERY("second"));
	await_frame(&seats[1], "id=\"second\"");
	ck_assert_msg(!take_frame(&seats[0], &frame),
	    "the first worker has sent up something of its sister's client");
}
END_TEST

/* Half a stanza of each waits in its own worker. */
START_TEST(what_is_incomplete_in_one_is_not_completed_by_the_other)
{
	begin_stream(&seats[0]);
	begin_stream(&seats[1]);
	seat_send(&seats[0], "<iq type='get' id='fir");
	seat_send(&seats[1], "<iq type='get' id='sec");
	turn();
	turn();
	seat_send(&seats[0], "st'><query xmlns='jabber:iq:auth'/></iq>");
	seat_send(&seats[1], "ond'><query xmlns='jabber:iq:auth'/></iq>");
	await_frame(&seats[0], "id=\"first\"");
	await_frame(&seats[1], "id=\"second\"");
}
END_TEST

START_TEST(one_stops_and_the_other_goes_on)
{
	begin_stream(&seats[0]);
	begin_stream(&seats[1]);
	stop(&seats[0]);
	await_answer(&seats[0], "</stream:stream>");
	end_worker(&seats[0]);
	seat_send(&seats[1], QUERY("later"));
	await_frame(&seats[1], "id=\"later\"");
	ck_assert_msg(!strstr(seats[1].answer, "</stream:stream>"),
	    "the stream of the other worker has ended, too: %s",
	    seats[1].answer);
}
END_TEST

/* So many lines a second have the log-ins that were given up. */
START_TEST(what_one_logs_does_not_count_against_the_limit_of_the_other)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	unsigned given_up = 0;

	do {
		ck_assert_msg(rig_now_ms() < until,
		    "%u log-ins were given up, too slowly for a limit",
		    given_up);
		give_up_logins(&seats[0], ABORTED(ALICE), LOGIN_STEPS_MAX);
		given_up += LOGIN_STEPS_MAX;
	} while (log_lines_with("log-in aborted ") == given_up);
	give_up_logins(&seats[1], ABORTED(EVE), 1);
	ck_assert_msg(log_lines_with("user=\"eve\"") == 1,
	    "what the second worker logs is left out for the lines of the "
	    "first");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("two_workers");
	TCase *tcase = tcase_create("two_workers");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, each_sends_up_what_its_own_clients_say);
	tcase_add_test(tcase,
	    what_is_incomplete_in_one_is_not_completed_by_the_other);
	tcase_add_test(tcase, one_stops_and_the_other_goes_on);
	tcase_add_test(tcase,
	    what_one_logs_does_not_count_against_the_limit_of_the_other);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
