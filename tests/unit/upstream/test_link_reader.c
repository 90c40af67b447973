/* SPDX-License-Identifier: Apache-2.0 */
/* Route packets before, between and behind headers, in every cut of the bytes.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/link_reader.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER \
	"<?xml version='1.0' encoding='UTF-8'?>" \
	"<stream:stream xmlns='jabber:connectionmanager' " \
	"xmlns:stream='http://etherx.jabber.org/streams' id='7'>"
#define BARE_HEADER \
	"<stream:stream xmlns='jabber:connectionmanager' " \
	"xmlns:stream='http://etherx.jabber.org/streams' id='7'>"
#define FEATURES "<stream:features><x xmlns='u'/></stream:features>"
#define PACKET(id) \
	"<route from='example.org' streamid='" id "'>" \
	"<message xmlns='jabber:client'><body>&lt;a</body></message></route>"

static struct link_reader *const reader = &up.links[0].reader;
static char heard[1024];

static void
note(const char *what)
{
	size_t len = strlen(heard);

	snprintf(heard + len, sizeof(heard) - len, "%s ", what);
}

/* Everything that these bytes complete. False at an end or an error. */
static bool
feed(const char *bytes, size_t len)
{
	enum framer_result result = link_reader_feed(reader, bytes, len);

	while (result == FRAMER_HEADER || result == FRAMER_ELEMENT) {
		const struct element *element = framer_element(reader->framer);
		const char *id = element_attribute(element, "streamid");

		note(result == FRAMER_HEADER ? "header"
		     : id                    ? id
					     : element->name);
		result = link_reader_next(reader);
	}
	if (result == FRAMER_MORE)
		return true;
	note(result == FRAMER_END ? "end" : "error");
	return false;
}

/* restart_at: where a new stream begins; 0: nowhere. */
static void
play(const char *text, size_t restart_at, size_t cut, size_t step)
{
	size_t len = strlen(text), from = 0;

	heard[0] = '\0';
	link_reader_restart(reader);
	while (from < len) {
		size_t to = from < cut ? cut : from + step;

		if (from == restart_at && from)
			link_reader_restart(reader);
		if (from < restart_at && to > restart_at)
			to = restart_at;
		to = MIN(to, len);
		if (!feed(text + from, to - from))
			return;
		from = to;
	}
}

static const struct script {
	const char *first;
	const char *second; /* behind a restart, or NULL */
	const char *expected;
} scripts[] = {
	{ HEADER FEATURES PACKET("a"), NULL, "header features a " },
	{ BARE_HEADER FEATURES, NULL, "header features " },
	{ PACKET("a") PACKET("b") HEADER FEATURES PACKET("c"), NULL,
	    "a b header features c " },
	{ " \n" PACKET("a") " " HEADER " \n" PACKET("b") " ", NULL,
	    "a header b " },
	{ "  " BARE_HEADER PACKET("a") "</stream:stream>", NULL,
	    "header a end " },
	{ HEADER FEATURES PACKET("a"), PACKET("b") HEADER PACKET("c"),
	    "header features a b header c " },
	/* Cut off by the restart in the midst of an item. */
	{ HEADER "<route streamid='a'><mess", HEADER PACKET("b"),
	    "header header b " },
	{ PACKET("a") "<route stre", PACKET("b") HEADER, "a b header " },
	{ "<str", HEADER, "header " },
	{ PACKET("a") "<iq type='result' id='1'/><proceed xmlns='u'/>", HEADER,
	    "a iq proceed header " },
	{ HEADER "</route>", NULL, "header error " },
	{ "<route></message>", NULL, "error " },
	{ "text", NULL, "error " },
};

START_TEST(items_come_out_the_same_however_the_bytes_are_cut)
{
	const struct script *script = &scripts[_i];
	char text[4096];
	size_t restart_at = script->second ? strlen(script->first) : 0;

	snprintf(text, sizeof(text), "%s%s", script->first,
	    script->second ? script->second : "");
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		play(text, restart_at, cut, sizeof(text));
		ck_assert_msg(strcmp(heard, script->expected) == 0,
		    "cut at %zu: \"%s\" instead of \"%s\"", cut, heard,
		    script->expected);
	}
	for (size_t step = 1; step < 40; step++) {
		play(text, restart_at, 0, step);
		ck_assert_msg(strcmp(heard, script->expected) == 0,
		    "pieces of %zu: \"%s\" instead of \"%s\"", step, heard,
		    script->expected);
	}
}
END_TEST

