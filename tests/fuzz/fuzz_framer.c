/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer: any bytes in any pieces. What comes out does not depend on how they
 * were split, and a framer that refused something works again after a reset.
 *
 * Input: options, split, limits, then the stream.
 */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_UNWRAP 1u
#define OPTION_PRIMED 2u
#define OPTION_SMALL  4u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct transcript {
	struct buf text;
	size_t end_at; /* where what ended it is said */
	enum framer_result end;
	char *scope; /* what its header declared */
};

static void
put_string(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text) + 1);
}

static void
put_attributes(struct buf *out, const struct attribute *attributes,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		put_string(out, attributes[i].name);
		put_string(out, attributes[i].namespace);
		put_string(out, attributes[i].value);
	}
}

static void
put_element(struct buf *out, const struct element *element)
{
	put_string(out, element->name);
	put_string(out, element->namespace);
	put_attributes(out, element->attributes, element->attribute_count);
	if (element->child_count > 0) {
		put_string(out, element->child_name);
		put_string(out, element->child_namespace);
		put_attributes(out, element->child_attributes,
		    element->child_attribute_count);
	}
	CHECK(element->text[element->text_len] == '\0');
	CHECK(strlen(element->text) == element->text_len);
	put_string(out, element->text);
	if (element->len > 0)
		buf_append(out, element->bytes, element->len);
	buf_append_char(out, '\n');
}

static enum framer_result
put_results(struct framer *framer, enum framer_result result,
    struct transcript *transcript)
{
	while (framer_is_suspended(framer)) {
		buf_printf(&transcript->text, "%s ",
		    framer_result_name(result));
		/* What was too big was not all looked at. */
		if (result != FRAMER_TOO_BIG)
			put_element(&transcript->text, framer_element(framer));
		if (result == FRAMER_HEADER && framer_scope(framer) &&
		    !transcript->scope)
			transcript->scope = xstrdup(framer_scope(framer));
		result = framer_resume(framer);
	}
	transcript->end_at = buf_len(&transcript->text);
	transcript->end = result;
	return result;
}

static void
start(struct framer *framer, unsigned options)
{
	if (options & OPTION_PRIMED)
		framer_prime(framer,
		    options & OPTION_UNWRAP ? NS_MULTIPLEX : NS_CLIENT);
	else
		framer_reset(framer);
}

/* After whatever happened. */
static void
check_works_again(struct framer *framer, const char *scope)
{
	if (scope)
		CHECK(framer_prime_scope(framer, scope));
	else
		framer_prime(framer, NS_CLIENT);
	CHECK(framer_is_lendable(framer));
	CHECK(framer_feed(framer, "<a/>", 4) == FRAMER_ELEMENT);
	CHECK(framer_resume(framer) == FRAMER_MORE);
	CHECK(framer_is_lendable(framer));
}

/* step 0: as the generator says. */
static void
run(struct framer *framer, unsigned options, uint32_t step, uint32_t random,
    const uint8_t *bytes, size_t len, struct transcript *transcript)
{
	enum framer_result result = FRAMER_MORE;
	size_t at, now;

	buf_init(&transcript->text, 0);
	start(framer, options);
	transcript->end_at = 0;
	transcript->end = FRAMER_MORE;
	transcript->scope = NULL;
	for (at = 0; at < len && result == FRAMER_MORE; at += now) {
		random = random * 1103515245u + 12345u;
		now = step ? step : 1 + (random >> 16) % 31;
		now = MIN(now, len - at);
		result = framer_feed(framer, bytes + at, now);
		result = put_results(framer, result, transcript);
		CHECK(framer_partial_bytes(framer) <= at + now);
	}
	check_works_again(framer, transcript->scope);
	free(transcript->scope);
}

/* Found by looking at what is there so far, before anything else is wrong. */
static bool
is_early(enum framer_result result)
{
	return result == FRAMER_TOO_BIG || result == FRAMER_NO_MEMORY ||
	       result == FRAMER_TEXT;
}

/* Of two faults either may be named when one of them is found early; where
 * memory ends depends on the pieces. */
static void
compare(const struct transcript *a, const struct transcript *b)
{
	size_t len = MIN(a->end_at, b->end_at);

	CHECK(len == 0 ||
	      memcmp(buf_bytes(&a->text), buf_bytes(&b->text), len) == 0);
	if (a->end == FRAMER_NO_MEMORY || b->end == FRAMER_NO_MEMORY)
		return;
	CHECK(a->end_at == b->end_at);
	CHECK(a->end == b->end || (a->end > FRAMER_END && b->end > FRAMER_END &&
				      (is_early(a->end) || is_early(b->end))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct framer_limits limits = {
		.element_bytes = 1 << 16,
		.depth = 16,
		.attributes = 16,
		.header_bytes = 4096,
	};
	struct transcript whole, piecewise;
	struct framer *framer;
	unsigned options;
	uint32_t random;

	if (len < 3)
		return 0;
	options = bytes[0];
	random = bytes[1];
	if (options & OPTION_SMALL) {
		limits.element_bytes = 16u + bytes[2];
		limits.header_bytes = 128;
	}
	bytes += 3;
	len -= 3;
	framer =
	    framer_new(&limits, options & OPTION_UNWRAP ? FRAMER_UNWRAP : 0);
	run(framer, options, (uint32_t)len + 1, 0, bytes, len, &whole);
	run(framer, options, 1, 0, bytes, len, &piecewise);
	compare(&whole, &piecewise);
	buf_destroy(&piecewise.text);
	run(framer, options, 0, random, bytes, len, &piecewise);
	compare(&whole, &piecewise);
	buf_destroy(&piecewise.text);
	buf_destroy(&whole.text);
	framer_free(&framer);
	return 0;
}
