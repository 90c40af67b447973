/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/framer.h"

#include "common/xmpp/framer_private.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the parser itself needs beside the text it buffers. */
#define PARSER_BYTES (256u * 1024)
/* Room for the beginning of a token that is kept from one to the next. */
#define INCOMPLETE_KEPT 4096u

/* --- life --- */

static void
apply_limits(struct framer *framer)
{
	size_t bytes = framer->limits.element_bytes;

	framer->memory_cap =
	    4 * MAX(bytes, framer->limits.header_bytes) + PARSER_BYTES;
	/* Escaping makes text longer; the wire's own limit is far above. */
	framer->text.limit = framer->strings.limit = 2 * bytes + 4096;
}

static size_t
output_limit(const struct framer *framer)
{
	size_t most = 2 * framer->limits.element_bytes + 4096;

	return framer->limits.output_bytes
		   ? MIN(framer->limits.output_bytes, most)
		   : most;
}

void
framer_set_limits(struct framer *framer, const struct framer_limits *limits)
{
	framer->limits = *limits;
	apply_limits(framer);
	if (framer->parser && framer_is_lendable(framer))
		writer_begin(&framer->writer, output_limit(framer));
}

static void
start_over(struct framer *framer)
{
	framer->result = FRAMER_MORE;
	framer->depth = 0;
	framer->declared = 0;
	framer->fed = framer->mark = framer->seen = 0;
	lexer_init(&framer->lexer, true);
	buf_reset(&framer->incomplete);
	free(framer->default_namespace);
	framer->default_namespace = NULL;
	framer_scope_forget(framer);
	framer_forget(framer);
	writer_begin(&framer->writer, output_limit(framer));
}

static void
make_parser(struct framer *framer)
{
	static const char separator[2] = { NAME_SEPARATOR, '\0' };

	framer_account(framer);
	framer->parser =
	    XML_ParserCreate_MM("UTF-8", &framer_memory_suite, separator);
	CHECK(framer->parser);
}

static void
free_parser(struct framer *framer)
{
	framer_account(framer);
	XML_ParserFree(framer->parser);
}

/* Names and buffers pile up inside expat; before they come near the cap the
 * parser is made anew, for a peer must not be able to use a link's up. */
static bool
is_worn(const struct framer *framer)
{
	return framer->memory > framer->memory_cap / 2;
}

struct framer *
framer_new(const struct framer_limits *limits, unsigned options)
{
	struct framer *framer = xcalloc(1, sizeof(*framer));

	framer->options = options;
	writer_init(&framer->writer, (options & FRAMER_UNWRAP) != 0);
	framer->writer.language = framer->language;
	buf_init(&framer->strings, 0);
	buf_init(&framer->text, 0);
	buf_init(&framer->incomplete, 0);
	buf_init(&framer->declarations, SCOPE_RAW_BYTES);
	framer_set_limits(framer, limits);
	make_parser(framer);
	framer_listen(framer);
	start_over(framer);
	return framer;
}

void
framer_free(struct framer **framer)
{
	struct framer *f = *framer;

	if (!f)
		return;
	framer_free(&f->inner);
	free_parser(f);
	writer_destroy(&f->writer);
	buf_destroy(&f->strings);
	buf_destroy(&f->text);
	buf_destroy(&f->incomplete);
	buf_destroy(&f->declarations);
	free(f->scope);
	free(f->top.attributes);
	free(f->top.view);
	free(f->child.attributes);
	free(f->child.view);
	free(f->default_namespace);
	free(f);
	*framer = NULL;
}

void
framer_reset(struct framer *framer)
{
	framer_account(framer);
	if (is_worn(framer)) {
		free_parser(framer);
		make_parser(framer);
	} else {
		CHECK(XML_ParserReset(framer->parser, "UTF-8"));
	}
	framer_listen(framer);
	start_over(framer);
}

/* --- feeding --- */

