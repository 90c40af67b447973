/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of what others write: reports of links and lanes, and sessions
 * that live, died, or are half written. */
#include "common/shm/directory.h"
#include "common/shm/link_report.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct region *region;
static struct directory *directory;

static void
fill(void *bytes, size_t len)
{
	memset(bytes, 'a', len);
}

static void
setup(void)
{
	region = small_region(4, 4096);
	directory = directory_new(region, NULL, "cm", fill);
}

static void
teardown(void)
{
	directory_free(&directory);
	region_free(&region);
}

START_TEST(a_link_is_read_as_it_was_written)
{
	struct link_report sent = { .state = "serving",
		.address = "[2001:db8::1]:5262",
		.round_trip_us = 1500,
		.unconfirmed_bytes = 1ull << 33,
		.silent_since = 0.5 };
	struct link_report got;

	ck_assert_msg(!link_report_read(region, 3, &got),
	    "there should be no report of a link before one is written");
	link_report_write(region, 3, &sent);
	ck_assert_msg(link_report_read(region, 3, &got),
	    "the report that was written should be readable");
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	ck_assert_msg(!link_report_read(region, 2, &got),
	    "there should be no report of another link");
}
END_TEST

START_TEST(a_writer_that_died_in_the_midst_is_not_believed)
{
	struct link_report sent = { .state = "serving" }, got;
	uint32_t *sequence = region_section(region, REGION_LINK_REPORTS, 0);

	link_report_write(region, 0, &sent);
	++*sequence; /* the first word of the first one */
	ck_assert_msg(!link_report_read(region, 0, &got),
	    "a report that is half written should not be believed");
	link_report_write(region, 0, &sent); /* its successor */
	ck_assert_msg(link_report_read(region, 0, &got),
	    "the next report should be readable again");
}
END_TEST

START_TEST(a_lane_is_read_as_it_was_written)
{
	struct lane_report sent = {
		.state = "carried", .link = 3, .unsent_bytes = 1ull << 33
	};
	struct lane_report got;

	ck_assert_msg(!lane_report_read(region, LANE_COUNT - 1, &got),
	    "there should be no report of a lane before one is written");
	lane_report_write(region, LANE_COUNT - 1, &sent);
	ck_assert_msg(lane_report_read(region, LANE_COUNT - 1, &got),
	    "the report that was written should be readable");
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	ck_assert_msg(!lane_report_read(region, 0, &got),
	    "there should be no report of another lane");
}
END_TEST

/* A mad upstream's. */
START_TEST(whatever_is_said_of_a_lane_names_a_link_or_none)
{
	struct lane_report sent, got;

	memset(&sent, 0x9b, sizeof(sent));
	lane_report_write(region, 0, &sent);
	ck_assert_msg(lane_report_read(region, 0, &got),
	    "a report of nonsense should be readable");
	ck_assert_uint_eq(got.link, LINKS_MAX);
	ck_assert_uint_lt(strlen(got.state), sizeof(got.state));
}
END_TEST

START_TEST(a_certificate_is_read_as_it_was_shown)
{
	struct certificate_facts sent = { .role = CERTIFICATE_SERVER,
		.not_after_s = 1800000000,
		.sha256 = "cafe",
		.subject = "CN=xmpp.example" };
	struct certificate_facts got;

	ck_assert_msg(!link_report_read_certificate(region, 15, &got),
	    "there should be no certificate before one is written");
	link_report_write_certificate(region, 15, &sent);
	ck_assert_msg(link_report_read_certificate(region, 15, &got),
	    "the certificate that was written should be readable");
	ck_assert_int_eq(got.not_after_s, sent.not_after_s);
	ck_assert_str_eq(got.sha256, sent.sha256);
	ck_assert_str_eq(got.subject, sent.subject);
	ck_assert_str_eq(got.issuer, "");
	ck_assert_msg(!link_report_read_certificate(region, 14, &got),
	    "there should be no certificate of another link");
}
END_TEST

/* A mad upstream's. */
START_TEST(whatever_is_said_of_a_certificate_is_shown_as_text)
{
	struct certificate_facts sent, got;

	memset(&sent, 0x9b, sizeof(sent));
	link_report_write_certificate(region, 0, &sent);
	ck_assert_msg(link_report_read_certificate(region, 0, &got),
	    "a certificate of nonsense should be readable as text");
	ck_assert_uint_eq(got.role, CERTIFICATE_SERVER);
	ck_assert_uint_eq(got.ocsp.state, OCSP_NONE);
	ck_assert_uint_lt(strlen(got.sha256), sizeof(got.sha256));
	ck_assert_uint_lt(strlen(got.subject), sizeof(got.subject));
	ck_assert_int_eq(got.subject[0], '?');
}
END_TEST

START_TEST(a_session_is_seen_while_it_lives)
{
	struct session_view view;
	struct session_info *info;
	uint32_t slot;

	ck_assert_msg(!directory_view(directory, 4, &view),
	    "a slot that nobody claimed should not be shown");
	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	info = directory_info(directory, slot);
	info->phase = SESSION_BOUND;
	info->bytes_up = 12;
	ck_assert_int_eq(directory_set_jid(directory, slot, "a@b/c", 5), 0);
	ck_assert_msg(directory_view(directory, slot, &view),
	    "a session that lives should be shown");
	ck_assert_str_eq(view.jid, "a@b/c");
	ck_assert_uint_eq(view.owner, 1);
	ck_assert_uint_eq(view.bytes_up, 12);
	ck_assert_str_eq(session_phase_name((enum session_phase)view.phase),
	    "bound");
	directory_end(directory, slot, view.generation);
	ck_assert_msg(!directory_view(directory, slot, &view),
	    "a session that ended should not be shown");
}
END_TEST

START_TEST(nonsense_in_a_sessions_info_is_borne)
{
	static const uint32_t offsets[] = { 1, 4090, 4096, 4097, UINT32_MAX };
	struct session_view view;
	struct session_info *info;
	uint32_t slot;
	size_t i;

	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	info = directory_info(directory, slot);
	for (i = 0; i < ARRAY_LEN(offsets); i++) {
		info->jid_offset = offsets[i];
		info->jid_len = UINT16_MAX;
		info->phase = 99;
		ck_assert_msg(directory_view(directory, slot, &view),
		    "a session should be shown whatever its info says");
		ck_assert_str_eq(session_phase_name((enum session_phase)
							view.phase),
		    "unknown");
		ck_assert_uint_lt(strlen(view.jid), SESSION_JID_MAX);
	}
	info->generation++;
	ck_assert_msg(!directory_view(directory, slot, &view),
	    "the info of another generation should not be shown");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("views");
	TCase *tests = tcase_create("views");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_certificate_is_read_as_it_was_shown);
	tcase_add_test(tests,
	    whatever_is_said_of_a_certificate_is_shown_as_text);
	tcase_add_test(tests, a_link_is_read_as_it_was_written);
	tcase_add_test(tests, a_writer_that_died_in_the_midst_is_not_believed);
	tcase_add_test(tests, a_lane_is_read_as_it_was_written);
	tcase_add_test(tests, whatever_is_said_of_a_lane_names_a_link_or_none);
	tcase_add_test(tests, a_session_is_seen_while_it_lives);
	tcase_add_test(tests, nonsense_in_a_sessions_info_is_borne);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
