/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the master does at the word of control, which may be in the hands of
 * somebody else: only what a connection on its own control socket allows.
 */
#include "common/base/log.h"
#include "common/shm/region.h"
#include "common/xmpp/close.h"
#include "master/acts.h"
#include "master/child.h"
#include "master/supervisor_state.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIEWERS   2002
#define KILLS_MAX 4000

static struct config config = { .worker_count = 1, .worker_max = 1 };
static struct supervisor supervisor;
static char folder[] = "/tmp/cm-acts-XXXXXX";
static char path[64];
static pid_t comer; /* who has connected */

static void
setup(void)
{
	const struct region_geometry geometry = small_geometry(16, 65536);
	struct resources *resources = &supervisor.resources;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control", folder);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	config.control_socket = path;
	*resources = (struct resources){ .config = &config,
		.upstream_doorbell = -1,
		.control.fd = -1,
		.http_fd = -1,
		.partition_count = geometry.partition_count,
		.access = {
		    .owner = geteuid(), .act = NO_GROUP, .look = VIEWERS } };
	ck_assert_int_eq(region_create(&geometry, &resources->region), 0);
	supervisor.children =
	    children_new(&(struct children_setup){ .resources = resources });
	ck_assert_int_eq(control_socket_open(&resources->control, &config,
			     &resources->access),
	    0);
}

static void
teardown(void)
{
	children_free(&supervisor.children);
	control_socket_close(&supervisor.resources.control);
	region_free(&supervisor.resources.region);
	ck_assert_int_eq(rmdir(folder), 0);
}

NORETURN static void
come(gid_t group)
{
	struct sockaddr_un *name = &supervisor.resources.control.address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	if (group && (setgroups(0, NULL) != 0 || setgid(group) != 0 ||
			 setuid(1002) != 0))
		_exit(1);
	if (connect(fd, (struct sockaddr *)name, sizeof(*name)) != 0)
		_exit(2);
	_exit(read(fd, &byte, 1) == 0 ? 0 : 3);
}

/* A connection on the control socket, by somebody of this group; 0: us. */
static int
accept_from(gid_t group)
{
	int fd;

	comer = fork();
	if (comer == 0)
		come(group);
	do
		fd = accept(supervisor.resources.control.fd, NULL, NULL);
	while (fd < 0 && errno == EAGAIN);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
leave(int fd)
{
	int status;

	close(fd);
	ck_assert_int_eq(waitpid(comer, &status, 0), comer);
	ck_assert_int_eq(status, 0);
}

static int
perform(struct act act)
{
	acts_perform(&supervisor, &act);
	ck_assert_msg(act.done, "the act should have been done at once");
	if (act.fd >= 0)
		close(act.fd);
	return act.error;
}

static int
set_level(int asker)
{
	return perform((struct act){ .operation = OPERATION_LOG_LEVEL,
	    .number = LOG_DEBUG,
	    .asker = asker });
}

START_TEST(who_may_act_has_it_done)
{
	int fd = accept_from(0);

	log_init("test", LOG_NOTICE);
	ck_assert_int_eq(set_level(fd), 0);
	ck_assert_int_eq(log_get_level(), LOG_DEBUG);
	leave(fd);
}
END_TEST

START_TEST(who_may_only_look_has_nothing_done)
{
	int operation, fd;

	if (geteuid() != 0)
		return; /* only root can be somebody else */
	fd = accept_from(VIEWERS);
	log_init("test", LOG_NOTICE);
	for (operation = 0; operation < OPERATION_COUNT; operation++) {
		bool acts =
		    access_needed((enum operation)operation) == RIGHT_ACT;

		ck_assert_int_eq(perform((struct act){
				     .operation = (enum operation)operation,
				     .asker = fd }),
		    acts ? -EACCES : -ENOSYS);
	}
	ck_assert_int_eq(log_get_level(), LOG_NOTICE);
	leave(fd);
}
END_TEST

/* A pair is by root here, as if control had made it: the kernel says of both
 * ends that they are the maker's. */
START_TEST(what_has_not_come_by_the_control_socket_allows_nothing)
{
	int pair[2];

	log_init("test", LOG_NOTICE);
	ck_assert_int_eq(set_level(-1), -EACCES);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(set_level(pair[0]), -EACCES);
	/* Control has this one, and its peer is said to be who made it. */
	ck_assert_int_eq(set_level(supervisor.resources.control.fd), -EACCES);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(log_get_level(), LOG_NOTICE);
}
END_TEST

/* As one of HTTP is. */
START_TEST(a_connection_of_tcp_allows_nothing)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int peer = socket(AF_INET, SOCK_STREAM, 0), fd;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len),
	    0);
	ck_assert_int_eq(connect(peer, (struct sockaddr *)&at, len), 0);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_eq(set_level(fd), -EACCES);
	close(fd);
	close(peer);
	close(listener);
}
END_TEST

