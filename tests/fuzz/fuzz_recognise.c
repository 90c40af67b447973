/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recognise, both ways. Whatever it lets through is one element for a plain
 * expat parser, in the safe profile and for the models of the server's scanner.
 * And whatever the framer makes of a client's bytes is recognised as what it
 * is, within the largest limits that a client can have.
 *
 * Input: one byte of choice, then elements of a client, or what a worker would
 * hand over.
 */
#include "common/xmpp/recognise.h"

#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/support/xmpp/recognised_breach.h"

#include <stdlib.h>
#include <string.h>

#define CHOICE_HEADER 1u /* the client's declares prefixes and a language */

#define CLIENT_HEADER \
	"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>"
#define WIDE_HEADER \
	"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM \
	"' xmlns:q='urn:q' xmlns:s='" NS_SASL "' xml:lang='de'>"

/* The most that options allow, but for the size. */
static const struct framer_limits largest = {
	.element_bytes = 1 << 20,
	.depth = RECOGNISE_DEPTH_MAX,
	.attributes = RECOGNISE_ATTRIBUTES_MAX,
	.header_bytes = 4096,
	.output_bytes = MULTIPLEX_STANZA_MAX,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum recognised
recognise(const void *bytes, size_t len)
{
	static struct recogniser *recogniser;
	/* Of its own: the runner of a corpus gives one byte more. */
	char *exact = xmalloc(MAX(len, 1u));
	enum recognised kind;

	if (!recogniser)
		recogniser = recogniser_new();
	if (len)
		memcpy(exact, bytes, len);
	kind = recognise_element(recogniser, exact, len);
	free(exact);
	return kind;
}

static bool
is_one_of(const char *text, const char *one, const char *other)
{
	return text && (strcmp(text, one) == 0 || strcmp(text, other) == 0);
}

static enum recognised
kind_of_iq(const struct element *iq)
{
	const char *type = element_attribute(iq, "type");

	if (is_one_of(type, "result", "error"))
		return RECOGNISED_IQ_ANSWER;
	return is_one_of(type, "get", "set") && iq->child_count == 1 &&
		       element_attribute(iq, "id")
		   ? RECOGNISED_IQ_REQUEST
		   : RECOGNISED_NOTHING;
}

/* As the parser saw it. */
static enum recognised
kind_of(const struct element *element)
{
	if (strcmp(element->namespace, NS_SASL) == 0)
		return is_one_of(element->name, "auth", "response")
			   ? RECOGNISED_AUTH
			   : RECOGNISED_NOTHING;
	if (strcmp(element->namespace, NS_CLIENT) != 0)
		return RECOGNISED_NOTHING;
	if (strcmp(element->name, "message") == 0)
		return RECOGNISED_MESSAGE;
	if (strcmp(element->name, "presence") == 0)
		return RECOGNISED_PRESENCE;
	return strcmp(element->name, "iq") == 0 ? kind_of_iq(element)
						: RECOGNISED_NOTHING;
}

static void
check_written(const char *header, const uint8_t *bytes, size_t len)
{
	struct framer *framer = framer_new(&largest, 0);
	enum framer_result result;

	result = framer_feed(framer, header, strlen(header));
	CHECK(result == FRAMER_HEADER);
	result = framer_resume(framer);
	if (result == FRAMER_MORE)
		result = framer_feed(framer, bytes, len);
	for (; result == FRAMER_ELEMENT; result = framer_resume(framer)) {
		const struct element *element = framer_element(framer);

		CHECK(recognise(element->bytes, element->len) ==
		      kind_of(element));
	}
	framer_free(&framer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len < 1)
		return 0;
	if (recognise(bytes + 1, len - 1) != RECOGNISED_NOTHING)
		CHECK(!recognised_breach(bytes + 1, len - 1));
	check_written(bytes[0] & CHOICE_HEADER ? WIDE_HEADER : CLIENT_HEADER,
	    bytes + 1, len - 1);
	return 0;
}
