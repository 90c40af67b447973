/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million sessions are asked for on the control socket, and the master's loop
 * hardly notices: it turns, and serves others, after each small piece of the
 * work, and no turn costs more than a few milliseconds of the processor,
 * whatever the pattern and however many ask. Nor does it matter that others
 * never rest, or that somebody takes nothing of a long answer.
 */
#include "common/base/steady_clock.h"
#include "common/base/unix_address.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"
#include "worker/control/control.h"
#include "worker/control/session_scan.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKERS    8u
#define PARTITIONS (3 * WORKERS + 8)
#define SLOTS      32768u
#define TURN_MS    10.0  /* ten times as much fails */
#define LOOKED     8192u /* slots a turn looks at, at most */
#define TAKEN      512u  /* and those of them that it takes */
#define SHOWN      32u   /* sessions a turn describes, at most */
#define PROBE_S    0.001
#define PATIENCE_S 60.
#define CROWD      6u

static struct config config = { .worker_count = 1, .worker_max = 8 };
static const struct access owner_only = { .act = NO_GROUP, .look = NO_GROUP };
static struct commands_view view;
static struct ev_loop *loop;
static struct control *control;
static int listen_fd;
static char folder[] = "/tmp/cm-million-XXXXXX";
static char path[64];

/* --- a million sessions --- */

static void
fill(void *bytes, size_t len)
{
	memset(bytes, 'a', len);
}

/* As the worker of this index does it. */
static void
fill_partition(uint32_t partition)
{
	struct directory *directory =
	    directory_new(view.region, NULL, "cm", fill);
	struct session_info *body;
	uint32_t i, slot;
	char jid[64];

	master_state_use_partition(view.region, partition, true);
	for (i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(directory_claim(directory, partition, &slot),
		    0);
		snprintf(jid, sizeof(jid), "user%u@xmpp.example/r",
		    partition * SLOTS + i);
		ck_assert_int_eq(directory_set_jid(directory, slot, jid,
				     strlen(jid)),
		    0);
		body = directory_info(directory, slot);
		body->phase = SESSION_BOUND;
		body->bytes_up = partition * SLOTS + i;
	}
	directory_free(&directory);
}

static void
make_sessions(void)
{
	struct config small = small_config(SLOTS, 65536);
	uint32_t partition;

	small.worker_max = WORKERS;
	view.region = region_of(&small);
	ck_assert_uint_eq(region_geometry(view.region)->partition_count,
	    PARTITIONS);
	for (partition = 0; partition < PARTITIONS; partition++)
		fill_partition(partition);
	view.directory = directory_new(view.region, NULL, "cm", fill);
}

