/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical: any bytes are tokens in a row that are those bytes, up to where
 * they are broken for good; and whatever the framer makes of a client's bytes
 * is read to its end as the one element that it is.
 */
#include "common/xmpp/canonical.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"
#include "tests/fuzz/wide_framer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_inside(const struct canonical_reader *reader, const char *bytes,
    struct canonical_span span)
{
	if (span.text)
		CHECK(span.text >= bytes && span.text <= reader->end &&
		      span.len <= (size_t)(reader->end - span.text));
}

/* Where the tokens end. */
static void
check_tokens(const char *bytes, size_t len)
{
	struct canonical_reader reader;
	const char *at = bytes;

	canonical_begin(&reader, bytes, len);
	while (canonical_next(&reader) != CANONICAL_END &&
	       reader.token != CANONICAL_BROKEN) {
		CHECK(reader.whole.text == at && reader.whole.len > 0);
		at += reader.whole.len;
		check_inside(&reader, bytes, reader.whole);
		check_inside(&reader, bytes, reader.name);
		check_inside(&reader, bytes, reader.value);
	}
	CHECK(reader.whole.text == at);
	CHECK(at + reader.whole.len == bytes + len);
	CHECK(canonical_next(&reader) == reader.token);
	CHECK(reader.whole.text == at);
}

static void
check_elements(const char *bytes, size_t len)
{
	struct canonical_reader reader;
	struct canonical_stanza stanza;
	struct canonical_span content;

	canonical_begin(&reader, bytes, len);
	while (canonical_next_child(&reader, 0)) {
		check_inside(&reader, bytes,
		    canonical_find_attribute(&reader, "xmlns"));
		if (canonical_read_content(&reader, &content))
			check_inside(&reader, bytes, content);
	}
	if (!canonical_read_stanza(bytes, len, &stanza))
		return;
	check_inside(&reader, bytes, stanza.to);
	check_inside(&reader, bytes, stanza.from);
	check_inside(&reader, bytes, stanza.id);
	check_inside(&reader, bytes, stanza.type);
	check_inside(&reader, bytes, stanza.content);
}

static void
check_written(const struct element *element)
{
	struct canonical_reader reader;
	struct canonical_stanza stanza;
	unsigned children = 0;

	CHECK(canonical_read_stanza(element->bytes, element->len, &stanza));
	CHECK((stanza.type.text != NULL) ==
	      (element_attribute(element, "type") != NULL));
	canonical_begin(&reader, element->bytes, element->len);
	CHECK(canonical_next(&reader) == CANONICAL_START);
	if (canonical_enter(&reader))
		while (canonical_next_child(&reader, 1))
			children++;
	CHECK(children == element->child_count);
	CHECK(canonical_next(&reader) == CANONICAL_END && reader.depth == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	/* Of its own: the runner of a corpus gives one byte more. */
	char *exact = xmalloc(MAX(len, 1u));

	if (len)
		memcpy(exact, bytes, len);
	check_tokens(exact, len);
	check_elements(exact, len);
	wide_framer_each(exact, len, check_written);
	free(exact);
	return 0;
}