/* A parser that is made anew stands where the old one did; it is fed the
 * header again. */
static void renew(struct framer *framer);

static enum framer_result
result_of_error(const struct framer *framer)
{
	switch ((int)XML_GetErrorCode(framer->parser)) {
	case XML_ERROR_MISPLACED_XML_PI:
		return framer->depth == 1 && !(framer->options & FRAMER_UNWRAP)
			   ? FRAMER_DECLARATION
			   : FRAMER_NOT_WELL_FORMED;
	case XML_ERROR_NO_MEMORY:
		return FRAMER_NO_MEMORY;
	case XML_ERROR_UNDEFINED_ENTITY:
	case XML_ERROR_PARAM_ENTITY_REF:
	case XML_ERROR_BINARY_ENTITY_REF:
		return FRAMER_RESTRICTED;
	case XML_ERROR_UNBOUND_PREFIX:
	case XML_ERROR_UNDECLARING_PREFIX:
	case XML_ERROR_RESERVED_PREFIX_XML:
	case XML_ERROR_RESERVED_PREFIX_XMLNS:
	case XML_ERROR_RESERVED_NAMESPACE_URI:
		return FRAMER_BAD_NAMESPACE;
	default:
		return FRAMER_NOT_WELL_FORMED;
	}
}

/* Everything was taken: is what is incomplete already too much? */
static enum framer_result
check_partial(const struct framer *framer)
{
	if (framer->depth == 0)
		return framer->fed > framer->limits.header_bytes
			   ? framer_beyond(framer)
			   : FRAMER_MORE;
	/* On a link an element may be long and is skipped then, but no single
	 * tag of it may be. */
	if (framer->options & FRAMER_UNWRAP)
		return framer->fed - framer->seen > framer->limits.element_bytes
			   ? framer_beyond(framer)
			   : FRAMER_MORE;
	return framer->fed - framer->mark > framer->limits.element_bytes
		   ? FRAMER_TOO_BIG
		   : FRAMER_MORE;
}

/* All before it was parsed. */
static enum framer_result
result_of_fault(enum lexer_fault fault)
{
	return fault == LEXER_RESTRICTED ? FRAMER_RESTRICTED
					 : FRAMER_NOT_WELL_FORMED;
}

static enum framer_result
outcome(struct framer *framer, enum XML_Status status)
{
	if (framer->result != FRAMER_MORE)
		return framer->result;
	if (status == XML_STATUS_ERROR)
		framer->result = result_of_error(framer);
	else if (framer->lexer.fault)
		framer->result = result_of_fault(framer->lexer.fault);
	else
		framer->result = check_partial(framer);
	return framer->result;
}

/* expat would guess at UTF-16 by the first two bytes; a stream is UTF-8
 * (RFC 6120 §11.6). */
static bool
is_utf16(const struct framer *framer, const uint8_t *bytes, size_t len)
{
	uint64_t at;

	for (at = framer->fed; at < 2 && len > 0; at++, bytes++, len--)
		if (*bytes == '\0' || *bytes >= 0xFE)
			return true;
	return false;
}

/*
 * expat looks at a token from its start whenever it gets more of it, so it gets
 * only bytes that end one: `whole` of them and what was incomplete before.
 */
static enum XML_Status
hand_over(struct framer *framer, const uint8_t *bytes, size_t len, size_t whole)
{
	struct buf *incomplete = &framer->incomplete;
	enum XML_Status status = XML_STATUS_OK;

	if (whole > 0 && buf_len(incomplete) == 0) {
		status = XML_Parse(framer->parser, (const char *)bytes,
		    (int)whole, XML_FALSE);
	} else if (whole > 0) {
		buf_append(incomplete, bytes, whole);
		status = XML_Parse(framer->parser,
		    (const char *)buf_bytes(incomplete),
		    (int)buf_len(incomplete), XML_FALSE);
		buf_reset(incomplete);
		if (incomplete->cap > INCOMPLETE_KEPT)
			buf_trim(incomplete);
	}
	if (len > whole)
		buf_append(incomplete, bytes + whole, len - whole);
	return status;
}

