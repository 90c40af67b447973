/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker may have upstream say, and what it may not: frames in its rings
 * against what is in the lanes. */
#include "common/net/digest.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/up_frame.h"
#include "worker/upstream/partitions.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE "<message to=\"b@example.org\"><body>x</body></message>"

/* The worker of partition 0 has a session. */
static struct directory *worker;
static uint32_t slot, generation;
static char streamid[STREAMID_MAX + 1];
static struct ring rings[LANE_COUNT];

static void
setup(void)
{
	begin_upstream();
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(up.region, 0, lane, &rings[lane]);
		ring_begin(&rings[lane], RING_PRODUCER);
	}
	worker = directory_new(up.region, NULL, "cm1", digest_random);
	ck_assert_int_eq(directory_claim(worker, 0, &slot), 0);
	generation = directory_generation(worker, slot);
	directory_streamid(worker, slot, streamid);
	partitions_take(&up, 0, 1);
	up.partitions[0].phase = PHASE_RECOVERING; /* there is no master */
}

static void
teardown(void)
{
	directory_free(&worker);
	finish_upstream();
}

/* --- a worker's frames --- */

static struct frame_id
id_of(uint8_t kind)
{
	return (struct frame_id){
		.kind = kind, .slot = slot, .generation = generation
	};
}

static void
say(const struct frame_id *id, const void *bytes, size_t len)
{
	ck_assert_int_eq(ring_push(&rings[slot % LANE_COUNT], id, bytes,
			     (uint32_t)len),
	    0);
	collect_look_at_all(&up);
	(void)collect(&up);
}

static void
say_text(uint8_t kind, const char *text)
{
	const struct frame_id id = id_of(kind);

	say(&id, text, strlen(text));
}

static unsigned
count_entries(void)
{
	unsigned count = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		count += (unsigned)(lane_log_head(&up.lanes[lane].log) -
				    lane_log_tail(&up.lanes[lane].log));
	return count;
}

static void
expect_wire(uint8_t kind, const char *text)
{
	const struct lane_log *log = &up.lanes[slot % LANE_COUNT].log;
	struct lane_entry entry;
	char wire[2048];

	ck_assert_int_eq(lane_log_read(log, lane_log_head(log) - 1, &entry), 0);
	ck_assert_uint_lt(entry.len, sizeof(wire));
	memcpy(wire, lane_log_bytes(log, &entry), entry.len);
	wire[entry.len] = '\0';
	ck_assert_uint_eq(entry.kind, kind);
	ck_assert_uint_eq(entry.slot, slot);
	ck_assert_uint_eq(entry.generation, generation);
	ck_assert_uint_eq(entry.partition, 0);
	ck_assert_str_eq(wire, text);
	ck_assert_msg(!up.partitions[0].damaged, "its worker is honest");
}

static const char *
packet(const char *inner)
{
	static char text[2048];

	snprintf(text, sizeof(text),
	    "<route to=\"example.org\" from=\"cm1\" streamid=\"%s\">%s"
	    "</route>",
	    streamid, inner);
	return text;
}

START_TEST(a_stanza_goes_up_in_a_packet_of_its_session)
{
	static const struct {
		uint8_t said, kind;
		const char *text;
	} stanzas[] = {
		{ FRAME_MESSAGE, FRAME_MESSAGE, MESSAGE },
		{ FRAME_PRESENCE, FRAME_PRESENCE, "<presence/>" },
		{ FRAME_IQ_REQUEST, FRAME_IQ_REQUEST,
		    "<iq type=\"get\" id=\"1\"><q xmlns=\"u:q\"/></iq>" },
		{ FRAME_IQ_ANSWER, FRAME_IQ_ANSWER,
		    "<iq type=\"result\" id=\"1\"/>" },
		{ FRAME_AUTH, FRAME_AUTH,
		    "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\""
		    " mechanism=\"PLAIN\">AGEAYg==</auth>" },
		/* What it is is seen, never believed. */
		{ FRAME_PRESENCE, FRAME_MESSAGE, MESSAGE },
		{ FRAME_IQ_ANSWER, FRAME_IQ_REQUEST,
		    "<iq type=\"set\" id=\"1\"><q xmlns=\"u:q\"/></iq>" },
	};

	for (size_t i = 0; i < ARRAY_LEN(stanzas); i++) {
		say_text(stanzas[i].said, stanzas[i].text);
		expect_wire(stanzas[i].kind, packet(stanzas[i].text));
	}
}
END_TEST