/* It might connect to the socket that it serves. */
START_TEST(none_of_our_own_processes_gives_orders)
{
	int fd = accept_from(0);

	supervisor.children->control.pid = comer;
	ck_assert_int_eq(set_level(fd), -EACCES);
	supervisor.children->control.pid = 0;
	ck_assert_int_eq(set_level(fd), 0);
	leave(fd);
}
END_TEST

/* Control may keep the connection of somebody who has gone. */
START_TEST(who_has_left_gives_no_orders)
{
	int status, fd = accept_from(0);

	ck_assert_int_eq(set_level(fd), 0);
	ck_assert_int_eq(kill(comer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(comer, &status, 0), comer);
	ck_assert_int_eq(set_level(fd), -EACCES);
	close(fd);
}
END_TEST

START_TEST(nobody_is_started_while_the_service_stops)
{
	static const enum operation late[] = { OPERATION_RELOAD,
		OPERATION_DRAIN, OPERATION_UNDRAIN, OPERATION_PAUSE,
		OPERATION_RESUME };
	int fd = accept_from(0);
	size_t i;

	supervisor.stage = STAGE_STOPPING_WORKERS;
	for (i = 0; i < ARRAY_LEN(late); i++)
		ck_assert_int_eq(perform((struct act){ .operation = late[i],
				     .partition = ACT_ALL,
				     .asker = fd }),
		    -ESHUTDOWN);
	ck_assert_int_eq(set_level(fd), 0);
	supervisor.stage = STAGE_STARTING;
	leave(fd);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	int fd = accept_from(0);
	const struct {
		struct act act;
		int error;
	} all[] = {
		{ { .operation = OPERATION_SHOW }, -ENOSYS },
		{ { .operation = (enum operation)77 }, -ENOSYS },
		{ { .operation = OPERATION_PAUSE, .number = 0 }, -EINVAL },
		{ { .operation = OPERATION_PAUSE, .number = 3601 }, -EINVAL },
		{ { .operation = OPERATION_PAUSE, .number = 1 }, -ESRCH },
		{ { .operation = OPERATION_RESUME }, -ESRCH },
		{ { .operation = OPERATION_LOG_LEVEL, .number = 99 }, -EINVAL },
		{ { .operation = OPERATION_KILL, .number = CLOSE_REASON_COUNT },
		    -EINVAL },
		{ { .operation = OPERATION_KILL, .partition = UINT32_MAX },
		    -ESRCH },
		{ { .operation = OPERATION_TRACE, .partition = UINT32_MAX },
		    -ESRCH },
		{ { .operation = OPERATION_DRAIN, .number = UINT32_MAX },
		    -EINVAL },
		{ { .operation = OPERATION_DRAIN, .partition = 4711 }, -ESRCH },
		{ { .operation = OPERATION_UNDRAIN, .partition = 4711 },
		    -ESRCH },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct act act = all[i].act;

		act.asker = fd;
		ck_assert_int_eq(perform(act), all[i].error);
	}
	leave(fd);
}
END_TEST

/* Until its worker has read what it was sent before. */
START_TEST(what_must_wait_is_refused_for_now)
{
	struct child *worker = &supervisor.children->workers[0];
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
	int fd = accept_from(0), ends[2], error, count = 0;
	struct act kill_one = { .operation = OPERATION_KILL, .asker = fd };
	struct act trace_one = { .operation = OPERATION_TRACE, .asker = fd };

	log_init("test", LOG_NOTICE);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	supervisor.children->setup.loop = loop;
	worker->channel = channel_new(ends[0]);
	ev_init(&worker->write_io, NULL);
	ev_io_set(&worker->write_io, ends[0], EV_WRITE);
	do
		error = perform(kill_one);
	while (error == 0 && ++count < KILLS_MAX);
	ck_assert_int_gt(count, 0);
	ck_assert_int_eq(error, -EAGAIN);
	ck_assert_int_eq(perform(trace_one), -EAGAIN);
	child_hang_up(worker);
	close(ends[1]);
	ev_loop_destroy(loop);
	leave(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("acts");
	TCase *tests = tcase_create("acts");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, who_may_act_has_it_done);
	tcase_add_test(tests, who_may_only_look_has_nothing_done);
	tcase_add_test(tests,
	    what_has_not_come_by_the_control_socket_allows_nothing);
	tcase_add_test(tests, a_connection_of_tcp_allows_nothing);
	tcase_add_test(tests, none_of_our_own_processes_gives_orders);
	tcase_add_test(tests, who_has_left_gives_no_orders);
	tcase_add_test(tests, nobody_is_started_while_the_service_stops);
	tcase_add_test(tests, nonsense_is_refused);
	tcase_add_test(tests, what_must_wait_is_refused_for_now);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
