/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master's whole life with children that behave as a test says. A conductor
 * process reads what they tell and sends signals when the moment has come.
 */
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "master/supervisor.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/fake_child.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_MAX 256u

static const char text[] =
    "<jive><xmpp><domain>example.org</domain><password>x</password>"
    "<socket><network><interface>127.0.0.1</interface></network></socket>"
    "</xmpp><workers><count>2</count><max>2</max></workers>"
    "<sessions><max>16</max></sessions>"
    "<state><directory>none</directory></state></jive>";

/* What the conductor has read, for the test to see afterwards. */
struct protocol {
	unsigned count;
	struct fake_event events[EVENTS_MAX];
};

static struct supervisor_setup entries = {
	.mains = { .worker = fake_child_main, .upstream = fake_child_main },
};

static struct config *config;
static struct protocol *protocol;

static void
setup(void)
{
	FILE *messages = fopen("/dev/null", "w");

	ck_assert_int_eq(config_parse("manager.xml", text, strlen(text),
			     messages, &config),
	    0);
	(void)fclose(messages);
	config->client.plain_port = 0; /* any */
	fake_ways = (struct fake_ways){ .frees_partitions = true };
	ck_assert_int_eq(pipe2(fake_events, O_CLOEXEC), 0);
	protocol = mmap(NULL, sizeof(*protocol), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(protocol, MAP_FAILED);
}

static void
teardown(void)
{
	config_free(&config);
	munmap(protocol, sizeof(*protocol));
}

/* Events of this deed; of FAKE_RECEIVED only of stops. */
static unsigned
count_of(enum child_role role, enum fake_deed deed)
{
	unsigned i, count = 0;

	for (i = 0; i < protocol->count; i++) {
		const struct fake_event *event = &protocol->events[i];

		count += event->role == role && event->deed == deed &&
			 (deed != FAKE_RECEIVED ||
			     event->message.type == CHANNEL_STOP);
	}
	return count;
}

/* Place of the first such event, or of none. */
static unsigned
place_of(enum child_role role, enum fake_deed deed)
{
	unsigned count = protocol->count, place;

	for (place = 0; place < count; place++) {
		protocol->count = place + 1;
		if (count_of(role, deed) > 0)
			break;
	}
	protocol->count = count;
	return place;
}

/* When to signal the master; each cue once. */
struct cue {
	enum child_role role;
	enum fake_deed deed;
	unsigned count;
	double after_s;
	bool twice; /* another signal at once */
};

static void
send_cue(pid_t master, const struct cue *cue)
{
	usleep((useconds_t)(cue->after_s * 1e6));
	kill(master, SIGTERM);
	if (cue->twice)
		kill(master, SIGINT);
}

NORETURN static void
conduct(pid_t master, const struct cue *cues, unsigned cue_count)
{
	struct fake_event event;
	unsigned next = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(fake_events[1]);
	while (read(fake_events[0], &event, sizeof(event)) == sizeof(event)) {
		if (protocol->count < EVENTS_MAX)
			protocol->events[protocol->count++] = event;
		if (next < cue_count &&
		    count_of(cues[next].role, cues[next].deed) ==
			cues[next].count)
			send_cue(master, &cues[next++]);
	}
	_exit(0);
}

/* The master's exit code when it gets signals at these cues. */
static int
live(const struct cue *cues, unsigned cue_count)
{
	pid_t master = getpid(), conductor = fork();
	int code;

	ck_assert_int_ge(conductor, 0);
	if (conductor == 0)
		conduct(master, cues, cue_count);
	close(fake_events[0]);
	code = supervisor_run(config, &entries);
	close(fake_events[1]);
	ck_assert_int_eq(waitpid(conductor, NULL, 0), conductor);
	return code;
}

static const struct cue all_ready[] = { { CHILD_UPSTREAM, FAKE_READY, 1, 0,
    false } };

START_TEST(a_stop_ends_the_workers_then_upstream)
{
	unsigned i, last_worker = 0;

	ck_assert_int_eq(live((struct cue[]){ { CHILD_CLIENT, FAKE_READY, 2, 0,
				  false } },
			     1),
	    0);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_ENDS), 2);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
	for (i = 0; i < protocol->count; i++)
		if (protocol->events[i].role == CHILD_CLIENT)
			last_worker = i;
	ck_assert_uint_gt(place_of(CHILD_UPSTREAM, FAKE_RECEIVED), last_worker);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_BORN), 2);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_BORN), 1);
}
END_TEST

START_TEST(a_worker_that_does_not_stop_costs_its_time_and_the_exit_code)
{
	double begin = steady_clock_s();

	fake_ways.worker = FAKE_DEAF;
	config->server.stop_timeout_s = 2; /* enough for upstream */
	ck_assert_int_eq(live(all_ready, 1), 1);
	ck_assert_double_lt(steady_clock_s() - begin, 30);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_BORN), 2);
}
END_TEST

