/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk - one stanza of a link as the server reads it: a document of its own,
 * no namespace of the stream in force (PROTOCOL.md §6.6).
 *
 * Levels: 0 the chunk's element (iq, packet), 1 what it wraps, 2 what that
 * holds first. Everything points into the parser and dies with the next chunk.
 */
#ifndef FAKE_OPENFIRE_CHUNK_H
#define FAKE_OPENFIRE_CHUNK_H

#include "common/base/buf.h"

#include <expat.h>

#define CHUNK_LEVELS   4
#define CHUNK_ATTRS    48
#define CHUNK_NAME_MAX 1023 /* bytes of a part of a JID */

struct chunk_element {
	char space[128]; /* namespace, empty: none */
	char name[64];
	size_t attr_count;
	size_t attrs[CHUNK_ATTRS][2]; /* offsets of name and value */
	size_t start, tag_end, end;   /* in the chunk's bytes */
	unsigned children;
};

struct chunk {
	XML_Parser parser;
	const char *bytes;
	size_t len;
	struct chunk_element at[CHUNK_LEVELS];
	struct buf strings;
	struct buf text;    /* of the innermost open element */
	struct buf payload; /* text of level 1: SASL data */
	char resource[CHUNK_NAME_MAX + 1],
	    user[CHUNK_NAME_MAX + 1]; /* of bind and of jabber:iq:auth */
	bool stray_text;              /* text beside the wrapped element */
	int depth;
	const char *error; /* the parser's, when chunk_parse fails */
};

void chunk_init(struct chunk *chunk);
void chunk_destroy(struct chunk *chunk);
/* False: no document of its own; `error` says why. */
bool chunk_parse(struct chunk *chunk, const void *bytes, size_t len);
/* NULL when the attribute is absent. */
const char *chunk_attr(const struct chunk *chunk, unsigned level,
    const char *name);
bool chunk_is(const struct chunk *chunk, unsigned level, const char *name);

/* What somebody else wrote, as text or as a value in double quotes. */
void chunk_append_escaped(struct buf *out, const char *text);
/* ` name="value"`; nothing when the value is NULL. */
void chunk_append_attribute(struct buf *out, const char *name,
    const char *value);

/* Copies level 1 as the server sends it on: `from` replaced (NULL: none),
 * jabber:client dropped. */
void chunk_copy_stanza(const struct chunk *chunk, const char *from,
    struct buf *out);

/* The first breach of the safe profile of PROTOCOL.md §6.6, or NULL. */
const char *chunk_profile(const void *bytes, size_t len);

#endif