enum framer_result
framer_feed(struct framer *framer, const void *bytes, size_t len)
{
	size_t whole;

	CHECK(framer->result == FRAMER_MORE && len <= INT32_MAX / 2);
	/* Between two elements nothing is lost by it. */
	if (is_worn(framer) && framer_is_lendable(framer)) {
		renew(framer);
		if (framer->result != FRAMER_MORE)
			return framer->result;
	}
	framer_account(framer);
	if (framer->depth <= 1)
		framer_forget(framer);
	if (is_utf16(framer, bytes, len)) {
		framer->result = FRAMER_ENCODING;
		return framer->result;
	}
	framer->fed += len;
	whole = lexer_take(&framer->lexer, bytes, len);
	return outcome(framer, hand_over(framer, bytes, len, whole));
}

enum framer_result
framer_resume(struct framer *framer)
{
	bool skipped = framer->result == FRAMER_TOO_BIG && framer->skipping;

	CHECK(framer->result == FRAMER_HEADER ||
	      framer->result == FRAMER_ELEMENT || skipped);
	framer_account(framer);
	framer_forget(framer);
	writer_begin(&framer->writer, output_limit(framer));
	framer->result = framer->depth == 0 ? FRAMER_END : FRAMER_MORE;
	if (framer->result == FRAMER_END)
		return FRAMER_END; /* in the header itself */
	return outcome(framer, XML_ResumeParser(framer->parser));
}

/* --- behind a header --- */

static bool
prime(struct framer *framer, const char *tag)
{
	framer_reset(framer);
	framer->priming = true;
	if (framer_feed(framer, tag, strlen(tag)) == FRAMER_MORE &&
	    framer->depth != 1)
		framer->result = FRAMER_NOT_WELL_FORMED;
	framer->priming = false;
	framer->scope_known = framer->result == FRAMER_MORE;
	return framer->scope_known;
}

void
framer_prime(struct framer *framer, const char *default_namespace)
{
	char tag[256];
	int len;

	len = snprintf(tag, sizeof(tag),
	    "<stream:stream xmlns='%s' xmlns:stream='%s'>", default_namespace,
	    NS_STREAM);
	CHECK(len < (int)sizeof(tag));
	CHECK(prime(framer, tag));
}

bool
framer_prime_scope(struct framer *framer, const char *scope)
{
	char *kept = xstrdup(scope); /* it may be the framer's own */
	bool primed = prime(framer, kept);

	framer->scope = kept;
	return primed;
}

static void
renew(struct framer *framer)
{
	bool for_links = framer->default_namespace &&
			 strcmp(framer->default_namespace, NS_MULTIPLEX) == 0;

	if (!framer->scope)
		framer_prime(framer, for_links ? NS_MULTIPLEX : NS_CLIENT);
	else if (!framer_prime_scope(framer, framer->scope) &&
		 framer->result == FRAMER_MORE)
		framer->result = FRAMER_NOT_WELL_FORMED;
}

/* --- escaped text --- */

enum framer_result
framer_parse_text(struct framer *framer, const char *text, size_t len,
    const struct element **element_out)
{
	enum framer_result result;

	*element_out = NULL;
	if (!framer->inner)
		framer->inner = framer_new(&framer->limits,
		    framer->options & FRAMER_UNWRAP);
	framer_set_limits(framer->inner, &framer->limits);
	framer_prime(framer->inner, NS_CLIENT);
	if (len > INT32_MAX)
		return FRAMER_TOO_BIG;
	result = framer_feed(framer->inner, text, len);
	if (result == FRAMER_ELEMENT)
		*element_out = framer_element(framer->inner);
	return result == FRAMER_MORE ? FRAMER_NOT_WELL_FORMED : result;
}
