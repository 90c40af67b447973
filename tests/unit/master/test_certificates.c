/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the master makes of certificates as days go by: warnings in the log,
 * rows, metrics. The clocks are the test's.
 */
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/link_report.h"
#include "common/shm/region.h"
#include "master/certificates.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"
#include "worker/control/certificates_shown.h"
#include "worker/control/request.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DAY 86400
#define TO  (1700000000 + 90 * (int64_t)DAY)

static struct config config;
static struct commands_view view = { .config = &config };
static struct certificate_watch watch;
static int log_fd;

static struct certificate_facts
facts_of(const char *subject, int64_t not_after_s)
{
	struct certificate_facts facts = { .not_before_s = 1700000000,
		.not_after_s = not_after_s };

	(void)snprintf(facts.subject, sizeof(facts.subject), "%s", subject);
	(void)snprintf(facts.sha256, sizeof(facts.sha256), "%s", subject + 3);
	return facts;
}

static void
setup(void)
{
	struct certificate_facts own = facts_of("CN=own", TO);

	config = (struct config){ .path = (char *)(uintptr_t) "manager.xml",
		.certificate_days = 21,
		.server.link_count = 3,
		.server.domain = (char *)(uintptr_t) "xmpp.example",
		.client.store.path = (char *)(uintptr_t) "own.p12" };
	certificate_list_add(&config.certificates, &own);
	view.region = small_region(4, 4096);
	memset(&watch, 0, sizeof(watch));
	log_fd = memfd_create("log", MFD_CLOEXEC);
	log_init("test", LOG_WARNING);
	log_sink_set(log_fd, LOG_FORM_TEXT);
}

static void
teardown(void)
{
	certificate_list_clear(&config.certificates);
	region_free(&view.region);
	log_sink_set(STDERR_FILENO, LOG_FORM_TEXT);
}