START_TEST(requests_about_the_session_are_written_here)
{
	const struct frame_id create_id = id_of(FRAME_CREATE);
	struct up_create create = {
		.address = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2,
		    1 },
	};
	char text[1024];

	up.run_id = 1;
	up.next_id = 5;
	say(&create_id, &create, sizeof(create));
	snprintf(text, sizeof(text),
	    "<iq type=\"set\" to=\"example.org\" from=\"cm1\" "
	    "id=\"00000001-5\"><session "
	    "xmlns=\"http://jabber.org/protocol/connectionmanager\" "
	    "id=\"%s\"><create><host name=\"192.0.2.1\" "
	    "address=\"192.0.2.1\"/></create></session></iq>",
	    streamid);
	expect_wire(FRAME_CREATE, text);
	say_text(FRAME_FAILED, MESSAGE);
	snprintf(text, sizeof(text),
	    "<iq type=\"set\" to=\"example.org\" from=\"cm1\" "
	    "id=\"00000001-6\"><session "
	    "xmlns=\"http://jabber.org/protocol/connectionmanager\" "
	    "id=\"%s\"><failed><message xmlns=\"\" to=\"b@example.org\"><body>"
	    "x</body></message></failed></session></iq>",
	    streamid);
	expect_wire(FRAME_FAILED, text);
	say_text(FRAME_PROBE, "");
	expect_wire(FRAME_PROBE, packet("<iq type=\"result\" id=\"cm-probe\" "
					"to=\"example.org\"/>"));
	say_text(FRAME_CLOSE, "");
	snprintf(text, sizeof(text),
	    "<iq type=\"set\" to=\"example.org\" from=\"cm1\" "
	    "id=\"00000001-7\"><session "
	    "xmlns=\"http://jabber.org/protocol/connectionmanager\" "
	    "id=\"%s\"><close/></session></iq>",
	    streamid);
	expect_wire(FRAME_CLOSE, text);
}
END_TEST

/* --- what no worker may say --- */

static void
expect_forged(void)
{
	ck_assert_uint_eq(count_entries(), 0);
	ck_assert_msg(up.partitions[0].damaged, "its worker is to be ended");
	ck_assert_uint_eq(log_lines_with("what no worker may say"), 1);
}

static const struct {
	uint8_t kind;
	const char *text;
} forged[] = {
	{ FRAME_MESSAGE, "" },
	{ FRAME_MESSAGE, "x" },
	{ FRAME_MESSAGE, MESSAGE MESSAGE },
	{ FRAME_MESSAGE, MESSAGE " " },
	{ FRAME_MESSAGE, "<message>" },
	{ FRAME_MESSAGE, "<message><body></message>" },
	{ FRAME_MESSAGE, "<message><a></b></message>" },
	{ FRAME_MESSAGE, "</route>" },
	{ FRAME_MESSAGE, "<message></message></route><route><message/>" },
	{ FRAME_MESSAGE, "<message/></route>" },
	{ FRAME_MESSAGE, "<message a=\"1\" a=\"2\"/>" },
	{ FRAME_MESSAGE, "<message><body>&nbsp;</body></message>" },
	{ FRAME_MESSAGE, "<message><body>\x01</body></message>" },
	{ FRAME_MESSAGE, "<message><body>\xFF</body></message>" },
	{ FRAME_MESSAGE, "<message><!-- x --></message>" },
	{ FRAME_MESSAGE, "<message><![CDATA[x]]></message>" },
	{ FRAME_MESSAGE, "<message><x:y/></message>" },
	{ FRAME_MESSAGE, "<message id='1'/>" },
	{ FRAME_MESSAGE, "<route streamid=\"cm1x\"><message/></route>" },
	{ FRAME_MESSAGE,
	    "<iq type=\"set\" id=\"1\"><session "
	    "xmlns=\"http://jabber.org/protocol/connectionmanager\" "
	    "id=\"x\"><close/></session></iq> " },
	{ FRAME_IQ_REQUEST, "<iq type=\"get\" id=\"1\"/>" },
	{ FRAME_PRESENCE, "<stream:stream>" },
	{ FRAME_OTHER, MESSAGE },
	{ FRAME_CONTROL, " " },
	{ FRAME_BARRIER, "" },
	{ FRAME_SUCCESS, "" },
	{ FRAME_CREATE, "" },
	{ FRAME_CREATE, "127.0.0.1" },
	{ FRAME_LEAVE, "x" },
	{ FRAME_CLOSE, "x" },
	{ FRAME_RELEASE, "x" },
	{ FRAME_PROBE, "x" },
};

