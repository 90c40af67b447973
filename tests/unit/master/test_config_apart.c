/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration that another process has read: what of it is here, what is
 * passed on, and what becomes of one that is refused or whose reader fails.
 */
#include "common/process/snapshot.h"
#include "master/config_apart.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char path[] = "/tmp/config-apart-XXXXXX";
static struct config_apart apart;
static struct reload_report report;

static void
write_as(const char *secret, const char *domain, const char *more)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	(void)fprintf(out,
	    "<jive><xmpp><domain>%s</domain>\n"
	    "<password>%s</password></xmpp>\n%s</jive>\n",
	    domain, secret, more);
	ck_assert_int_eq(fclose(out), 0);
}

static void
write_file(const char *secret, const char *more)
{
	write_as(secret, "xmpp.example", more);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	close(mkstemp(strcpy(path, "/tmp/config-apart-XXXXXX")));
	write_file("s3cr3t", "");
	ck_assert_int_eq(config_apart_load(path, &apart), 0);
}

static void
teardown(void)
{
	config_apart_close(&apart);
	reload_report_free(&report);
	unlink(path);
}

static void
ck_upstream_is_given(const struct config_apart *given, const char *secret)
{
	struct config *config;

	ck_assert_int_eq(snapshot_open(given->snapshots[CONFIG_UPSTREAM],
			     &config),
	    0);
	ck_assert_str_eq(config->server.password, secret);
	config_free(&config);
}

START_TEST(the_master_has_all_but_secrets_and_passes_them_on)
{
	struct config *worker;

	ck_assert_str_eq(apart.config->path, path);
	ck_assert_str_eq(apart.config->server.domain, "xmpp.example");
	ck_assert_str_eq(apart.config->server.password, "");
	ck_assert_int_eq(apart.snapshots[CONFIG_MASTER], -1);
	ck_upstream_is_given(&apart, "s3cr3t");
	ck_assert_int_eq(snapshot_open(apart.snapshots[CONFIG_WORKER], &worker),
	    0);
	ck_assert_str_eq(worker->server.password, "");
	config_free(&worker);
}
END_TEST

START_TEST(a_reload_tells_what_differs_though_the_master_cannot)
{
	struct config_apart next;

	write_file("0ther",
	    "<sessions><max>64</max></sessions><log><level>debug</level></log>"
	    "<wonder>1</wonder>");
	ck_assert_int_eq(config_apart_reload(apart.snapshots, &next, &report),
	    0);
	ck_assert_str_eq(report.applied, "xmpp.password log.level");
	ck_assert_str_eq(report.restart, "sessions.max");
	ck_assert_ptr_nonnull(strstr(report.problems, "unknown option wonder"));
	ck_assert_int_eq(next.config->log_level, LOG_DEBUG);
	ck_assert_uint_eq(next.config->sessions_per_worker, 32768);
	ck_upstream_is_given(&next, "0ther");
	ck_upstream_is_given(&apart, "s3cr3t");
	config_apart_close(&next);
}
END_TEST

START_TEST(one_domain_more_waits_for_a_restart)
{
	struct config_apart next;

	write_as("s3cr3t", "xmpp.example</domain><domain>b.example", "");
	ck_assert_int_eq(config_apart_reload(apart.snapshots, &next, &report),
	    0);
	ck_assert_str_eq(report.restart, "xmpp.domain");
	ck_assert_uint_eq(next.config->server.domain_count, 1);
	ck_assert_str_eq(next.config->server.domain, "xmpp.example");
	config_apart_close(&next);
	ck_assert_int_eq(config_apart_load(path, &next), 0);
	ck_assert_uint_eq(next.config->server.domain_count, 2);
	ck_assert_str_eq(next.config->server.domain, "xmpp.example");
	ck_assert_str_eq(next.config->server.domain_names[1], "b.example");
	config_apart_close(&next);
}
END_TEST

