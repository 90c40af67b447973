/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child has no more once it has given up its rights. Each test is a
 * process of its own, so it may give up all.
 */
#include "common/process/privilege.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The value of a line of /proc/self/status, in base 16. */
static unsigned long long
status_of(const char *name)
{
	unsigned long long value = 0;
	bool found = false;
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, name, strlen(name)) == 0;
		if (found)
			value = strtoull(line + strlen(name), NULL, 16);
	}
	(void)fclose(file);
	ck_assert_msg(found, "%s", name);
	return value;
}

static void
ck_has_no_capabilities(void)
{
	ck_assert_uint_eq(status_of("CapPrm:"), 0);
	ck_assert_uint_eq(status_of("CapEff:"), 0);
	ck_assert_uint_eq(status_of("CapInh:"), 0);
	ck_assert_uint_eq(status_of("CapAmb:"), 0);
}

START_TEST(nobody_gains_rights_or_leaves_a_core_afterwards)
{
	struct rlimit limit;

	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){ 0 }), 0);
	ck_assert_uint_eq(status_of("NoNewPrivs:"), 1);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_max, 0);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
#endif
}
END_TEST

START_TEST(root_becomes_the_user_for_good)
{
	const struct passwd *entry = getpwnam("nobody");
	uid_t real, effective, saved;
	gid_t groups[64];
	int count, i;

	if (geteuid() != 0 || !entry)
		return;
	ck_assert_int_eq(setgroups(2, (gid_t[]){ 0, 4 }), 0);
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .user = "nobody" }),
	    0);
	ck_assert_int_eq(getresuid(&real, &effective, &saved), 0);
	ck_assert_uint_eq(real, entry->pw_uid);
	ck_assert_uint_eq(effective, entry->pw_uid);
	ck_assert_uint_eq(saved, entry->pw_uid);
	ck_assert_int_eq(getresgid(&real, &effective, &saved), 0);
	ck_assert_uint_eq(real, entry->pw_gid);
	ck_assert_uint_eq(effective, entry->pw_gid);
	ck_assert_uint_eq(saved, entry->pw_gid);
	count = getgroups(ARRAY_LEN(groups), groups);
	ck_assert_int_ge(count, 0);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(groups[i], entry->pw_gid);
	ck_assert_int_ne(setuid(0), 0);
	ck_assert_int_ne(seteuid(0), 0);
	ck_has_no_capabilities();
	ck_assert_uint_eq(status_of("CapBnd:"), 0);
}
END_TEST

START_TEST(root_without_a_user_is_root_by_name_only)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){ 0 }), 0);
	ck_assert_uint_eq(geteuid(), 0);
	ck_has_no_capabilities();
	ck_assert_uint_eq(status_of("CapBnd:"), 0);
}
END_TEST

START_TEST(cores_are_left_on_for_who_asks)
{
	struct rlimit before, after;

	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &before), 0);
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .core = true }),
	    0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &after), 0);
	ck_assert_uint_eq(before.rlim_cur, after.rlim_cur);
	ck_assert_uint_eq(status_of("NoNewPrivs:"), 1);
}
END_TEST

START_TEST(the_master_keeps_what_it_needs_and_nothing_else)
{
	/* The bits of linux/capability.h: DAC_READ_SEARCH, KILL, SETGID,
	 * SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT. */
	unsigned long long kept = 1u << 2 | 1u << 5 | 1u << 6 | 1u << 7 |
				  1u << 8 | 1u << 10 | 1u << 18;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(privilege_restrict_master(), 0);
	ck_assert_uint_eq(status_of("CapPrm:"), kept);
	ck_assert_uint_eq(status_of("CapEff:"), kept);
	ck_assert_uint_eq(status_of("CapBnd:"), kept);
	ck_assert_uint_eq(status_of("CapInh:"), 0);
	ck_assert_uint_eq(status_of("CapAmb:"), 0);
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .user = "nobody" }),
	    0);
	ck_has_no_capabilities();
	ck_assert_uint_eq(status_of("CapBnd:"), 0);
}
END_TEST

