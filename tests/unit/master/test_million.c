/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million sessions are asked for on the control socket, and the master's loop
 * hardly notices: a timer of a millisecond looks how late it comes.
 */
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "master/child.h"
#include "master/control.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKERS 8u
#define INDICES (3 * WORKERS + 8)
#define SLOTS   32768u
#define LATE_MS 10.0 /* ten times as much fails */
#define PROBE_S 0.001

static struct config config = { .worker_count = 1, .worker_max = 8 };
static struct estate estate = {
	.config = &config, .index_count = INDICES, .upstream_bell = -1
};
static struct commands_view view;
static struct ev_loop *loop;
static struct control *control;
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
fill_index(uint32_t index)
{
	struct directory *directory =
	    directory_new(estate.region, NULL, "cm", fill);
	struct session_body *body;
	uint32_t i, slot, generation;
	char jid[64];

	ck_assert_int_ge(index_set_claim(view.children->indices, &generation),
	    0);
	for (i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(directory_claim(directory, index, &slot), 0);
		snprintf(jid, sizeof(jid), "user%u@xmpp.example/r",
		    index * SLOTS + i);
		ck_assert_int_eq(directory_set_jid(directory, slot, jid,
				     strlen(jid)),
		    0);
		body = directory_body(directory, slot);
		body->phase = SESSION_BOUND;
		body->bytes_up = index * SLOTS + i;
	}
	directory_free(&directory);
}

static void
make_sessions(void)
{
	struct config small = small_config(SLOTS, 65536);
	struct region_geometry geometry;
	uint32_t index;

	small.worker_max = WORKERS;
	config_region_geometry(&small, &geometry);
	ck_assert_uint_eq(geometry.index_count, INDICES);
	ck_assert_int_eq(region_create(&geometry, &estate.region), 0);
	for (index = 0; index < INDICES; index++)
		fill_index(index);
	view.directory = directory_new(estate.region, NULL, "cm", fill);
}

static void
setup(void)
{
	loop = ev_loop_new(EVFLAG_NOENV);
	view.config = &config;
	view.estate = &estate;
	view.children = children_new(&(struct children_setup){
	    .loop = loop, .estate = &estate });
	make_sessions();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control", folder);
	config.control_socket = path;
	ck_assert_int_eq(control_open(&config, &control), 0);
	control_start(control, loop, &view);
}

static void
teardown(void)
{
	control_close(&control);
	directory_free(&view.directory);
	children_free(&view.children);
	region_free(&estate.region);
	ev_loop_destroy(loop);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* --- who asks --- */

struct question {
	const char *line;
	unsigned lines;  /* of the answer, `ok` among them */
	char first[256]; /* behind the titles */
	double seconds;
	_Atomic bool done;
};

static void *
ask(void *context)
{
	struct question *question = context;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double begun = steady_clock_s();
	char line[512];
	FILE *file;

	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	file = fdopen(fd, "r+");
	fputs(question->line, file);
	fflush(file);
	do {
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
		if (++question->lines == 2)
			snprintf(question->first, sizeof(question->first),
			    "%.255s", line);
	} while (strcmp(line, "ok\n") != 0);
	question->seconds = steady_clock_s() - begun;
	(void)fclose(file);
	question->done = true;
	return NULL;
}

/* --- the probe --- */

struct probe {
	ev_timer timer;
	double due, latest_s;
	const struct question *question;
};

static void
on_probe(struct ev_loop *of, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;
	double now = steady_clock_s();

	(void)events;
	probe->latest_s = MAX(probe->latest_s, now - probe->due);
	probe->due = now + PROBE_S;
	if (probe->question->done)
		ev_break(of, EVBREAK_ALL);
	else
		ev_timer_again(of, timer);
}

static void
run(struct question *question)
{
	struct probe probe = { .question = question };
	pthread_t thread;

	ev_timer_init(&probe.timer, on_probe, 0., PROBE_S);
	probe.timer.data = &probe;
	ev_now_update(loop);
	probe.due = steady_clock_s() + PROBE_S;
	ev_timer_again(loop, &probe.timer);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask, question), 0);
	ev_run(loop, 0);
	ev_timer_stop(loop, &probe.timer);
	pthread_join(thread, NULL);
	printf("%.*s: %.2f s, the loop was late by %.1f ms at most, of %.0f\n",
	    (int)strcspn(question->line, "\n"), question->line,
	    question->seconds, probe.latest_s * 1000, LATE_MS);
	ck_assert_double_lt(probe.latest_s * 1000, 10 * LATE_MS);
}

START_TEST(a_million_are_sorted_while_the_loop_goes_on)
{
	struct question question = {
		.line = "show sessions sort=bytes_up limit=100\n"
	};

	run(&question);
	ck_assert_uint_eq(question.lines, 102);
	ck_assert_ptr_nonnull(strstr(question.first, "user1048575@"));
}
END_TEST

START_TEST(one_in_a_million_is_found_by_a_pattern)
{
	struct question question = { .line =
					 "show sessions jid=user77777?@*\n" };

	run(&question);
	ck_assert_uint_eq(question.lines, 12);
}
END_TEST

START_TEST(ten_thousand_are_shown)
{
	struct question question = {
		.line = "show sessions limit=10000 worker=31\n"
	};

	run(&question);
	ck_assert_uint_eq(question.lines, 10002);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("million");
	TCase *tests = tcase_create("million");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_million_are_sorted_while_the_loop_goes_on);
	tcase_add_test(tests, one_in_a_million_is_found_by_a_pattern);
	tcase_add_test(tests, ten_thousand_are_shown);
	suite_add_tcase(suite, tests);
	/* One region for all, and the loop's time measured in this process. */
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
