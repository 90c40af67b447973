/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the master has no time for now is begun again later: who ends many
 * sessions ends them all, and who cannot wait is told.
 */
#include "common/net/fd.h"
#include "common/shm/directory.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"
#include "worker/control/act_client.h"
#include "worker/control/commands.h"
#include "worker/supervised.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS 200u
#define PENDING  512u /* acts that may be on their way */
#define FLOOD    4000u

static struct region *region;
static struct directory *directory;
static struct supervised supervised;
static struct channel *master; /* its end */
static struct act_client client;
static struct commands_view view;
static struct request request;
static unsigned refuse_each;      /* acts; 0: none is refused */
static unsigned asked;            /* acts so far */
static unsigned killed[SESSIONS]; /* times that the master agreed */

static void
fill(void *bytes, size_t len)
{
	memset(bytes, 'a', len);
}

static void
claim_all(void)
{
	uint32_t i, slot;
	char jid[32];

	master_state_use_partition(region, 0, true);
	for (i = 0; i < SESSIONS; i++) {
		ck_assert_int_eq(directory_claim(directory, 0, &slot), 0);
		ck_assert_uint_lt(slot, SESSIONS);
		snprintf(jid, sizeof(jid), "alice@xmpp.example/%u", i);
		ck_assert_int_eq(directory_set_jid(directory, slot, jid,
				     strlen(jid)),
		    0);
	}
}

static void
setup(void)
{
	int ends[2];

	region = small_region(256, 65536);
	directory = directory_new(region, NULL, "cm", fill);
	claim_all();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	supervised.channel = channel_new(ends[0]);
	supervised.loop = ev_loop_new(EVFLAG_NOENV);
	ev_init(&supervised.write_io, NULL);
	ev_io_set(&supervised.write_io, ends[0], EV_WRITE);
	master = channel_new(ends[1]);
	act_client_init(&client, &supervised);
	view = (struct commands_view){
		.region = region, .directory = directory, .acts = &client
	};
	request = (struct request){ .view = &view,
		.asker = open("/dev/null", O_RDONLY) };
	asked = refuse_each = 0;
	memset(killed, 0, sizeof(killed));
}

static void
teardown(void)
{
	request_end(&request);
	close(request.asker);
	channel_free(&master);
	ev_io_stop(supervised.loop, &supervised.write_io);
	ev_loop_destroy(supervised.loop);
	channel_free(&supervised.channel);
	directory_free(&directory);
	region_free(&region);
}

static void
begin(const char *line)
{
	ck_assert_int_eq(control_line_parse(line, strlen(line), &request.line),
	    0);
	commands_begin(&request, RIGHT_ACT);
}

/* The master answers one act; true when it had no time for it. */
static bool
answer(const struct channel_message *message)
{
	struct channel_message done = {
		.type = CHANNEL_ACT_DONE, .ticket = message->ticket, .fd = -1
	};
	bool refused = refuse_each && asked++ % refuse_each == 0;

	if (refused)
		done.number = EAGAIN;
	else if (message->type == CHANNEL_ACT_KILL)
		killed[message->slot]++;
	act_client_take(&client, &done);
	return refused;
}

/* All that have come; how many were refused. */
static unsigned
answer_all(void)
{
	struct channel_message message;
	unsigned refused = 0;

	while (channel_receive(master, &message) == 1) {
		fd_close(&message.fd);
		refused += answer(&message);
		ck_assert_int_eq(channel_flush(supervised.channel), 0);
	}
	return refused;
}

static void
expect_waits_its_turn(void)
{
	ck_assert_msg(request.waits, "the request should wait for its turn");
	ck_assert_msg(!request.awaits_act,
	    "no act of the request should be on its way");
}

/* Steps until it is complete; after a refusal it first waits for its turn. */
static void
complete(void)
{
	unsigned refused = 0;

	while (!request_step(&request)) {
		if (refused > 0)
			expect_waits_its_turn();
		refused = answer_all();
	}
}

static void
expect_all_killed_once(void)
{
	int count = 0;
	unsigned i;

	ck_assert_ptr_null(request.error);
	ck_assert_int_eq(json_unpack(request.answer, "{s:i}", "notified",
			     &count),
	    0);
	ck_assert_int_eq(count, SESSIONS);
	for (i = 0; i < SESSIONS; i++)
		ck_assert_uint_eq(killed[i], 1);
}

