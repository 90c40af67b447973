/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transcripts of live servers and clients, in pieces of many sizes through
 * our readers: each item is what PROTOCOL.md says it is. links.def and
 * clients.def hold what is expected.
 */
#include "tests/scenario/replay.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void replay_fn(const struct replay *replay, size_t piece,
    struct buf *out);

struct scenario {
	const char *file;
	const char *connection;
	unsigned nth;
	const char *words;
};

static const struct scenario links[] = {
#define STREAM(file, connection, nth, words) { file, connection, nth, words },
#include "tests/scenario/links.def"
#undef STREAM
};

static const struct scenario clients[] = {
#define STREAM(file, connection, nth, words) { file, connection, nth, words },
#include "tests/scenario/clients.def"
#undef STREAM
};

/* As sent, each byte alone, and so that every place is once a split. */
static const size_t pieces[] = { 0, 1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31,
	37, 41, 43, 47, 64, 100, 127, 211, 509, 1021 };

static void
read_transcript(const char *file, struct transcript *transcript)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", CAPTURES, file);
	ck_assert_msg(transcript_read(path, transcript) == 0, "%s", path);
}

static void
check_scenario(const struct scenario *scenario, replay_fn *run)
{
	struct transcript transcript;
	struct replay replay = { &transcript, scenario->connection,
		scenario->nth };
	struct buf out;
	size_t i;

	read_transcript(scenario->file, &transcript);
	buf_init(&out, 0);
	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		buf_reset(&out);
		run(&replay, pieces[i], &out);
		ck_assert_msg(strcmp((const char *)buf_bytes(&out),
				  scenario->words) == 0,
		    "%s %s/%u in pieces of %zu:\n  %s\nnot\n  %s",
		    scenario->file, scenario->connection, scenario->nth,
		    pieces[i], (const char *)buf_bytes(&out), scenario->words);
	}
	buf_destroy(&out);
	transcript_free(&transcript);
}

START_TEST(test_each_item_of_a_link_is_decoded_at_any_split)
{
	check_scenario(&links[_i], replay_link);
}
END_TEST

START_TEST(test_each_element_of_a_client_is_framed_at_any_split)
{
	check_scenario(&clients[_i], replay_client);
}
END_TEST

/* What other managers say is not listed: it is a client's grammar, so only that
 * it reads the same at any split. */
START_TEST(test_what_managers_say_reads_the_same_at_any_split)
{
	struct transcript transcript;
	struct replay replay = { &transcript, links[_i].connection,
		links[_i].nth };
	struct buf whole, out;
	size_t i;

	read_transcript(links[_i].file, &transcript);
	buf_init(&whole, 0);
	buf_init(&out, 0);
	replay_manager(&replay, 0, &whole);
	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		buf_reset(&out);
		replay_manager(&replay, pieces[i], &out);
		ck_assert_str_eq((const char *)buf_bytes(&out),
		    (const char *)buf_bytes(&whole));
	}
	buf_destroy(&whole);
	buf_destroy(&out);
	transcript_free(&transcript);
}
END_TEST

/* --- no stream of a transcript is forgotten --- */

struct tally {
	enum way way;
	const struct scenario *scenarios;
	size_t count;
};

static bool
is_listed(const struct tally *tally, const char *file, const char *connection,
    unsigned nth)
{
	size_t i;

	for (i = 0; i < tally->count; i++)
		if (strcmp(tally->scenarios[i].file, file) == 0 &&
		    strcmp(tally->scenarios[i].connection, connection) == 0 &&
		    tally->scenarios[i].nth == nth)
			return true;
	return false;
}

/* U speaks with the server directly and is none of ours. */
static unsigned
nth_of(const struct transcript *transcript, size_t index)
{
	const struct record *record = &transcript->records[index];
	unsigned nth = 0;
	size_t i;

	for (i = 0; i < index; i++)
		if (transcript->records[i].way == WAY_CONNECTED &&
		    strcmp(transcript->records[i].connection,
			record->connection) == 0)
			nth++;
	return nth;
}

static void
check_listed(const struct tally *tally, const char *file)
{
	struct transcript transcript;
	size_t i;

	read_transcript(file, &transcript);
	ck_assert_uint_gt(transcript.count, 0);
	for (i = 0; i < transcript.count; i++) {
		const struct record *record = &transcript.records[i];

		if (record->way == tally->way && record->connection[0] != 'U')
			ck_assert_msg(is_listed(tally, file, record->connection,
					  nth_of(&transcript, i)),
			    "STREAM(\"%s\", \"%s\", %u,", file,
			    record->connection, nth_of(&transcript, i));
	}
	transcript_free(&transcript);
}

START_TEST(test_no_stream_of_a_transcript_is_left_out)
{
	static const struct tally tallies[] = {
		{ WAY_DOWN, links, ARRAY_LEN(links) },
		{ WAY_FROM_CLIENT, clients, ARRAY_LEN(clients) },
	};
	static const char *const files[] = {
#define CAPTURE(file) file,
#include "tests/scenario/captures.def"
#undef CAPTURE
	};
	size_t i, k;

	for (i = 0; i < ARRAY_LEN(files); i++)
		for (k = 0; k < ARRAY_LEN(tallies); k++)
			check_listed(&tallies[k], files[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("captures");
	TCase *tcase = tcase_create("captures");

	tcase_add_loop_test(tcase,
	    test_each_item_of_a_link_is_decoded_at_any_split, 0,
	    ARRAY_LEN(links));
	tcase_add_loop_test(tcase,
	    test_each_element_of_a_client_is_framed_at_any_split, 0,
	    ARRAY_LEN(clients));
	tcase_add_loop_test(tcase,
	    test_what_managers_say_reads_the_same_at_any_split, 0,
	    ARRAY_LEN(links));
	tcase_add_test(tcase, test_no_stream_of_a_transcript_is_left_out);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