static unsigned
lines(const char *text)
{
	static char all[1 << 16];
	ssize_t got = pread(log_fd, all, sizeof(all) - 1, 0);
	unsigned count = 0;
	const char *at;

	ck_assert_int_ge(got, 0);
	all[got] = '\0';
	for (at = all; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* An hour at a time, from 30 days before the end to 5 behind it. */
START_TEST(each_day_has_its_warning_from_three_weeks_before_the_end_on)
{
	double steady_s = 1000;
	int64_t now_s;

	for (now_s = TO - 30 * DAY; now_s < TO + 5 * DAY; now_s += 3600) {
		certificates_watch(&watch, &config, now_s, steady_s);
		steady_s += 3600;
		if (now_s < TO - 21 * DAY)
			ck_assert_uint_eq(lines("\n"), 0);
	}
	ck_assert_uint_eq(lines(" warning test: the certificate expires soon: "
				"clients "
				"will refuse to connect when it has expired "),
	    21);
	ck_assert_uint_eq(lines("the certificate has expired: clients will "
				"refuse to "
				"connect role=clients subject=\"CN=own\""),
	    5);
	ck_assert_uint_eq(lines("\n"), 26);
}
END_TEST

START_TEST(what_is_said_in_the_log_is_printed_too_and_each_time)
{
	char text[4096];
	FILE *out = fmemopen(text, sizeof(text), "w");

	certificates_print(&config, TO + 1, out);
	certificates_print(&config, TO + 1, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_ptr_nonnull(strstr(text,
	    "\nmanager.xml:1: warning: xmpp.socket.ssl.keystore: the"
	    " certificate has expired: clients will refuse to connect"
	    " role=clients"));
	ck_assert_ptr_nonnull(strstr(text, " file=\"own.p12\"\n"));
}
END_TEST

START_TEST(a_certificate_signed_by_itself_is_shown_without_a_warning)
{
	config.certificates.rows[0].faults = FINDING_MASK(SELF_SIGNED);
	certificates_watch(&watch, &config, TO - 30 * DAY, 1);
	ck_assert_uint_eq(lines("\n"), 0);
}
END_TEST

/* What was refused has been named with its file when it was read. */
START_TEST(a_response_that_goes_stale_is_a_warning_each_day)
{
	struct ocsp_facts *ocsp = &config.certificates.rows[0].ocsp;

	*ocsp = (struct ocsp_facts){ .state = OCSP_FRESH,
		.until_s = TO - 60 * DAY };
	certificates_watch(&watch, &config, TO - 60 * DAY - 1, 1000);
	ck_assert_uint_eq(lines("\n"), 0);
	certificates_watch(&watch, &config, TO - 60 * DAY, 1001);
	certificates_watch(&watch, &config, TO - 60 * DAY, 4601);
	ck_assert_uint_eq(lines("\n"), 1);
	certificates_watch(&watch, &config, TO - 59 * DAY, 1001 + DAY);
	ck_assert_uint_eq(lines(" warning test: the OCSP response given with"
				" the certificate is not stapled: "),
	    2);
	for (ocsp->state = OCSP_STALE; ocsp->state < OCSP_STATE_COUNT;
	     ocsp->state++)
		certificates_watch(&watch, &config, TO - 58 * DAY,
		    1001 + 2 * DAY);
	ck_assert_uint_eq(lines("\n"), 2);
}
END_TEST

static unsigned
warned_as(enum certificate_role role, bool verify, bool chain, bool validity)
{
	config.certificates.rows[0].role = role;
	config.server.verify = verify;
	config.server.verify_chain = chain;
	config.server.verify_validity = validity;
	memset(&watch, 0, sizeof(watch));
	ck_assert_int_eq(ftruncate(log_fd, 0), 0);
	ck_assert_int_eq(lseek(log_fd, 0, SEEK_SET), 0);
	certificates_watch(&watch, &config, TO + 1, 1);
	return lines("has expired");
}

START_TEST(what_links_do_not_verify_is_no_warning)
{
	ck_assert_uint_eq(warned_as(CERTIFICATE_AUTHORITY, true, true, true),
	    1);
	ck_assert_uint_eq(warned_as(CERTIFICATE_AUTHORITY, true, true, false),
	    0);
	ck_assert_uint_eq(warned_as(CERTIFICATE_AUTHORITY, true, false, true),
	    0);
	ck_assert_uint_eq(warned_as(CERTIFICATE_AUTHORITY, false, true, true),
	    0);
	ck_assert_uint_eq(warned_as(CERTIFICATE_SERVER, true, false, true), 1);
	ck_assert_uint_eq(warned_as(CERTIFICATE_SERVER, true, true, false), 0);
	ck_assert_uint_eq(warned_as(CERTIFICATE_CLIENTS, false, false, false),
	    1);
}
END_TEST

/* --- all of them --- */

struct row {
	char subject[160];
	const char *file;
	uint32_t links;
};

static struct row rows[8];
static unsigned row_count;

static void
take(void *context, const struct certificate_seen *seen)
{
	struct row *row = &rows[row_count++];

	(void)context;
	ck_assert_uint_le(row_count, ARRAY_LEN(rows));
	(void)snprintf(row->subject, sizeof(row->subject), "%s",
	    seen->facts->subject);
	row->file = seen->file;
	row->links = seen->links;
}

static void
show_on(unsigned link, const char *subject)
{
	struct certificate_facts facts = facts_of(subject, TO);

	link_report_write_certificate(view.region, link, &facts);
}

/* Two hosts of one server; the fourth link is wanted no more. */
START_TEST(what_several_links_were_shown_is_one_row)
{
	show_on(0, "CN=one");
	show_on(1, "CN=two");
	show_on(2, "CN=one");
	show_on(3, "CN=old");
	row_count = 0;
	certificates_each(&view, take, NULL);
	ck_assert_uint_eq(row_count, 3);
	ck_assert_str_eq(rows[0].subject, "CN=own");
	ck_assert_str_eq(rows[0].file, "own.p12");
	ck_assert_uint_eq(rows[0].links, 0);
	ck_assert_str_eq(rows[1].subject, "CN=one");
	ck_assert_uint_eq(rows[1].links, 5);
	ck_assert_str_eq(rows[2].subject, "CN=two");
	ck_assert_uint_eq(rows[2].links, 2);
	ck_assert_ptr_null(rows[2].file);
}
END_TEST

START_TEST(a_metric_is_there_once_whatever_a_subject_holds)
{
	struct certificate_facts again;
	struct buf out;

	show_on(0, "CN=a\"b\\c");
	again = config.certificates.rows[0];
	certificate_list_add(&config.certificates, &again);
	config.certificates.rows[1].ocsp.state = OCSP_FRESH;
	config.certificates.rows[1].ocsp.until_s = TO + 61;
	again.ocsp.state = OCSP_REVOKED;
	again.ocsp.until_s = TO + 61;
	(void)snprintf(again.sha256, sizeof(again.sha256), "third");
	certificate_list_add(&config.certificates, &again);
	buf_init(&out, 0);
	certificates_metrics(&view, TO + 1, &out);
	(void)buf_append_char(&out, '\0');
	ck_assert_str_eq(strchr(strstr((char *)out.data, "# TYPE"), '\n'),
	    "\ncmanager_certificate_expiry_seconds{role=\"clients\","
	    "subject=\"CN=own\",sha256=\"own\"} -1\n"
	    "cmanager_certificate_expiry_seconds{role=\"clients\","
	    "subject=\"CN=own\",sha256=\"third\"} -1\n"
	    "cmanager_certificate_expiry_seconds{role=\"server\","
	    "subject=\"CN=a\\\"b\\\\c\",sha256=\"a\\\"b\\\\c\"} -1\n"
	    "# HELP cmanager_ocsp_expiry_seconds how long the OCSP response"
	    " given with each certificate is still stapled; 0 or below it is"
	    " not\n"
	    "# TYPE cmanager_ocsp_expiry_seconds gauge\n"
	    "cmanager_ocsp_expiry_seconds{role=\"clients\","
	    "subject=\"CN=own\",sha256=\"own\"} 60\n"
	    "cmanager_ocsp_expiry_seconds{role=\"clients\","
	    "subject=\"CN=own\",sha256=\"third\"} 0\n");
	buf_destroy(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("certificates");
	TCase *tests = tcase_create("certificates");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    each_day_has_its_warning_from_three_weeks_before_the_end_on);
	tcase_add_test(tests,
	    what_is_said_in_the_log_is_printed_too_and_each_time);
	tcase_add_test(tests,
	    a_certificate_signed_by_itself_is_shown_without_a_warning);
	tcase_add_test(tests, a_response_that_goes_stale_is_a_warning_each_day);
	tcase_add_test(tests, what_links_do_not_verify_is_no_warning);
	tcase_add_test(tests, what_several_links_were_shown_is_one_row);
	tcase_add_test(tests, a_metric_is_there_once_whatever_a_subject_holds);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
