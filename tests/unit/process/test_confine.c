/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child can still do once its system calls are limited. Builds with a
 * sanitizer have no such limit; the plain one is tested by tests/run, too.
 */
#include "common/base/panic.h"
#include "common/process/confine.h"
#include "common/process/privilege.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *message;
static int shared; /* a file of two pages */

static void
setup(void)
{
	message = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(message, MAP_FAILED);
	shared = memfd_create("shared", MFD_CLOEXEC);
	ck_assert_int_ge(shared, 0);
	ck_assert_int_eq(ftruncate(shared, 8192), 0);
}

static void
teardown(void)
{
	munmap(message, 4096);
	close(shared);
}

/* What becomes of a child that does this when it is confined: 0 to 255 is what
 * the deed gave; more is 256 and its signal. */
static int
try(enum child_role role, int (*deed)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		panic_set_message_buffer(message, 512);
		if (privilege_drop(&(struct privilege_rest){ 0 }) != 0 ||
		    confine_process(role) != 0)
			_exit(99);
		_exit(deed());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int
execute(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int
open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

/* The kernel looks at the low half of the number; a filter might not. */
static int
open_unix_socket(void)
{
	return syscall(SYS_socket, (1L << 32) | AF_UNIX, SOCK_STREAM, 0) >= 0
		   ? 0
		   : errno;
}

/* The kernel would say of its ends that they are by whoever made it. */
static int
make_pair(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : errno;
}

static int
open_file(void)
{
	return open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int
write_file(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int
make_memory(void)
{
	void *memory = malloc(64 << 20);

	if (!memory)
		return 1;
	memset(memory, 1, 64 << 20);
	free(memory);
	return 0;
}

/* Of a shared file only its first page is mapped; what follows in the file is
 * another's. */
static int
grow_mapping(void)
{
	void *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);

	if (page == MAP_FAILED)
		return 1;
	return mremap(page, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? errno
								      : 0;
}

static int
grow_memory(void)
{
	size_t len = 1 << 20;
	uint8_t *memory = malloc(len);

	for (; memory && len < 64 << 20; len *= 2) {
		memset(memory, 7, len);
		memory = realloc(memory, 2 * len);
		if (!memory || memory[0] != 7 || memory[len - 1] != 7)
			return 1;
	}
	free(memory);
	return 0;
}

static int
abort_now(void)
{
	abort();
}

START_TEST(another_program_is_not_executed_and_the_call_is_named)
{
	if (!confine_is_available())
		return;
	ck_assert_int_eq(try(CHILD_CLIENT, execute), 256 + SIGSYS);
	ck_assert_ptr_nonnull(strstr(message,
	    "system call not allowed: execve ("));
	ck_assert_int_eq(try(CHILD_UPSTREAM, execute), 256 + SIGSYS);
}
END_TEST

START_TEST(a_worker_opens_neither_socket_nor_file)
{
	if (!confine_is_available())
		return;
	ck_assert_int_eq(try(CHILD_CLIENT, open_socket), 256 + SIGSYS);
	ck_assert_int_eq(try(CHILD_CLIENT, open_file), ENOENT);
}
END_TEST

START_TEST(control_opens_neither_socket_nor_file)
{
	if (!confine_is_available())
		return;
	ck_assert_int_eq(try(CHILD_CONTROL, execute), 256 + SIGSYS);
	ck_assert_int_eq(try(CHILD_CONTROL, open_socket), 256 + SIGSYS);
	ck_assert_int_eq(try(CHILD_CONTROL, make_pair), 256 + SIGSYS);
	ck_assert_int_eq(try(CHILD_CONTROL, open_file), ENOENT);
}
END_TEST

START_TEST(upstream_opens_sockets_but_no_file)
{
	ck_assert_int_eq(try(CHILD_UPSTREAM, open_socket), 0);
	if (!confine_is_available())
		return;
	ck_assert_int_eq(try(CHILD_UPSTREAM, open_unix_socket), EAFNOSUPPORT);
	ck_assert_int_eq(try(CHILD_UPSTREAM, open_file), ENOENT);
	ck_assert_int_eq(try(CHILD_UPSTREAM, write_file), ENOENT);
}
END_TEST

START_TEST(a_mapping_does_not_grow_over_what_is_anothers)
{
	if (!confine_is_available())
		return;
	ck_assert_int_eq(try(CHILD_CLIENT, grow_mapping), ENOMEM);
	ck_assert_int_eq(try(CHILD_UPSTREAM, grow_mapping), ENOMEM);
}
END_TEST

START_TEST(memory_and_an_abort_work_as_ever)
{
	ck_assert_int_eq(try(CHILD_CLIENT, make_memory), 0);
	ck_assert_int_eq(try(CHILD_CLIENT, grow_memory), 0);
	ck_assert_int_eq(try(CHILD_CLIENT, abort_now), 256 + SIGABRT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tests = tcase_create("confine");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    another_program_is_not_executed_and_the_call_is_named);
	tcase_add_test(tests, a_worker_opens_neither_socket_nor_file);
	tcase_add_test(tests, control_opens_neither_socket_nor_file);
	tcase_add_test(tests, upstream_opens_sockets_but_no_file);
	tcase_add_test(tests, a_mapping_does_not_grow_over_what_is_anothers);
	tcase_add_test(tests, memory_and_an_abort_work_as_ever);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
