/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a framer without changing it, but for the bytes that it
 * hands back. */
#include "common/xmpp/framer_private.h"

#include <string.h>

const struct element *
framer_element(const struct framer *framer)
{
	return &framer->element;
}

size_t
framer_partial_bytes(const struct framer *framer)
{
	return (size_t)(framer->fed - framer->mark);
}

/* The bytes behind the event at which the parser was suspended. */
static size_t
rest_of(const struct framer *framer, const char **rest_out)
{
	int offset = 0, size = 0;
	const char *buffer;

	*rest_out = NULL;
	if (framer->result == FRAMER_MORE)
		return 0;
	buffer = XML_GetInputContext(framer->parser, &offset, &size);
	if (!buffer || offset >= size)
		return 0;
	*rest_out = buffer + offset;
	return (size_t)(size - offset);
}

size_t
framer_rest_bytes(const struct framer *framer)
{
	const char *rest;

	return framer->result == FRAMER_MORE
		   ? 0
		   : rest_of(framer, &rest) + buf_len(&framer->incomplete);
}

size_t
framer_take_rest(struct framer *framer, void *bytes, size_t cap)
{
	const char *rest;
	size_t len = MIN(rest_of(framer, &rest), cap), more = 0;

	if (len)
		memcpy(bytes, rest, len);
	if (framer->result != FRAMER_MORE)
		more = MIN(buf_len(&framer->incomplete), cap - len);
	if (more)
		memcpy((uint8_t *)bytes + len, buf_bytes(&framer->incomplete),
		    more);
	return len + more;
}

bool
framer_is_lendable(const struct framer *framer)
{
	return framer->scope_known && framer->depth == 1 &&
	       framer->result == FRAMER_MORE && framer->fed == framer->mark;
}

bool
framer_is_suspended(const struct framer *framer)
{
	return framer->result == FRAMER_HEADER ||
	       framer->result == FRAMER_ELEMENT ||
	       (framer->result == FRAMER_TOO_BIG && framer->skipping);
}

uint64_t
framer_element_count(const struct framer *framer)
{
	return framer->elements;
}

size_t
framer_memory(const struct framer *framer)
{
	return framer->memory + framer->strings.cap + framer->text.cap +
	       framer->incomplete.cap + framer->declarations.cap +
	       framer->writer.out.cap + framer->writer.names.cap;
}

const char *
framer_result_name(enum framer_result result)
{
	static const char *const names[] = {
		[FRAMER_MORE] = "more",
		[FRAMER_HEADER] = "header",
		[FRAMER_ELEMENT] = "element",
		[FRAMER_END] = "end",
		[FRAMER_NOT_WELL_FORMED] = "not-well-formed",
		[FRAMER_RESTRICTED] = "restricted-xml",
		[FRAMER_BAD_NAMESPACE] = "bad-namespace",
		[FRAMER_TEXT] = "text-between-elements",
		[FRAMER_HEADER_AGAIN] = "header-again",
		[FRAMER_DECLARATION] = "declaration",
		[FRAMER_ENCODING] = "encoding",
		[FRAMER_TOO_BIG] = "too-big",
		[FRAMER_TOO_DEEP] = "too-deep",
		[FRAMER_TOO_MANY_ATTRIBUTES] = "too-many-attributes",
		[FRAMER_TOO_MANY_DECLARATIONS] = "too-many-declarations",
		[FRAMER_NO_MEMORY] = "no-memory",
	};

	return names[result];
}