static int
listen_at(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, where, strlen(where) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

static void
setup(void)
{
	loop = ev_loop_new(EVFLAG_NOENV);
	view.config = &config;
	make_sessions();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control", folder);
	listen_fd = listen_at(path);
	control = control_new(listen_fd, &owner_only, loop, &view);
}

static void
teardown(void)
{
	control_free(&control);
	close(listen_fd);
	ck_assert_int_eq(unlink(path), 0);
	directory_free(&view.directory);
	region_free(&view.region);
	ev_loop_destroy(loop);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* --- who asks --- */

struct question {
	const char *line;
	unsigned lines;   /* of the answer, first and last among them */
	char first[2048]; /* behind the titles */
	double seconds;
	FILE *file;
	char last[2048]; /* before the end */
	_Atomic bool done;
};

static FILE *
begin_to_ask(const char *line)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *file;

	ck_assert_int_eq(unix_address(path, &address), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	file = fdopen(fd, "r+");
	fputs(line, file);
	fflush(file);
	return file;
}

static void *
hear(void *context)
{
	struct question *question = context;
	char line[sizeof(question->last)] = "";

	do {
		snprintf(question->last, sizeof(question->last), "%s", line);
		ck_assert_ptr_nonnull(fgets(line, sizeof(line),
		    question->file));
		if (++question->lines == 2)
			snprintf(question->first, sizeof(question->first), "%s",
			    line);
	} while (strcmp(line, "{\"ok\":true}\n") != 0);
	(void)fclose(question->file);
	question->done = true;
	return NULL;
}

static void *
ask(void *context)
{
	struct question *question = context;
	double begun = steady_clock_s();

	question->file = begin_to_ask(question->line);
	(void)hear(question);
	question->seconds = steady_clock_s() - begun;
	return NULL;
}

/* --- the probe --- */

struct probe {
	ev_check turn; /* once a turn, before all that it serves */
	ev_timer other;
	unsigned turn_count, other_count;
	double begun_s, longest_s; /* of this thread on a processor */
	double give_up_s;
	const struct question *questions; /* it ends with the last of them */
	unsigned question_count;
};

static double
processor_s(void)
{
	struct timespec spent;

	ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent), 0);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static void
on_turn(struct ev_loop *of, ev_check *check, int events)
{
	struct probe *probe = check->data;
	double now_s = processor_s();
	unsigned done = 0, i;

	(void)events;
	probe->longest_s = MAX(probe->longest_s, now_s - probe->begun_s);
	probe->begun_s = now_s;
	probe->turn_count++;
	for (i = 0; i < probe->question_count; i++)
		done += probe->questions[i].done;
	if (done == probe->question_count)
		ev_break(of, EVBREAK_ALL);
	if (probe->turn_count % 1024 == 0)
		ck_assert_msg(steady_clock_s() < probe->give_up_s,
		    "no answer comes");
}

/* Somebody else, who wants a little of each millisecond. */
static void
on_other(struct ev_loop *of, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;

	(void)of;
	(void)events;
	probe->other_count++;
}

static void
watch(struct probe *probe)
{
	ev_check_init(&probe->turn, on_turn);
	ev_set_priority(&probe->turn, EV_MAXPRI);
	ev_timer_init(&probe->other, on_other, PROBE_S, PROBE_S);
	probe->turn.data = probe->other.data = probe;
	ev_now_update(loop);
	ev_check_start(loop, &probe->turn);
	ev_timer_start(loop, &probe->other);
	probe->begun_s = processor_s();
	probe->give_up_s = steady_clock_s() + PATIENCE_S;
	ev_run(loop, 0);
	ev_timer_stop(loop, &probe->other);
	ev_check_stop(loop, &probe->turn);
}

/* How long it takes is printed; what holds on any machine is that the loop
 * turns at least so often, and what the longest turn costs. */
static void
run(struct question *question, unsigned least_turns)
{
	struct probe probe = { .questions = question, .question_count = 1 };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, question), 0);
	watch(&probe);
	pthread_join(thread, NULL);
	printf("%.*s: %.2f s, %u turns of at least %u, %u of others, %.1f ms"
	       " of the processor in one turn at most, of %.0f\n",
	    (int)strcspn(question->line, "\n"), question->line,
	    question->seconds, probe.turn_count, least_turns, probe.other_count,
	    probe.longest_s * 1000, TURN_MS);
	ck_assert_uint_ge(probe.turn_count, least_turns);
	ck_assert_uint_ge(probe.other_count, 1);
	ck_assert_double_lt(probe.longest_s * 1000, 10 * TURN_MS);
}

static void
count(void *context, const struct session_view *session)
{
	unsigned *taken = context;

	(void)session;
	++*taken;
}

static bool
step(struct session_scan *scan)
{
	uint32_t before = scan->next;
	unsigned taken = 0;
	bool over = session_scan_step(scan, &view, count, &taken);

	ck_assert_uint_gt(scan->next, before);
	ck_assert_uint_le(scan->next - before, LOOKED);
	ck_assert_uint_le(taken, TAKEN);
	return over;
}

START_TEST(a_step_looks_at_few_and_takes_fewer)
{
	struct session_scan all, few;

	session_scan_init(&all);
	session_scan_init(&few);
	ck_assert_int_eq(session_filter_add(&few.filter, "jid=user777777@*"),
	    0);
	while (!step(&all))
		continue;
	while (!step(&few))
		continue;
	ck_assert_uint_eq(all.next, PARTITIONS * SLOTS);
	ck_assert_uint_eq(few.next, PARTITIONS * SLOTS);
}
END_TEST

START_TEST(a_million_are_sorted_while_the_loop_goes_on)
{
	struct question question = {
		.line = "show sessions sort=bytes_up limit=100\n"
	};

	run(&question, PARTITIONS * SLOTS / TAKEN);
	ck_assert_uint_eq(question.lines, 102);
	ck_assert_ptr_nonnull(strstr(question.first, "user1048575@"));
}
END_TEST

START_TEST(one_in_a_million_is_found_by_a_pattern)
{
	struct question question = { .line =
					 "show sessions jid=user77777?@*\n" };

	run(&question, PARTITIONS * SLOTS / LOOKED);
	ck_assert_uint_eq(question.lines, 12);
}
END_TEST

