/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scanner - a model of how the server cuts a link's bytes into stanzas
 * (PROTOCOL.md §6.6): a small state machine that is no XML parser.
 *
 * It knows double-quoted values only, takes comments and processing
 * instructions for elements, and finds the end of a stanza by comparing the
 * end tag literally with the first tag's name.
 */
#ifndef FAKE_OPENFIRE_SCANNER_H
#define FAKE_OPENFIRE_SCANNER_H

#include "common/base/buf.h"

#define SCANNER_NAME_MAX 64

struct scanner {
	int state;
	int depth;
	size_t matched;              /* bytes of `name` matched by an end tag */
	size_t cdata;                /* bytes of a CDATA marker matched */
	bool in_root_tag;            /* still inside the chunk's first tag */
	char name[SCANNER_NAME_MAX]; /* first tag's name and '>' */
	size_t name_len;
	struct buf chunk;
	size_t limit;       /* bytes of a chunk at most */
	bool strict_space;  /* only a blank ends a name (before 4.7) */
	bool allow_nul;     /* before 4.7 */
	const char *broken; /* why the server closes the link, or NULL */
};

enum scanner_step {
	SCANNER_MORE,
	SCANNER_CHUNK, /* `chunk` holds a stanza or a stream header */
	SCANNER_BROKEN,
};

void scanner_init(struct scanner *scanner, size_t limit);
void scanner_destroy(struct scanner *scanner);
/* Forgets the chunk; a new stream begins. */
void scanner_reset(struct scanner *scanner);
/* Eats one byte. After SCANNER_CHUNK the caller empties `chunk`. */
enum scanner_step scanner_byte(struct scanner *scanner, char byte);

#endif
