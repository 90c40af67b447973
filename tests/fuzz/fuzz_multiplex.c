/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multiplex: any bytes from a server are items or ignored, and what we answer
 * to any of them is in the safe profile and well-formed: one bad byte on a link
 * ends it for all its clients (PROTOCOL.md §6.7). What is returned of it is
 * recognised as what may go up.
 *
 * Input: one byte of choice, then a link's bytes or a client's.
 */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/recognise.h"
#include "common/xmpp/stream.h"
#include "tests/fuzz/wide_framer.h"
#include "tests/support/xmpp/meaning.h"
#include "tests/support/xmpp/safe_profile.h"

#include <string.h>

#define CHOICE_CLIENT 1u /* a client's stanzas, bounced */
#define CHOICE_HEADER 2u /* the link begins with its header */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct multiplex_names names = { "example.org", "cm1" };

/* What goes to a link or to a client's stream alone. */
static void
check_words(const struct buf *words, const char *head, const char *tail,
    const char *known)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct meaning meaning;

	CHECK(!words->failed);
	CHECK(!safe_profile_breach(buf_bytes(words), buf_len(words), known));
	meaning_read(&meaning, &plain, head, buf_bytes(words), buf_len(words),
	    tail);
	CHECK(meaning.whole && meaning.count == 1);
	meaning_free(&meaning);
}

static void
check_recognised(const struct buf *words, enum recognised expected)
{
	static struct recogniser *recogniser;

	if (!recogniser)
		recogniser = recogniser_new();
	CHECK(recognise_element(recogniser, buf_bytes(words), buf_len(words)) ==
	      expected);
}

/* As a worker hands it over; upstream adds what <failed/> needs. */
static void
check_failed(const struct multiplex_item *item)
{
	struct buf out;

	buf_init(&out, 0);
	multiplex_render_standalone(&out, item->bytes, item->len);
	check_recognised(&out, RECOGNISED_MESSAGE);
	buf_destroy(&out);
}

static void
check_returned(const struct multiplex_item *item)
{
	struct buf out;
	int result = -1;

	buf_init(&out, 0);
	if (item->content == CONTENT_MESSAGE) {
		result = multiplex_render_failed(&out, &names, "s", "1",
		    item->bytes, item->len);
		CHECK(result == 0);
		check_failed(item);
	} else if (item->content == CONTENT_IQ_REQUEST) {
		result =
		    multiplex_render_undelivered(&out, item->bytes, item->len);
		CHECK(result == 0);
		check_recognised(&out, RECOGNISED_IQ_ANSWER);
	}
	if (result == 0)
		check_words(&out, "<r>", "</r>", NULL);
	buf_destroy(&out);
}

static void
check_item(const struct multiplex_item *item)
{
	CHECK(item->kind < MULTIPLEX_KIND_COUNT);
	CHECK(item->condition);
	CHECK(memchr(item->configuration.offer.mechanisms, '\0',
	    sizeof(item->configuration.offer.mechanisms)));
	CHECK(memchr(item->configuration.clear.mechanisms, '\0',
	    sizeof(item->configuration.clear.mechanisms)));
	if (item->kind == MULTIPLEX_PACKET) {
		CHECK(item->streamid && item->bytes && item->len > 0);
		CHECK(item->content < CONTENT_KIND_COUNT);
		CHECK(!safe_profile_breach(item->bytes, item->len, "stream"));
		check_returned(item);
	}
	CHECK((item->kind != MULTIPLEX_CREATED &&
		  item->kind != MULTIPLEX_CREATE_REFUSED &&
		  item->kind != MULTIPLEX_CLOSED &&
		  item->kind != MULTIPLEX_SESSION_CLOSE &&
		  item->kind != MULTIPLEX_PACKET_ERROR) ||
	      item->streamid);
}

static void
check_link(bool with_header, const uint8_t *bytes, size_t len)
{
	struct framer *framer = framer_new(&wide_limits, FRAMER_UNWRAP);
	struct multiplex_item item;
	enum framer_result result;

	if (!with_header)
		framer_prime(framer, NS_MULTIPLEX);
	result = framer_feed(framer, bytes, len);
	while (framer_is_suspended(framer)) {
		if (result != FRAMER_TOO_BIG) {
			multiplex_decode(framer, framer_element(framer), "cm1",
			    &item);
			check_item(&item);
		}
		result = framer_resume(framer);
	}
	framer_free(&framer);
}

static const struct stanza_fault fault = { "wait", "conflict", "why" };

static void
check_bounce(const struct element *element)
{
	struct buf packet, out;
	const uint8_t *stanza;
	size_t len;

	buf_init(&packet, 0);
	buf_init(&out, 0);
	multiplex_render_packet_start(&packet, &names, "s");
	buf_append(&packet, element->bytes, element->len);
	multiplex_render_packet_end(&packet);
	check_words(&packet, "<r>", "</r>", NULL);
	CHECK(multiplex_unwrap(buf_bytes(&packet), buf_len(&packet), &stanza,
	    &len));
	CHECK(len == element->len);
	if (multiplex_render_bounce(&out, stanza, len, &fault) == 0)
		check_words(&out, "<r xmlns='jabber:client'>", "</r>", NULL);
	buf_destroy(&packet);
	buf_destroy(&out);
}

/* Frames lie in memory that others write: anything may stand there. */
static void
check_anything(const uint8_t *bytes, size_t len)
{
	struct buf out;

	buf_init(&out, 0);
	(void)!multiplex_render_bounce(&out, bytes, len, &fault);
	buf_reset(&out);
	(void)!multiplex_render_undelivered(&out, bytes, len);
	buf_reset(&out);
	multiplex_render_standalone(&out, bytes, len);
	buf_reset(&out);
	(void)!multiplex_render_failed(&out, &names, "s", "1", bytes, len);
	buf_destroy(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	unsigned choice;

	if (len < 1)
		return 0;
	choice = bytes[0];
	bytes++;
	len--;
	check_anything(bytes, len);
	if (choice & CHOICE_CLIENT)
		wide_framer_each(bytes, len, check_bounce);
	else
		check_link((choice & CHOICE_HEADER) != 0, bytes, len);
	return 0;
}