START_TEST(a_rest_behind_an_item_is_told_as_long_as_it_is_not_parsed)
{
	static const char text[] = HEADER "<proceed xmlns='u'/>" PACKET("a");

	ck_assert_int_eq(link_reader_feed(reader, text, strlen(text)),
	    FRAMER_HEADER);
	ck_assert_msg(link_reader_has_rest(reader),
	    "what is behind the header should still wait");
	ck_assert_int_eq(link_reader_next(reader), FRAMER_ELEMENT);
	ck_assert_str_eq(framer_element(reader->framer)->name, "proceed");
	ck_assert_msg(link_reader_has_rest(reader),
	    "what is behind <proceed/> should still wait");
	ck_assert_int_eq(link_reader_next(reader), FRAMER_ELEMENT);
	ck_assert_msg(!link_reader_has_rest(reader),
	    "nothing should wait behind the last item");
	ck_assert_int_eq(link_reader_next(reader), FRAMER_MORE);
}
END_TEST

/* Whoever adds them up knows where each item ends. */
START_TEST(the_rest_is_all_that_was_fed_and_is_behind_the_item)
{
	static const char before[] = " " PACKET("a") "\n";
	static const char behind[] = FEATURES PACKET("b") " <rou";

	ck_assert_int_eq(link_reader_feed(reader, before, strlen(before)),
	    FRAMER_ELEMENT);
	ck_assert_uint_eq(link_reader_rest(reader), 1);
	ck_assert_int_eq(link_reader_next(reader), FRAMER_MORE);
	ck_assert_uint_eq(link_reader_rest(reader), 0);
	ck_assert_int_eq(link_reader_feed(reader, "<str", 4), FRAMER_MORE);
	ck_assert_uint_eq(link_reader_rest(reader), 4);
	ck_assert_int_eq(link_reader_feed(reader, &BARE_HEADER[4],
			     strlen(BARE_HEADER) - 4),
	    FRAMER_HEADER);
	ck_assert_uint_eq(link_reader_rest(reader), 0);
	ck_assert_int_eq(link_reader_next(reader), FRAMER_MORE);
	ck_assert_int_eq(link_reader_feed(reader, behind, strlen(behind)),
	    FRAMER_ELEMENT);
	ck_assert_uint_eq(link_reader_rest(reader),
	    strlen(behind) - strlen(FEATURES));
	ck_assert_int_eq(link_reader_next(reader), FRAMER_ELEMENT);
	ck_assert_uint_eq(link_reader_rest(reader), strlen(" <rou"));
}
END_TEST

/* Of a header there is none; the shortest beginnings of one are an item's. */
START_TEST(a_stream_of_another_process_goes_on_behind_an_item)
{
	static const char text[] =
	    PACKET("a") " " PACKET("b") "</stream:stream>";

	for (size_t cut = 0; cut <= strlen(PACKET("a")); cut++) {
		heard[0] = '\0';
		link_reader_go_on(reader);
		ck_assert_msg(feed(text, cut), "cut at %zu: %s", cut, heard);
		ck_assert_msg(link_reader_is_inside(reader) ==
				  (cut > 0 && cut < strlen(PACKET("a"))),
		    "cut at %zu it should be known whether an item has begun",
		    cut);
		ck_assert_msg(!feed(text + cut, strlen(text) - cut),
		    "the stream should end");
		ck_assert_msg(strcmp(heard, "a b end ") == 0,
		    "cut at %zu: \"%s\"", cut, heard);
	}
}
END_TEST

START_TEST(what_waits_for_a_header_is_bounded_by_one_read)
{
	char text[LINK_READ_MAX];

	memset(text, ' ', sizeof(text));
	for (unsigned i = 0; i < 64; i++)
		ck_assert_msg(feed(text, sizeof(text)),
		    "white space should be taken, whatever its length");
	ck_assert_uint_eq(buf_len(&reader->raw), 0);
	ck_assert_msg(feed("<stream:", 8),
	    "the beginning of a header should be taken");
	ck_assert_uint_eq(buf_len(&reader->raw), 8);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_reader");
	TCase *tcase = tcase_create("link_reader");

	tcase_add_checked_fixture(tcase, begin_upstream, finish_upstream);
	tcase_set_timeout(tcase, 50);
	tcase_add_loop_test(tcase,
	    items_come_out_the_same_however_the_bytes_are_cut, 0,
	    (int)ARRAY_LEN(scripts));
	tcase_add_test(tcase,
	    a_rest_behind_an_item_is_told_as_long_as_it_is_not_parsed);
	tcase_add_test(tcase,
	    the_rest_is_all_that_was_fed_and_is_behind_the_item);
	tcase_add_test(tcase,
	    a_stream_of_another_process_goes_on_behind_an_item);
	tcase_add_test(tcase, what_waits_for_a_header_is_bounded_by_one_read);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
