/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framer's canonical text against a plain expat parser: it says what the
 * input said, stands alone, is in the safe profile of PROTOCOL.md §6.6, is cut
 * by the models of the server's scanner where it ends, and is already
 * canonical.
 *
 * Input: one byte of choice, then elements of a client, or what a route packet
 * holds.
 */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "tests/fuzz/wide_framer.h"
#include "tests/support/xmpp/meaning.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/support/xmpp/scanner_cut.h"

#include <string.h>

#define CHOICE_PACKET 1u
#define CHOICE_HEADER 2u /* the client's header declares a prefix */

#define CLIENT_HEADER \
	"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>"
#define PREFIX_HEADER \
	"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM \
	"' xmlns:q='urn:q' xmlns:r=\"urn:r'&#34;\">"
#define LINK_HEADER \
	"<stream:stream xmlns='" NS_MULTIPLEX "' xmlns:stream='" NS_STREAM "'" \
	">"
#define PACKET_START "<route streamid='s'>"
#define PACKET_END   "</route>"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
feed(struct framer *framer, const void *bytes, size_t len,
    enum framer_result *result_io)
{
	if (*result_io == FRAMER_MORE)
		*result_io = framer_feed(framer, bytes, len);
}

/* Canonical text through a framer of its kind comes out as it went in. */
static void
check_idempotent(const struct element *element, bool is_packet)
{
	struct framer *framer =
	    framer_new(&wide_limits, is_packet ? FRAMER_UNWRAP : 0);
	enum framer_result result = FRAMER_MORE;
	const struct element *again;

	framer_prime(framer, NS_CLIENT);
	if (is_packet)
		feed(framer, PACKET_START, strlen(PACKET_START), &result);
	feed(framer, element->bytes, element->len, &result);
	if (is_packet)
		feed(framer, PACKET_END, strlen(PACKET_END), &result);
	CHECK(result == FRAMER_ELEMENT);
	again = framer_element(framer);
	CHECK(again->len == element->len);
	CHECK(memcmp(again->bytes, element->bytes, element->len) == 0);
	framer_free(&framer);
}

/* Stand-alone but for what is in force in a client's stream. */
static void
check_meaning(const struct element *element, bool is_packet,
    const struct meaning *reference, size_t index)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct meaning meaning;

	meaning_read(&meaning, &plain,
	    is_packet ? CLIENT_HEADER : "<r xmlns='" NS_CLIENT "'>",
	    element->bytes, element->len,
	    is_packet ? "</stream:stream>" : "</r>");
	CHECK(meaning.whole && meaning.count == 1);
	CHECK(meaning_same(&meaning, 0, reference, index));
	meaning_free(&meaning);
}

static void
check_element(const struct element *element, bool is_packet,
    const struct meaning *reference, size_t index)
{
	CHECK(!safe_profile_breach(element->bytes, element->len,
	    is_packet ? "stream" : NULL));
	CHECK(!scanner_cut_breach(element->bytes, element->len));
	check_meaning(element, is_packet, reference, index);
	check_idempotent(element, is_packet);
}

static void
check_client(const char *header, const uint8_t *bytes, size_t len)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct framer *framer = framer_new(&wide_limits, 0);
	enum framer_result result;
	struct meaning reference;
	size_t index = 0;

	meaning_read(&reference, &plain, header, bytes, len, "");
	result = framer_feed(framer, header, strlen(header));
	CHECK(result == FRAMER_HEADER);
	result = framer_resume(framer);
	feed(framer, bytes, len, &result);
	for (; result == FRAMER_ELEMENT; result = framer_resume(framer))
		check_element(framer_element(framer), false, &reference,
		    index++);
	meaning_free(&reference);
	framer_free(&framer);
}

static void
check_link(const uint8_t *bytes, size_t len)
{
	static const struct meaning_how unwrapping = { NS_MULTIPLEX, NS_CLIENT,
		true };
	struct framer *framer = framer_new(&wide_limits, FRAMER_UNWRAP);
	enum framer_result result = FRAMER_MORE;
	struct meaning reference;

	meaning_read(&reference, &unwrapping, LINK_HEADER PACKET_START, bytes,
	    len, PACKET_END);
	framer_prime(framer, NS_MULTIPLEX);
	feed(framer, PACKET_START, strlen(PACKET_START), &result);
	feed(framer, bytes, len, &result);
	feed(framer, PACKET_END, strlen(PACKET_END), &result);
	if (result == FRAMER_ELEMENT && framer_element(framer)->child_count > 0)
		check_element(framer_element(framer), true, &reference, 0);
	meaning_free(&reference);
	framer_free(&framer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len < 1)
		return 0;
	if (bytes[0] & CHOICE_PACKET)
		check_link(bytes + 1, len - 1);
	else
		check_client(bytes[0] & CHOICE_HEADER ? PREFIX_HEADER
						      : CLIENT_HEADER,
		    bytes + 1, len - 1);
	return 0;
}