START_TEST(all_are_ended_though_their_worker_is_busy_now_and_then)
{
	refuse_each = 3;
	begin("kill jid alice@xmpp.example");
	complete();
	ck_assert_uint_gt(asked, SESSIONS);
	expect_all_killed_once();
}
END_TEST

START_TEST(one_session_is_not_called_unknown_when_its_worker_is_busy)
{
	char id[STREAMID_MAX + 1], line[STREAMID_MAX + 32];

	directory_streamid(directory, 5, id);
	snprintf(line, sizeof(line), "kill session %s", id);
	refuse_each = 2; /* the first */
	begin(line);
	complete();
	ck_assert_ptr_null(request.error);
	ck_assert_uint_eq(killed[5], 1);
}
END_TEST

/* Others have as many acts on their way as there may be. */
START_TEST(all_are_ended_though_many_acts_are_on_their_way)
{
	static struct act others[PENDING];
	unsigned i;

	for (i = 0; i < PENDING; i++) {
		others[i] = (struct act){ .operation = OPERATION_LOG_LEVEL,
			.asker = request.asker };
		act_client_begin(&client, &others[i]);
		ck_assert_msg(!others[i].done, "act %u should be on its way",
		    i);
	}
	begin("kill jid alice@xmpp.example");
	ck_assert_msg(!request_step(&request),
	    "the request should wait for acts of others");
	ck_assert_msg(!request_step(&request),
	    "the request should go on waiting for acts of others");
	expect_waits_its_turn();
	(void)answer_all();
	complete();
	expect_all_killed_once();
}
END_TEST

START_TEST(an_act_that_cannot_be_sent_is_answered)
{
	struct act act;
	unsigned i, refused = 0;

	for (i = 0; i < FLOOD; i++) {
		act = (struct act){ .operation = OPERATION_LOG_LEVEL,
			.asker = request.asker };
		act_client_begin(&client, &act);
		if (!act.done) {
			act_client_forget(&client, &act);
			continue;
		}
		ck_assert_int_eq(act.error, -EAGAIN);
		refused++;
	}
	ck_assert_uint_gt(refused, 0);
	(void)answer_all();
	begin("kill jid alice@xmpp.example");
	complete();
	expect_all_killed_once();
}
END_TEST

/* One that has to wait needs one for as long. */
START_TEST(an_act_without_a_descriptor_is_answered)
{
	struct act act;
	struct rlimit before, none;

	do {
		act = (struct act){ .operation = OPERATION_LOG_LEVEL,
			.asker = request.asker };
		act_client_begin(&client, &act);
		ck_assert_msg(!act.done,
		    "an act should wait for the master's answer");
		act_client_forget(&client, &act);
	} while (!channel_wants_write(supervised.channel));
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	act_client_begin(&client, &act);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_msg(act.done,
	    "an act that cannot be sent should be done at once");
	ck_assert_int_eq(act.error, -EAGAIN);
	ck_assert_uint_eq(client.count, 0);
}
END_TEST

START_TEST(who_leaves_while_a_worker_is_busy_leaves_nothing)
{
	refuse_each = 1;
	begin("kill jid alice@xmpp.example");
	do
		ck_assert_msg(!request_step(&request),
		    "the request should not be complete before its acts are "
		    "answered");
	while (answer_all() == 0);
	ck_assert_msg(!request_step(&request),
	    "a request that was refused should not be complete");
	ck_assert_msg(request.waits,
	    "a request that was refused should wait for its turn");
	request_end(&request);
	ck_assert_uint_eq(client.count, 0);
}
END_TEST

START_TEST(who_traces_is_told_to_try_again)
{
	char id[STREAMID_MAX + 1], line[STREAMID_MAX + 32];

	directory_streamid(directory, 5, id);
	snprintf(line, sizeof(line), "trace session %s", id);
	refuse_each = 1;
	begin(line);
	complete();
	ck_assert_str_eq(request.error, "the worker is busy; try again");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kill");
	TCase *tests = tcase_create("kill");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    all_are_ended_though_their_worker_is_busy_now_and_then);
	tcase_add_test(tests,
	    one_session_is_not_called_unknown_when_its_worker_is_busy);
	tcase_add_test(tests, all_are_ended_though_many_acts_are_on_their_way);
	tcase_add_test(tests, an_act_that_cannot_be_sent_is_answered);
	tcase_add_test(tests, an_act_without_a_descriptor_is_answered);
	tcase_add_test(tests, who_leaves_while_a_worker_is_busy_leaves_nothing);
	tcase_add_test(tests, who_traces_is_told_to_try_again);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
