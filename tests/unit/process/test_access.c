/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what at the control socket, for each operation and each kind of
 * peer, as the kernel tells of it; and texts that go with a message.
 */
#include "common/process/access.h"
#include "common/process/text_file.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER   1001
#define OTHER   1002
#define ACTING  2001
#define LOOKING 2002
#define NEITHER 2003

static const struct access rule = {
	.owner = OWNER, .act = ACTING, .look = LOOKING
};

struct peer {
	uid_t user;
	gid_t group, further;
	enum right right;
};

static const struct peer peers[] = {
	{ 0, NEITHER, NEITHER, RIGHT_ACT },
	{ OWNER, NEITHER, NEITHER, RIGHT_ACT },
	{ OTHER, ACTING, NEITHER, RIGHT_ACT },
	{ OTHER, NEITHER, ACTING, RIGHT_ACT },
	{ OTHER, LOOKING, ACTING, RIGHT_ACT },
	{ OTHER, LOOKING, NEITHER, RIGHT_LOOK },
	{ OTHER, NEITHER, LOOKING, RIGHT_LOOK },
	{ OTHER, NEITHER, NEITHER, RIGHT_NONE },
	{ OTHER, 0, 0, RIGHT_NONE }, /* root's group alone is nobody */
};

static socklen_t
name_of(int fd, struct sockaddr_un *name_out)
{
	socklen_t len = sizeof(*name_out);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)name_out, &len), 0);
	return len;
}

static int
listen_anywhere(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* The kernel gives it an abstract name. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name,
			     sizeof(sa_family_t)),
	    0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

NORETURN static void
come(int listener, const struct peer *peer)
{
	struct sockaddr_un name;
	socklen_t len = name_of(listener, &name);
	int fd;
	char byte;

	if (setgroups(1, &peer->further) != 0 || setgid(peer->group) != 0 ||
	    setuid(peer->user) != 0)
		_exit(1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&name, len) != 0)
		_exit(2);
	_exit(read(fd, &byte, 1) == 0 ? 0 : 3);
}

START_TEST(a_peer_has_the_right_of_the_best_of_its_groups)
{
	const struct peer *peer = &peers[_i];
	int listener = listen_anywhere(), fd, status;
	pid_t pid = fork();

	if (pid == 0)
		come(listener, peer);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_eq(access_of(&rule, fd), peer->right);
	close(fd);
	close(listener);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(what_is_no_connection_has_no_right)
{
	int file = memfd_create("file", 0);

	ck_assert_int_eq(access_of(&rule, file), RIGHT_NONE);
	ck_assert_int_eq(access_of(&rule, -1), RIGHT_NONE);
	close(file);
}
END_TEST

/* Whoever changes a row has to change it here, too. */
START_TEST(only_what_tells_can_be_had_without_the_right_to_act)
{
	static const enum right needed[OPERATION_COUNT] = {
		[OPERATION_HELP] = RIGHT_LOOK,
		[OPERATION_SHOW] = RIGHT_LOOK,
		[OPERATION_WAIT] = RIGHT_LOOK,
		[OPERATION_KILL] = RIGHT_ACT,
		[OPERATION_DRAIN] = RIGHT_ACT,
		[OPERATION_UNDRAIN] = RIGHT_ACT,
		[OPERATION_PAUSE] = RIGHT_ACT,
		[OPERATION_RESUME] = RIGHT_ACT,
		[OPERATION_TRACE] = RIGHT_ACT,
		[OPERATION_RELOAD] = RIGHT_ACT,
		[OPERATION_LOG_LEVEL] = RIGHT_ACT,
	};
	int operation;

	for (operation = 0; operation < OPERATION_COUNT; operation++)
		ck_assert_int_eq(access_needed((enum operation)operation),
		    needed[operation]);
}
END_TEST

START_TEST(texts_come_out_as_they_went_in)
{
	const char *const sent[] = { "one", "", "three\nlines\n" };
	int fd = text_file_new(sent, 3);
	char *got[4];

	ck_assert_int_ge(fd, 0);
	text_file_read(fd, 4, got);
	ck_assert_str_eq(got[0], "one");
	ck_assert_str_eq(got[1], "");
	ck_assert_str_eq(got[2], "three\nlines\n");
	ck_assert_str_eq(got[3], "");
	free(got[0]);
	close(fd);
}
END_TEST

START_TEST(any_file_is_read_as_texts)
{
	int ends[2], fd = memfd_create("file", 0);
	char *got[2];

	ck_assert_int_eq(write(fd, "no end", 6), 6);
	text_file_read(fd, 2, got);
	ck_assert_str_eq(got[0], "no end");
	ck_assert_str_eq(got[1], "");
	free(got[0]);
	close(fd);
	text_file_read(-1, 2, got);
	ck_assert_str_eq(got[0], "");
	free(got[0]);
	ck_assert_int_eq(pipe(ends), 0);
	text_file_read(ends[0], 1, got);
	ck_assert_str_eq(got[0], "");
	free(got[0]);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("access");
	TCase *tests = tcase_create("access");

	if (geteuid() == 0) /* only root can be somebody else */
		tcase_add_loop_test(tests,
		    a_peer_has_the_right_of_the_best_of_its_groups, 0,
		    ARRAY_LEN(peers));
	tcase_add_test(tests, what_is_no_connection_has_no_right);
	tcase_add_test(tests,
	    only_what_tells_can_be_had_without_the_right_to_act);
	tcase_add_test(tests, texts_come_out_as_they_went_in);
	tcase_add_test(tests, any_file_is_read_as_texts);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