START_TEST(what_no_worker_may_say_costs_the_worker_and_is_not_sent)
{
	say_text(forged[_i].kind, forged[_i].text);
	expect_forged();
	/* Nor is anything behind it. */
	say_text(FRAME_MESSAGE, MESSAGE);
	ck_assert_uint_eq(count_entries(), 0);
}
END_TEST

static void
other_partition(struct frame_id *id)
{
	id->slot += FIXTURE_SESSIONS;
}

static void
other_lane(struct frame_id *id)
{
	id->slot ^= 1;
}

static void
no_slot(struct frame_id *id)
{
	id->slot = UINT32_MAX / LANE_COUNT * LANE_COUNT + slot % LANE_COUNT;
}

static void
no_domain(struct frame_id *id)
{
	id->domain = 1;
}

static void
part_of_a_chain(struct frame_id *id)
{
	id->flags = FRAME_MORE;
}

static void (*const lies[])(struct frame_id *id) = { other_partition,
	other_lane, no_slot, no_domain, part_of_a_chain };

START_TEST(nobody_speaks_for_another)
{
	struct frame_id id = id_of(FRAME_MESSAGE);

	lies[_i](&id);
	say(&id, MESSAGE, strlen(MESSAGE));
	expect_forged();
}
END_TEST

START_TEST(the_texts_of_a_create_are_plain)
{
	const struct frame_id id = id_of(FRAME_CREATE);
	struct up_create create = { .encrypted = 1, .tls_version = "TLSv1.3" };

	if (_i == 0)
		memset(create.cipher, 'x', sizeof(create.cipher));
	else
		memcpy(create.cipher, "\"/><x y=\"", 10);
	say(&id, &create, sizeof(create));
	expect_forged();
}
END_TEST

START_TEST(who_speaks_for_a_session_that_is_over_is_only_late)
{
	struct frame_id id = id_of(FRAME_MESSAGE);

	id.generation++;
	say(&id, MESSAGE, strlen(MESSAGE));
	ck_assert_uint_eq(count_entries(), 0);
	ck_assert_msg(!up.partitions[0].damaged, "its worker is honest");
	say_text(FRAME_MESSAGE, MESSAGE);
	ck_assert_uint_eq(count_entries(), 1);
}
END_TEST

/* --- a successor of upstream --- */

START_TEST(what_was_copied_and_not_given_back_is_not_taken_twice)
{
	struct ring *ring = &rings[slot % LANE_COUNT];
	say_text(FRAME_MESSAGE, MESSAGE);
	say_text(FRAME_PRESENCE, "<presence/>");
	ck_assert_uint_eq(count_entries(), 2);
	/* As if it had been killed before the last two stores. */
	*ring->tail = *ring->sent = 0;
	up.partitions[0].phase = PHASE_IDLE;
	collect_note_copied(&up);
	partitions_take(&up, 0, 1);
	(void)collect(&up);
	ck_assert_uint_eq(count_entries(), 2);
	ck_assert_uint_eq(*ring->tail, ring_head(ring));
	say_text(FRAME_MESSAGE, MESSAGE);
	ck_assert_uint_eq(count_entries(), 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap");
	TCase *tcase = tcase_create("wrap");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_stanza_goes_up_in_a_packet_of_its_session);
	tcase_add_test(tcase, requests_about_the_session_are_written_here);
	tcase_add_loop_test(tcase,
	    what_no_worker_may_say_costs_the_worker_and_is_not_sent, 0,
	    (int)ARRAY_LEN(forged));
	tcase_add_loop_test(tcase, nobody_speaks_for_another, 0,
	    (int)ARRAY_LEN(lies));
	tcase_add_loop_test(tcase, the_texts_of_a_create_are_plain, 0, 2);
	tcase_add_test(tcase,
	    who_speaks_for_a_session_that_is_over_is_only_late);
	tcase_add_test(tcase,
	    what_was_copied_and_not_given_back_is_not_taken_twice);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