START_TEST(ten_thousand_are_shown)
{
	struct question question = {
		.line = "show sessions limit=10000 worker=31\n"
	};

	run(&question, SLOTS / TAKEN + 10000 / SHOWN);
	ck_assert_uint_eq(question.lines, 10002);
}
END_TEST

/* --- who makes it hard --- */

static void
note_call(struct ev_loop *of, ev_io *io, int events)
{
	unsigned *calls = io->data;

	(void)of;
	(void)events;
	++*calls;
}

/* As a crowd of HTTP does that asks for metrics without pause. */
START_TEST(who_asks_is_answered_though_others_never_rest)
{
	struct question question = { .line = "show sessions worker=31\n" };
	int fd = eventfd(1, 0);
	unsigned calls = 0;
	ev_io restless;

	ev_io_init(&restless, note_call, fd, EV_READ);
	restless.data = &calls;
	ev_io_start(loop, &restless);
	run(&question, PARTITIONS * SLOTS / LOOKED);
	ev_io_stop(loop, &restless);
	close(fd);
	ck_assert_uint_eq(question.lines, 102);
	ck_assert_uint_ge(calls, PARTITIONS * SLOTS / LOOKED);
}
END_TEST

/* Nothing fits it, which is seen late: each byte is looked for in all of a
 * long class. */
static void
write_slow_question(char line_out[512])
{
	static const char before[] = "show sessions worker=31 jid=*[",
			  behind[] = "]\n";
	const size_t classes = 128;

	memcpy(line_out, before, strlen(before));
	memset(line_out + strlen(before), '#', classes);
	memcpy(line_out + strlen(before) + classes, behind, sizeof(behind));
}

START_TEST(a_crowd_with_a_slow_pattern_makes_no_turn_long)
{
	static struct question questions[CROWD];
	struct probe probe = { .questions = questions,
		.question_count = CROWD };
	pthread_t threads[CROWD];
	char line[512];
	unsigned i;

	write_slow_question(line);
	for (i = 0; i < CROWD; i++) {
		questions[i].line = line;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask,
				     &questions[i]),
		    0);
	}
	watch(&probe);
	for (i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	printf("%u with a slow pattern: %.2f s, %u turns, %.1f ms of the"
	       " processor in one turn at most, of %.0f\n",
	    CROWD, questions[CROWD - 1].seconds, probe.turn_count,
	    probe.longest_s * 1000, TURN_MS);
	ck_assert_uint_eq(questions[0].lines, 2);
	ck_assert_double_lt(probe.longest_s * 1000, 10 * TURN_MS);
}
END_TEST

static void
set_bytes_up(uint32_t partition, uint64_t bytes)
{
	struct directory *directory =
	    directory_new(view.region, NULL, "cm", fill);
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		directory_info(directory, partition * SLOTS + i)->bytes_up =
		    bytes;
	directory_free(&directory);
}

/* What it does not take is not even made: it shows what is so later. */
START_TEST(nothing_is_made_for_who_takes_nothing)
{
	struct question other = { .line =
				      "show sessions limit=10000 worker=30\n" };
	struct question again = other;
	struct question rest = { .lines = 0 };
	FILE *lazy = begin_to_ask("show sessions limit=10000 worker=31\n");
	pthread_t thread;

	run(&other, SLOTS / TAKEN + 10000 / SHOWN);
	run(&again, SLOTS / TAKEN + 10000 / SHOWN);
	set_bytes_up(31, 4711);
	rest.file = lazy;
	ck_assert_int_eq(pthread_create(&thread, NULL, hear, &rest), 0);
	watch(&(struct probe){ .questions = &rest, .question_count = 1 });
	pthread_join(thread, NULL);
	ck_assert_uint_eq(rest.lines, 10002);
	ck_assert_ptr_nonnull(strstr(rest.last, "\"bytes_up\":4711,"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("million");
	TCase *tests = tcase_create("million");

	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_step_looks_at_few_and_takes_fewer);
	tcase_add_test(tests, a_million_are_sorted_while_the_loop_goes_on);
	tcase_add_test(tests, one_in_a_million_is_found_by_a_pattern);
	tcase_add_test(tests, ten_thousand_are_shown);
	tcase_add_test(tests, who_asks_is_answered_though_others_never_rest);
	tcase_add_test(tests, a_crowd_with_a_slow_pattern_makes_no_turn_long);
	tcase_add_test(tests, nothing_is_made_for_who_takes_nothing);
	suite_add_tcase(suite, tests);
	/* One region for all, and the loop's time measured in this process. */
	return run_suite_forking(suite, CK_NOFORK);
}
