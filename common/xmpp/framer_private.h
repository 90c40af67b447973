/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_private - what the framer's files share: framer.c (life and feeding),
 * framer_events.c (what expat reports), framer_facts.c (what can be asked of
 * one), framer_write.c (canonical text), framer_memory.c (what expat
 * allocates), framer_salt.c (of its hash tables), framer_scope.c (what a header
 * means for what follows).
 */
#ifndef COMMON_XMPP_FRAMER_PRIVATE_H
#define COMMON_XMPP_FRAMER_PRIVATE_H

#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/lexer.h"
#include "common/xmpp/stream.h"

#include <expat.h>

/* Raw declarations of a header that are looked at. */
#define SCOPE_RAW_BYTES (2u * FRAMER_SCOPE_BYTES)

/* Not a character of XML, so it is in no namespace name. */
#define NAME_SEPARATOR '\x01'

/* A name as expat reports it; parts are not terminated. */
struct qname {
	const char *uri;
	size_t uri_len;
	const char *local;
	size_t local_len;
	const char *prefix;
	size_t prefix_len;
};

/*
 * Canonical text under construction. `bindings` are the declarations written so
 * far that are in force; each name declares what it needs and does not find.
 */
struct writer {
	struct buf out;
	struct buf names;         /* strings of bindings, each terminated */
	struct binding *bindings; /* innermost last */
	size_t binding_count;
	size_t binding_cap;
	unsigned depth;
	bool tag_open; /* the start tag's '>' is still to come */
	/* Of stanzas that have none of their own (RFC 6120 §8.1.5). */
	const char *language;
	/* Link side: what is written goes to a client's stream. */
	bool for_client;
};

struct binding {
	uint32_t prefix; /* offset in names; the default one is "" */
	uint32_t uri;
	unsigned depth;   /* of the element that declares it */
	size_t names_len; /* of `names` before it */
};

void writer_init(struct writer *writer, bool for_client);
void writer_destroy(struct writer *writer);

/* Starts a new top-level element; at most `limit` bytes. */
void writer_begin(struct writer *writer, size_t limit);
/* A prefix declared on the next start tag, so kept even if no name uses it. */
void writer_declare(struct writer *writer, const char *prefix, const char *uri);
void writer_start(struct writer *writer, const struct qname *name,
    const char **attributes);
void writer_text(struct writer *writer, const char *text, size_t len);
void writer_end(struct writer *writer, const struct qname *name);
bool writer_failed(const struct writer *writer);

void qname_split(const char *name, struct qname *qname_out);
bool qname_is_language(const struct qname *name); /* xml:lang */

/* A string kept for the element's view, as an offset into `strings`. */
struct kept_attribute {
	size_t name, namespace, value;
};

struct kept_tag {
	size_t name, namespace;
	struct kept_attribute *attributes;
	size_t count, cap;
	struct attribute *view; /* made when the element is whole */
};

struct framer {
	XML_Parser parser;
	struct framer_limits limits;
	unsigned options;
	size_t memory; /* held by expat */
	size_t memory_cap;

	enum framer_result result; /* of the feed that runs */
	unsigned depth;            /* 0: before the header, 1: between */
	unsigned declared;         /* namespaces, by the start tag to come */
	bool priming;
	bool skipping; /* an element over the limit, links only */
	struct lexer lexer;
	struct buf incomplete; /* a token's beginning, for expat when whole */
	uint64_t fed;
	uint64_t mark; /* where the current element, or gap, began */
	uint64_t seen; /* where the last whole token ended */
	uint64_t elements;

	struct buf strings;
	struct kept_tag top, child;
	unsigned child_count;
	struct buf text;
	struct writer writer;
	struct element element;
	char *default_namespace; /* of the header */
	struct buf declarations; /* its others: prefix, name; terminated */
	unsigned declaration_count;
	bool scope_known; /* a framer can be made to stand behind it */
	char language[LANGUAGE_MAX + 1]; /* of the header; "": none */
	char *scope;                     /* NULL: nothing but the usual */
	struct framer *inner;            /* for escaped text */
};

/* To be called before each call of expat that may allocate: what it allocates
 * counts for this framer. */
void framer_account(struct framer *framer);
extern const XML_Memory_Handling_Suite framer_memory_suite;

/* Before a parser's first byte. */
void framer_take_salt(XML_Parser parser);

/* Sets the handlers and the salt; after creation and after each reset. */
void framer_listen(struct framer *framer);

/* The error for something over a limit that cannot be skipped. On links
 * FRAMER_TOO_BIG means: skipped. */
enum framer_result framer_beyond(const struct framer *framer);

/* A declaration of the header, not of the default namespace. */
void framer_scope_declare(struct framer *framer, const char *prefix,
    const char *uri);
/* The language that the header gives to all stanzas. */
void framer_scope_language(struct framer *framer, const char **attributes);
/* The header has ended; false: it declares more than is kept. */
bool framer_scope_close(struct framer *framer, const struct qname *root);
void framer_scope_forget(struct framer *framer);

/* Forgets the element before. */
void framer_forget(struct framer *framer);

#endif
