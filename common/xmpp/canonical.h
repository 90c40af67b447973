/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical - reads canonical text, token by token: the only place that knows
 * how an element looks that our framer has written (framer_write.c, stream.c).
 *
 *   text    = *( content / start / end )
 *   start   = "<" name *( " " name "=" DQUOTE value DQUOTE ) ( ">" / "/>" )
 *   end     = "</" name ">"
 *   name    = a letter, "_", ":" or a byte from 0x80 on; then also digits, "-"
 *             and "."
 *   value   = any bytes but DQUOTE, "<" and ">"
 *   content = any bytes but "<", at least one
 *
 * So there is one way to write a tag: double quotes, one blank before each
 * attribute and none elsewhere; no comments, sections, instructions or
 * declarations. Where the text goes on in any other way it is CANONICAL_BROKEN,
 * for good: nothing is skipped and nothing guessed, and a start tag is none
 * before its '>' is there. What is not looked at: whether references in values
 * and content exist, and whether an end tag has the name of its start tag, for
 * which the names of all open elements would have to be kept. The framer has
 * seen to both.
 *
 * A reader looks at each byte at most three times, from front to back, and
 * allocates nothing. It never looks outside the bytes that it was given, even
 * while another process writes to them. Pure.
 */
#ifndef COMMON_XMPP_CANONICAL_H
#define COMMON_XMPP_CANONICAL_H

#include "common/base/base.h"

#include <string.h>

/* Some of the text, still escaped. text is NULL for what is not there. */
struct canonical_span {
	const char *text;
	size_t len;
};

enum canonical_token {
	CANONICAL_START,     /* `<name` */
	CANONICAL_ATTRIBUTE, /* ` name="value"` */
	CANONICAL_OPEN,      /* `>`: what follows is inside */
	CANONICAL_EMPTY,     /* `/>`: nothing is */
	CANONICAL_CLOSE,     /* `</name>` */
	CANONICAL_CONTENT,
	CANONICAL_END, /* no byte is left */
	CANONICAL_BROKEN,
};

/* Fields are for reading. All tokens' `whole` in a row are the text. */
struct canonical_reader {
	const char *at, *end;
	const char *tag_end; /* the '>' of the start tag being read, or NULL */
	enum canonical_token token;  /* the last one; at first END */
	int64_t depth;               /* starts opened, less those closed */
	struct canonical_span whole; /* of the last token; BROKEN: the rest */
	struct canonical_span name;  /* START, ATTRIBUTE, CLOSE */
	struct canonical_span value; /* ATTRIBUTE */
};

/* len 0 allows NULL. */
void canonical_begin(struct canonical_reader *reader, const void *bytes,
    size_t len);

/*
 * The next token. A piece of a stream need not be balanced: `depth` may be any
 * number at CANONICAL_END.
 */
enum canonical_token canonical_next(struct canonical_reader *reader);

/*
 * From the start tag that was read last: behind its '>'. False: it is empty, or
 * broken, as reader->token says.
 */
bool canonical_enter(struct canonical_reader *reader);

/*
 * Up to the start of the next child of an element inside which the depth is so
 * much; what is left of the child before, and content, is passed over. False:
 * the element has ended, or the text did too soon, as reader->token says: only
 * at CANONICAL_CLOSE it was whole.
 */
bool canonical_next_child(struct canonical_reader *reader, int64_t depth);

/*
 * From a start tag, read to its '>' or not: behind its element, of which
 * *content_out is all that it holds when that is content alone (empty: len 0).
 * False, and the reader stands anywhere: there is an element in it, or it is
 * broken.
 */
bool canonical_read_content(struct canonical_reader *reader,
    struct canonical_span *content_out);

/*
 * Of the start tag that was read last, the value of an attribute; the reader
 * stays. text is NULL: it has none of this name, or is broken.
 */
struct canonical_span
canonical_find_attribute(const struct canonical_reader *reader,
    const char *name);

/* True when it is exactly this text. */
static inline bool
canonical_is(struct canonical_span span, const char *text)
{
	size_t len = strlen(text);

	return span.text && span.len == len &&
	       memcmp(span.text, text, len) == 0;
}

/* The start tag of a stanza and where its content lies. */
struct canonical_stanza {
	struct canonical_span name, to, from, id, type;
	struct canonical_span content; /* of `<a/>` text is NULL, of `<a></a>`
					  len is 0 */
};

/*
 * Reads the start tag of the one element that the text is, and sees that its
 * end tag is the text's end; what lies between is not looked at. False: it is
 * anything else, or the tag has one of these attributes twice.
 */
MUST_CHECK bool canonical_read_stanza(const void *bytes, size_t len,
    struct canonical_stanza *stanza_out);

#endif