START_TEST(each_further_signal_ends_a_stage_at_once)
{
	static const struct cue cues[] = {
		{ CHILD_CLIENT, FAKE_READY, 2, 0, false },
		{ CHILD_CLIENT, FAKE_RECEIVED, 2, 0.6, false },
		{ CHILD_UPSTREAM, FAKE_RECEIVED, 1, 0.6, false },
	};

	fake_ways.worker = fake_ways.upstream = FAKE_DEAF;
	config->server.stop_timeout_s = 600;
	ck_assert_int_eq(live(cues, ARRAY_LEN(cues)), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_ENDS), 0);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 0);
}
END_TEST

START_TEST(two_signals_in_one_go_are_one)
{
	ck_assert_int_eq(live((struct cue[]){ { CHILD_CLIENT, FAKE_READY, 2, 0,
				  true } },
			     1),
	    0);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_ENDS), 2);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
}
END_TEST

START_TEST(children_that_wait_out_a_back_off_do_not_hold_up_a_stop)
{
	fake_ways.worker = FAKE_DIE_EARLY;
	config->server.stop_timeout_s = 600;
	ck_assert_int_eq(live(all_ready, 1), 0);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
}
END_TEST

START_TEST(one_that_never_gets_ready_is_replaced_after_its_time)
{
	static const struct cue born_again[] = {
		{ CHILD_CLIENT, FAKE_BORN, 3, 0, false },
	};

	fake_ways.worker = FAKE_HANG;
	config->ready_timeout_s = 0.2;
	config->server.stop_timeout_s = 0.2;
	ck_assert_int_eq(live(born_again, 1), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_READY), 0);
}
END_TEST

/* As on a machine that was suspended: what came in time counts. */
START_TEST(a_ready_that_came_while_the_master_stood_still_counts)
{
	static const struct cue ready[] = { { CHILD_CLIENT, FAKE_READY, 1, 0,
	    false } };

	fake_ways.worker = FAKE_STALL;
	fake_ways.stall_s = 2.2;
	config->worker_count = 1;
	config->ready_timeout_s = 2;
	ck_assert_int_eq(live(ready, 1), 0);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_BORN), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_ENDS), 1);
}
END_TEST

START_TEST(in_the_background_it_ends_when_it_is_not_ready_in_time)
{
	fake_ways.worker = FAKE_HANG;
	config->ready_timeout_s = 2; /* enough for upstream */
	config->server.stop_timeout_s = 2;
	entries.background = true;
	ck_assert_int_eq(live(NULL, 0), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_READY), 0);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
}
END_TEST

START_TEST(children_that_cannot_work_as_configured_end_it)
{
	fake_ways.worker = FAKE_MISFIT;
	ck_assert_int_eq(live(NULL, 0), 1);
	ck_assert_uint_eq(count_of(CHILD_CLIENT, FAKE_BORN), 2);
	ck_assert_uint_eq(count_of(CHILD_UPSTREAM, FAKE_ENDS), 1);
}
END_TEST

START_TEST(what_cannot_be_opened_ends_it_before_any_child_is_born)
{
	free(config->client.interface);
	config->client.interface = strdup("192.0.2.1");
	ck_assert_int_eq(live(NULL, 0), 1);
	ck_assert_uint_eq(protocol->count, 0);
}
END_TEST

START_TEST(a_state_directory_that_cannot_be_ends_it_before_any_child_is_born)
{
	free(config->state_directory);
	config->state_directory = strdup("/proc/nowhere");
	ck_assert_int_eq(live(NULL, 0), 1);
	ck_assert_uint_eq(protocol->count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("supervisor");
	TCase *tests = tcase_create("supervisor");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_stop_ends_the_workers_then_upstream);
	tcase_add_test(tests,
	    a_worker_that_does_not_stop_costs_its_time_and_the_exit_code);
	tcase_add_test(tests, each_further_signal_ends_a_stage_at_once);
	tcase_add_test(tests, two_signals_in_one_go_are_one);
	tcase_add_test(tests,
	    children_that_wait_out_a_back_off_do_not_hold_up_a_stop);
	tcase_add_test(tests,
	    one_that_never_gets_ready_is_replaced_after_its_time);
	tcase_add_test(tests,
	    a_ready_that_came_while_the_master_stood_still_counts);
	tcase_add_test(tests,
	    in_the_background_it_ends_when_it_is_not_ready_in_time);
	tcase_add_test(tests, children_that_cannot_work_as_configured_end_it);
	tcase_add_test(tests,
	    what_cannot_be_opened_ends_it_before_any_child_is_born);
	tcase_add_test(tests,
	    a_state_directory_that_cannot_be_ends_it_before_any_child_is_born);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