START_TEST(one_that_is_not_root_loses_the_capabilities_it_was_given)
{
	/* As a service manager does: another user, who keeps them. */
	if (geteuid() == 0) {
		ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
		ck_assert_int_eq(setuid(65534), 0);
		ck_assert_uint_ne(status_of("CapPrm:"), 0);
	}
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .user = "root" }),
	    0);
	ck_assert_uint_ne(geteuid(), 0);
	ck_has_no_capabilities();
}
END_TEST

START_TEST(a_user_that_is_not_there_is_an_error)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .user = "no-such-user" }),
	    -ENOENT);
}
END_TEST

/* Without a /proc the sanitizers of a build cannot end in order, so this is
 * tried in a process that ends at once: 0, or the number of what is wrong. */
static int
look_from_within(const char *folder, gid_t group)
{
	const struct privilege_rest rest = {
		.user = "nobody", .group = "daemon", .root_directory = folder
	};
	char seen[2];

	if (privilege_restrict_master() != 0 || privilege_drop(&rest) != 0)
		return 1;
	if (getegid() != group)
		return 2;
	if (!getcwd(seen, sizeof(seen)) || strcmp(seen, "/") != 0)
		return 3;
	if (access("/etc", F_OK) == 0)
		return 4;
	return chroot("/") == 0 ? 5 : 0;
}

START_TEST(it_is_shut_into_its_folder_with_its_group)
{
	const struct group *group = getgrnam("daemon");
	char folder[] = "/tmp/cm-root-XXXXXX";
	int status;
	pid_t pid;

	if (geteuid() != 0 || !group)
		return;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(look_from_within(folder, group->gr_gid));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_folder_or_group_that_is_not_there_is_an_error)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .root_directory = "/nowhere/at/all" }),
	    -ENOENT);
	ck_assert_int_eq(privilege_drop(&(struct privilege_rest){
			     .user = "nobody", .group = "no-such-group" }),
	    -ENOENT);
}
END_TEST

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(only_what_is_to_be_kept_stays_open)
{
	int fds[40], keep[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = open("/dev/null", O_RDONLY);
		ck_assert_int_ge(fds[i], 0);
	}
	keep[0] = dup2(fds[0], 700); /* far away */
	keep[1] = fds[17];
	ck_assert_int_eq(privilege_close_others(keep, ARRAY_LEN(keep)), 0);
	for (i = 0; i < ARRAY_LEN(fds); i++)
		ck_assert_int_eq(is_open(fds[i]), i == 17);
	ck_assert_msg(is_open(700),
	    "the far descriptor that is kept should be open");
	for (i = 0; i <= STDERR_FILENO; i++)
		ck_assert_msg(is_open((int)i), "descriptor %zu should be open",
		    i);
}
END_TEST

START_TEST(keeping_nothing_closes_all_but_the_first_three)
{
	int fd = open("/dev/null", O_RDONLY), i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(privilege_close_others(NULL, 0), 0);
	for (i = STDERR_FILENO + 1; i < 1000; i++)
		ck_assert_msg(!is_open(i), "descriptor %d should be closed", i);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("privilege");
	TCase *tests = tcase_create("privilege");

	tcase_add_test(tests, nobody_gains_rights_or_leaves_a_core_afterwards);
	tcase_add_test(tests, root_becomes_the_user_for_good);
	tcase_add_test(tests, root_without_a_user_is_root_by_name_only);
	tcase_add_test(tests, cores_are_left_on_for_who_asks);
	tcase_add_test(tests, the_master_keeps_what_it_needs_and_nothing_else);
	tcase_add_test(tests,
	    one_that_is_not_root_loses_the_capabilities_it_was_given);
	tcase_add_test(tests, a_user_that_is_not_there_is_an_error);
	tcase_add_test(tests, it_is_shut_into_its_folder_with_its_group);
	tcase_add_test(tests, a_folder_or_group_that_is_not_there_is_an_error);
	tcase_add_test(tests, only_what_is_to_be_kept_stays_open);
	tcase_add_test(tests, keeping_nothing_closes_all_but_the_first_three);
	suite_add_tcase(suite, tests);
	return run_suite_forking(suite, CK_FORK);
}