START_TEST(the_first_reading_passes_its_warnings_on)
{
	struct config_apart first;

	write_file("s3cr3t", "<wonder>1</wonder>\n<quiet>\"</quiet>\n");
	ck_assert_int_eq(config_apart_load(path, &first), 0);
	ck_assert_ptr_nonnull(strstr(first.warnings,
	    ":3: warning: unknown option wonder is ignored"));
	ck_assert_ptr_nonnull(strstr(first.warnings,
	    ":4: warning: unknown option quiet is ignored"));
	config_apart_close(&first);
	ck_assert_ptr_null(first.warnings);
}
END_TEST

START_TEST(what_is_refused_leaves_nothing_but_the_reasons)
{
	struct config_apart next;

	write_file("0ther", "<log><level>loud</level></log>");
	ck_assert_int_ne(config_apart_reload(apart.snapshots, &next, &report),
	    0);
	ck_assert_ptr_null(next.config);
	ck_assert_ptr_nonnull(strstr(report.problems, "'loud' is not"));
	ck_assert_str_eq(report.applied, "");
	config_apart_close(&next);
	ck_assert_int_ne(config_apart_load(path, &next), 0);
	ck_assert_ptr_null(next.config);
}
END_TEST

/* It cannot write what it has read. */
START_TEST(a_reader_that_fails_is_a_refusal)
{
	const struct rlimit small = { 64, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct config_apart next, first;
	int limited, again, load;

	/* What the framework writes is limited, too. */
	limited = setrlimit(RLIMIT_FSIZE, &small);
	again = config_apart_reload(apart.snapshots, &next, &report);
	load = config_apart_load(path, &first);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(limited, 0);
	ck_assert_int_ne(again, 0);
	ck_assert_int_ne(load, 0);
	ck_assert_ptr_null(next.config);
	ck_assert_ptr_null(first.config);
	ck_assert_ptr_nonnull(strstr(report.problems, "has failed"));
}
END_TEST

/* --- what a password opens --- */

static char store_path[] = "/tmp/config-apart-store-XXXXXX";
static struct identity identity;

/* A store that `password` opens, and options that say it is `said`. */
static void
write_store(const char *password, const char *said)
{
	size_t len;
	uint8_t *store = identity_store(&identity, password, &len);
	FILE *out = fopen(store_path, "w");
	char options[512];

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(store, 1, len, out), len);
	ck_assert_int_eq(fclose(out), 0);
	free(store);
	(void)snprintf(options, sizeof(options),
	    "<xmpp><socket><ssl><keystore>%s</keystore>"
	    "<keypass>%s</keypass></ssl></socket></xmpp>",
	    store_path, said);
	write_file("s3cr3t", options);
}

static void
setup_store(void)
{
	setup();
	config_apart_close(&apart);
	close(mkstemp(strcpy(store_path, "/tmp/config-apart-store-XXXXXX")));
	identity_make(&identity, "xmpp.example", 0);
	write_store("correct horse", "correct horse");
	ck_assert_int_eq(config_apart_load(path, &apart), 0);
}

static void
teardown_store(void)
{
	identity_free(&identity);
	unlink(store_path);
	teardown();
}

static bool
has_text(int fd, const char *text)
{
	static uint8_t all[1 << 20];
	ssize_t got = pread(fd, all, sizeof(all), 0);

	ck_assert_int_gt(got, 0);
	ck_assert_int_lt(got, (ssize_t)sizeof(all));
	return memmem(all, (size_t)got, text, strlen(text)) != NULL;
}

static void
ck_worker_is_given(const struct config_apart *given, const char *password)
{
	int fd = given->snapshots[CONFIG_WORKER];
	struct config *worker;

	ck_assert_int_eq(snapshot_open(fd, &worker), 0);
	ck_assert_uint_eq(worker->client.identities.count, 1);
	ck_assert_str_eq(worker->client.identities.all[0].key,
	    (char *)identity.key);
	ck_assert_str_eq(worker->client.identities.all[0].chain,
	    (char *)identity.certificate);
	ck_assert_str_eq(worker->client.key_password, "");
	ck_assert_ptr_null(worker->client.store.bytes);
	config_free(&worker);
	ck_assert_msg(!has_text(fd, password),
	    "the worker's configuration should not hold the password \"%s\"",
	    password);
}

