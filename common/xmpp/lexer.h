/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lexer - where the tokens of an XML stream end, by one look at each byte.
 *
 * It is no parser and judges little: it says up to where a parser can make
 * something of the bytes, so that the parser is not shown the same beginning of
 * a token again and again. What is not XML may look incomplete to it; what is
 * complete never does.
 *
 * Two things it does judge, because their end need not be waited for: what RFC
 * 6120 §11.1 restricts (comment, processing instruction, document type), and
 * text before the header.
 *
 *   text --<--> open ----> tag --quote--> value --quote--> tag --'>'--> text
 *    \--&--> reference       \--! ?--> declarations, CDATA, instructions
 *
 * Pure: no memory of its own beside the struct. The bytes are a peer's.
 */
#ifndef COMMON_XMPP_LEXER_H
#define COMMON_XMPP_LEXER_H

#include "common/base/base.h"

enum lexer_fault {
	LEXER_FINE,
	LEXER_RESTRICTED, /* a comment, an instruction, a document type */
	LEXER_NO_HEADER,  /* something else where a header should be */
};

struct lexer {
	uint8_t state;
	uint8_t matched; /* characters of what the state looks for */
	uint8_t fault;   /* enum lexer_fault; nothing is taken any more */
	bool prolog;     /* before the end of the header */
	bool is_end;     /* the tag began with "</" */
	bool slash;      /* its last character is one */
	bool due;        /* see lexer_is_due() */
	uint32_t depth;  /* of elements open, without the stream's */
};

/* Before the header of a stream, or between two of its elements. */
void lexer_init(struct lexer *lexer, bool expects_header);

/* Takes bytes; gives how many of them lie before the end of the last token,
 * text of any length being one. The others are its beginning of a next. */
size_t lexer_take(struct lexer *lexer, const void *bytes, size_t len);

/* True when something ended among the bytes that has to be looked at now: a
 * tag, a reference, a fault, or text between two elements; not text inside one.
 */
static inline bool
lexer_is_due(const struct lexer *lexer)
{
	return lexer->due;
}

#endif
