/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer - bytes of an XML stream in, one whole top-level element at a time
 * out, in canonical form; the only user of expat.
 *
 * The text that comes out is made anew from the parser's events in the safe
 * profile of PROTOCOL.md §6.6 and is never the peer's own bytes. Comments,
 * processing instructions, DOCTYPE, CDATA (taken as text), undefined entities,
 * illegal characters, undeclared prefixes: refused or normalised there.
 *
 *   expecting header --header--> between --start tag--> inside --end--> between
 *                                   \--end tag--> ended
 *
 * Between two elements all streams are alike whose headers declare the same: a
 * framer at `between` can be lent to another one (ARCHITECTURE.md). One that is
 * inside, or suspended with bytes left, cannot.
 *
 * However a stream is cut into reads, each byte is looked at a fixed number of
 * times, and what it completes is reported with it: the beginning of a token is
 * kept here and shown to expat when the token is whole (lexer.h).
 *
 * Pure: no fd, no clock. Not thread-safe. Memory bounded by the limits.
 */
#ifndef COMMON_XMPP_FRAMER_H
#define COMMON_XMPP_FRAMER_H

#include "common/base/base.h"
#include "common/xmpp/element.h"

struct framer;

struct framer_limits {
	size_t element_bytes; /* input size of one element */
	unsigned depth;       /* of nesting below the top-level element */
	/* Attributes and namespace declarations of one element; and namespace
	 * declarations in force at one place. */
	unsigned attributes;
	size_t header_bytes; /* everything up to the end of the header */
	/* Of one element's canonical text, which values, sections and prefixes
	 * declared again can make longer than the input; 0: about twice
	 * element_bytes, the most that there is. */
	size_t output_bytes;
};

/* Declarations of a header that are kept beside the two usual ones, and bytes
 * of them as they are written. */
#define FRAMER_SCOPE_DECLARATIONS 16u
#define FRAMER_SCOPE_BYTES        1024u

/* Longest name of a namespace, and prefix, that an element may declare. */
#define FRAMER_NAMESPACE_BYTES 1024u

enum framer_option {
	/* Element children of <route> are serialised alone, for a client:
	 * jabber:connectionmanager becomes jabber:client where it is the
	 * default namespace. An element over a limit is skipped and reported
	 * as FRAMER_TOO_BIG, with `element` naming it and its attributes; the
	 * stream goes on. For links. */
	FRAMER_UNWRAP = 1,
};

enum framer_result {
	FRAMER_MORE,    /* all bytes taken, nothing whole yet */
	FRAMER_HEADER,  /* `element` is the stream header; bytes empty, its
			   default namespace shown as attribute xmlns */
	FRAMER_ELEMENT, /* `element` is whole */
	FRAMER_END,     /* the stream's end tag */
	/* errors; the framer must then be reset or freed */
	FRAMER_NOT_WELL_FORMED,
	FRAMER_RESTRICTED,    /* comment, PI, DOCTYPE, entity */
	FRAMER_BAD_NAMESPACE, /* undeclared prefix, reserved name */
	FRAMER_TEXT,          /* non-blank text between elements */
	FRAMER_HEADER_AGAIN,  /* a header between elements; not on links */
	FRAMER_DECLARATION,   /* of XML, likewise */
	FRAMER_ENCODING,      /* not UTF-8, or not XML 1.0 */
	FRAMER_TOO_BIG,       /* without FRAMER_UNWRAP an error */
	FRAMER_TOO_DEEP,
	FRAMER_TOO_MANY_ATTRIBUTES,
	FRAMER_TOO_MANY_DECLARATIONS, /* in the header; not on links */
	FRAMER_NO_MEMORY, /* the accounted memory cap of the parser; with
			     FRAMER_UNWRAP also a header or a tag so long that
			     it cannot be skipped */
};

/* options: framer_option bits. Never NULL. */
struct framer *framer_new(const struct framer_limits *limits, unsigned options);
void framer_free(struct framer **framer);

/* After a fork: parsers that start from now on take another salt for expat's
 * hash tables than the parent's do. */
void framer_renew_salt(void);

/* New limits from the next element on. */
void framer_set_limits(struct framer *framer,
    const struct framer_limits *limits);

/* Back to expecting a header; cheaper than a new one. */
void framer_reset(struct framer *framer);

/*
 * Reset, and as if a header that declares `default_namespace` and the prefix
 * stream had been read: the state in which a framer is lent.
 */
void framer_prime(struct framer *framer, const char *default_namespace);

/* The same for what framer_scope() gave of another framer; false: it cannot be,
 * and the framer must be reset or freed. */
MUST_CHECK bool framer_prime_scope(struct framer *framer, const char *scope);

/*
 * Takes bytes and stops at the first result other than FRAMER_MORE; what is
 * left over is kept inside and framer_resume() goes on with it. Feed only after
 * FRAMER_MORE.
 */
MUST_CHECK enum framer_result framer_feed(struct framer *framer,
    const void *bytes, size_t len);
MUST_CHECK enum framer_result framer_resume(struct framer *framer);

/* After HEADER, ELEMENT and a skipped TOO_BIG. */
const struct element *framer_element(const struct framer *framer);

/* Input bytes taken since the current element (or header) began; 0 between. */
size_t framer_partial_bytes(const struct framer *framer);

/* True at `between` with no bytes left: may be lent to streams with the same
 * framer_scope(). */
bool framer_is_lendable(const struct framer *framer);

/* What the header declares if it is not just the two usual namespaces: others,
 * a language; the same text for the same in any order; else NULL. Until the
 * next reset. A stanza that has no language of its own gets the header's,
 * beyond all limits; not on links. */
const char *framer_scope(const struct framer *framer);

/* True when framer_resume() is due: something other than MORE was reported. */
bool framer_is_suspended(const struct framer *framer);

/* Bytes left over from the last feed, of which framer_take_rest() gives a copy.
 */
size_t framer_rest_bytes(const struct framer *framer);

/* Copies the unparsed rest (raw input); for what follows a restart. */
size_t framer_take_rest(struct framer *framer, void *bytes, size_t cap);

/* Elements parsed, and heap held by the parser and its buffers. */
uint64_t framer_element_count(const struct framer *framer);
size_t framer_memory(const struct framer *framer);

/* Parses one stand-alone element, as escaped text in a <route/> holds it, in
 * the scope of a link's <route/>; FRAMER_ELEMENT or an error. For FRAMER_UNWRAP
 * framers primed and between. Uses an inner framer; the view lives in it. */
MUST_CHECK enum framer_result framer_parse_text(struct framer *framer,
    const char *text, size_t len, const struct element **element_out);

const char *framer_result_name(enum framer_result result);

#endif
