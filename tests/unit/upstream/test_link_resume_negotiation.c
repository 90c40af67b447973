/* SPDX-License-Identifier: Apache-2.0 */
/* A link that a predecessor was negotiating as it was killed goes on in its
 * phase; what the server sends to clients meanwhile is handed out once. */
#include "common/net/digest.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/resume_rig.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/send/pump.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define STREAM_ID "s7"

enum { HEADER, PACKET, FEATURES, OTHER_PACKET, HANDSHAKE, PARTS };

static char parts[PARTS][512]; /* that the server sends, in order */
static unsigned told;          /* parts that the predecessor deals with */
static size_t more;            /* bytes of the next that it has read */

static void
write_packet(char *part, unsigned number)
{
	snprintf(part, sizeof(parts[0]),
	    "<route from='example.org' streamid='%s'><message "
	    "xmlns='jabber:client' id='%u'><body>x</body></message></route>",
	    resume_streamid, number);
}

static void
write_parts(void)
{
	snprintf(parts[HEADER], sizeof(parts[0]),
	    "<?xml version='1.0'?><stream:stream "
	    "xmlns='jabber:connectionmanager' "
	    "xmlns:stream='http://etherx.jabber.org/streams' "
	    "from='example.org' id='" STREAM_ID "'>");
	write_packet(parts[PACKET], 0);
	snprintf(parts[FEATURES], sizeof(parts[0]), "<stream:features/>");
	write_packet(parts[OTHER_PACKET], 1);
	snprintf(parts[HANDSHAKE], sizeof(parts[0]), "<handshake/>");
}

static void
server_sends(const char *text, size_t len)
{
	CHECK(send(resume_server, text, len, 0) == (ssize_t)len);
}

/* Writes, and reads up to there. */
static void
pass(uint64_t to)
{
	do {
		while (pump_link(resume_link))
			;
		if (resume_link->received < to)
			ev_run(ground.loop, EVRUN_ONCE);
	} while (resume_link->received < to && !resume_link->lost);
	while (pump_link(resume_link))
		;
}

static void
begin_negotiating(void)
{
	link_open(resume_link, dup(resume_kept));
	resume_link->state = LINK_CONNECTING;
	resume_link->attempt = RESUME_ATTEMPT;
	resume_link->cookie = resume_left[RESUME_LINK].cookie;
	link_connected(resume_link);
}

static void
negotiate_partly(void)
{
	uint64_t to = more;

	begin_negotiating();
	pass(0);
	for (unsigned i = 0; i < told; i++) {
		server_sends(parts[i], strlen(parts[i]));
		to += strlen(parts[i]);
	}
	server_sends(parts[told], more);
	pass(to);
	links_remember(&up);
}

static void
expect_up(void)
{
	char digest[DIGEST_SHA1_HEX + 1], got[2048] = "";
	ssize_t len = recv(resume_server, got, sizeof(got) - 1, MSG_DONTWAIT);
	const char *handshake;

	ck_assert_int_gt(len, 0);
	ck_assert_msg(strstr(got, "<stream:stream") != NULL, "got %s", got);
	ck_assert_msg(strstr(strstr(got, "<stream:stream") + 1,
			  "<stream:stream") == NULL,
	    "there should be one header: %s", got);
	digest_sha1_hex(STREAM_ID, "s", digest);
	handshake = strstr(got, digest);
	ck_assert_msg(handshake && !strstr(handshake + 1, digest),
	    "the secret should be proven once: %s", got);
}

static void
expect_packets(unsigned count)
{
	uint64_t cursor = 0;
	struct frame frame;
	char id[16];

	region_down_ring(resume_region, 0, &worker_end);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(ring_next(&worker_end, &cursor, &frame), 1);
		snprintf(id, sizeof(id), "id=\"%u\"", i);
		ck_assert_msg(memmem(frame.bytes, frame.len, id, strlen(id)),
		    "%s should be next", id);
	}
	ck_assert_int_eq(ring_next(&worker_end, &cursor, &frame), 0);
}

START_TEST(a_link_goes_on_in_its_phase)
{
	uint64_t total = 0;

	write_parts();
	told = (unsigned)_i / 2;
	more = _i % 2 ? strlen(parts[told]) / 2 : 0;
	resume_live_and_negotiate(negotiate_partly);
	resume_succeed();
	ck_assert_msg(resume_link->fd >= 0 && !resume_link->joined,
	    "it should be negotiating");
	resume_join_worker();
	up.briefed = true;
	server_sends(parts[told] + more, strlen(parts[told]) - more);
	for (unsigned i = told + 1; i < PARTS; i++)
		server_sends(parts[i], strlen(parts[i]));
	for (unsigned i = 0; i < PARTS; i++)
		total += strlen(parts[i]);
	link_read_resumed(resume_link);
	pass(total);
	ck_assert_msg(!resume_link->lost, "it should make sense");
	ck_assert_int_eq(resume_link->state, LINK_SERVING);
	ck_assert_msg(resume_goes_on(), "it should serve");
	expect_up();
	expect_packets(2);
	ck_assert_uint_eq(resume_parsed(), total);
}
END_TEST

static void
go_over_to_tls(void)
{
	begin_negotiating();
	resume_link->state = LINK_STARTTLS;
	link_remember_tls(resume_link);
}

START_TEST(one_in_its_tls_handshake_does_not)
{
	resume_live_and_negotiate(go_over_to_tls);
	resume_succeed();
	ck_assert_int_eq(resume_link->fd, -1);
	ck_assert_int_eq(resume_link->state, LINK_WAITING);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_resume_negotiation");
	TCase *tcase = tcase_create("link_resume_negotiation");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, resume_setup, resume_teardown);
	tcase_add_loop_test(tcase, a_link_goes_on_in_its_phase, 0, 2 * PARTS);
	tcase_add_test(tcase, one_in_its_tls_handshake_does_not);
	return run_suite(suite);
}
