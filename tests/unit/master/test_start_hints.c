/* SPDX-License-Identifier: Apache-2.0 */
/* Hints of the start: two managers of one name on this machine, and a log that
 * cannot be opened. */
#include "common/process/config.h"
#include "master/daemon.h"
#include "master/log_target.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN "hints.test"

static void
setup(void)
{
	log_lines_begin(LOG_WARNING);
}

/* --- two of one name --- */

static void
name_here(char name_out[64])
{
	snprintf(name_out, 64, "cm-%ld", (long)getpid());
}

START_TEST(a_second_manager_of_a_name_is_warned_of_until_the_first_ends)
{
	char name[64];
	int first, second;

	name_here(name);
	first = daemon_open_name(name, DOMAIN);
	ck_assert_int_ge(first, 0);
	ck_assert_uint_eq(log_lines_with(""), 0);
	ck_assert_int_eq(daemon_open_name(name, DOMAIN), -EADDRINUSE);
	ck_assert_uint_eq(
	    log_lines_with("another connection manager of this name"), 1);
	ck_assert_uint_eq(log_lines_with("xmpp.manager.name"), 1);
	ck_assert_uint_eq(log_lines_with(name), 1);
	close(first);
	second = daemon_open_name(name, DOMAIN);
	ck_assert_int_ge(second, 0);
	close(second);
	ck_assert_uint_eq(log_lines_with(""), 1);
}
END_TEST

START_TEST(another_name_or_another_domain_is_nobodys_business)
{
	char name[64];
	int first, other;

	name_here(name);
	first = daemon_open_name(name, DOMAIN);
	other = daemon_open_name(name, "other.test");
	ck_assert_int_ge(first, 0);
	ck_assert_int_ge(other, 0);
	close(other);
	other = daemon_open_name("cm-other", DOMAIN);
	ck_assert_int_ge(other, 0);
	close(other);
	close(first);
	ck_assert_uint_eq(log_lines_with(""), 0);
}
END_TEST

START_TEST(the_longest_names_fit)
{
	char domain[1024], name[DAEMON_NAME_MAX];
	size_t len;
	int fd;

	memset(domain, 'd', sizeof(domain) - 1);
	domain[sizeof(domain) - 1] = '\0';
	len = daemon_name("cm", domain, name);
	ck_assert_uint_le(len, sizeof(name));
	ck_assert_int_eq(name[0], 0);
	ck_assert_uint_eq(daemon_name("cm", "d", name),
	    1 + strlen("cmanagerd/cm/d"));
	fd = daemon_open_name("cm", domain);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/* --- the log --- */

START_TEST(each_way_to_have_no_log_has_an_advice)
{
	static const struct {
		int target, error;
		const char *words;
	} cases[] = {
		{ LOG_TARGET_SYSLOG, -ENOENT, "no syslog listens there" },
		{ LOG_TARGET_SYSLOG, -ECONNREFUSED, "no syslog listens there" },
		{ LOG_TARGET_JOURNAL, -ENOENT, "no journal of systemd" },
		{ LOG_TARGET_FILE, -ENOENT, "make the folder" },
		{ LOG_TARGET_FILE, -EACCES, "allowed to write" },
		{ LOG_TARGET_FILE, -EROFS, "allowed to write" },
		{ LOG_TARGET_FILE, -ELOOP, "symbolic link" },
		{ LOG_TARGET_FILE, -EISDIR, "is a folder" },
		{ LOG_TARGET_FILE, -ENXIO, "log.target" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_ptr_nonnull(strstr(log_target_advice(cases[i].target,
						 cases[i].error),
		    cases[i].words));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hints of the start");
	TCase *tcase = tcase_create("start");

	tcase_add_checked_fixture(tcase, setup, log_lines_end);
	tcase_add_test(tcase,
	    a_second_manager_of_a_name_is_warned_of_until_the_first_ends);
	tcase_add_test(tcase,
	    another_name_or_another_domain_is_nobodys_business);
	tcase_add_test(tcase, the_longest_names_fit);
	tcase_add_test(tcase, each_way_to_have_no_log_has_an_advice);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