START_TEST(a_worker_is_given_what_a_password_opens)
{
	ck_worker_is_given(&apart, "correct horse");
	ck_assert_uint_eq(apart.config->client.identities.count, 0);
	ck_assert_msg(has_text(apart.snapshots[CONFIG_RELOAD], "correct horse"),
	    "the copy for a reload should hold the password");
}
END_TEST

static void
ck_faults(const struct config_apart *given, uint32_t faults)
{
	const struct certificate_list *list = &given->config->certificates;

	ck_assert_uint_eq(list->count, 1);
	ck_assert_str_eq(list->rows[0].subject, "CN=xmpp.example");
	ck_assert_uint_eq(list->rows[0].faults, faults);
}

/* And for the domain in force: another one waits for a restart. */
START_TEST(the_master_is_told_of_certificates)
{
	struct config_apart next;
	char options[512];

	ck_faults(&apart, FINDING_MASK(SELF_SIGNED));
	ck_assert_str_eq(apart.config->client.store.path, store_path);
	(void)snprintf(options, sizeof(options),
	    "<xmpp><socket><ssl>"
	    "<keystore>%s</keystore><keypass>correct horse</keypass>"
	    "</ssl></socket></xmpp>",
	    store_path);
	write_as("s3cr3t", "other.example", options);
	ck_assert_int_eq(config_apart_reload(apart.snapshots, &next, &report),
	    0);
	ck_assert_str_eq(report.restart, "xmpp.domain");
	ck_faults(&next, FINDING_MASK(SELF_SIGNED));
	config_apart_close(&next);
	ck_assert_int_eq(config_apart_load(path, &next), 0);
	ck_faults(&next, FINDING_MASK(SELF_SIGNED) | FINDING_MASK(WRONG_NAME));
	config_apart_close(&next);
}
END_TEST

START_TEST(a_reload_compares_what_no_role_is_given)
{
	struct config_apart same, next;

	ck_assert_int_eq(config_apart_reload(apart.snapshots, &same, &report),
	    0);
	ck_assert_str_eq(report.applied, "");
	reload_report_free(&report);
	write_store("battery", "battery");
	ck_assert_int_eq(config_apart_reload(same.snapshots, &next, &report),
	    0);
	ck_assert_str_eq(report.applied,
	    "xmpp.socket.ssl.keystore xmpp.socket.ssl.keypass");
	ck_worker_is_given(&next, "battery");
	config_apart_close(&same);
	config_apart_close(&next);
}
END_TEST

START_TEST(a_wrong_password_is_a_refusal)
{
	struct config_apart next;

	write_store("battery", "staple");
	ck_assert_int_ne(config_apart_reload(apart.snapshots, &next, &report),
	    0);
	ck_assert_ptr_nonnull(strstr(report.problems,
	    "xmpp.socket.ssl.keystore: /tmp/config-apart-store-"));
	ck_assert_ptr_nonnull(strstr(report.problems,
	    "cannot be opened as PKCS#12 with the password given"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_apart");
	TCase *tests = tcase_create("config_apart");
	TCase *opened = tcase_create("what a password opens");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    the_master_has_all_but_secrets_and_passes_them_on);
	tcase_add_test(tests,
	    a_reload_tells_what_differs_though_the_master_cannot);
	tcase_add_test(tests, one_domain_more_waits_for_a_restart);
	tcase_add_test(tests, the_first_reading_passes_its_warnings_on);
	tcase_add_test(tests, what_is_refused_leaves_nothing_but_the_reasons);
	tcase_add_test(tests, a_reader_that_fails_is_a_refusal);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(opened, setup_store, teardown_store);
	tcase_add_test(opened, a_worker_is_given_what_a_password_opens);
	tcase_add_test(opened, the_master_is_told_of_certificates);
	tcase_add_test(opened, a_reload_compares_what_no_role_is_given);
	tcase_add_test(opened, a_wrong_password_is_a_refusal);
	suite_add_tcase(suite, opened);
	return run_suite(suite);
}
