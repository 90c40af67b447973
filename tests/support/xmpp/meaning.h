/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meaning - what an XML text says, as a plain expat parser reads it: names with
 * namespaces, attributes sorted, text. Two serialisations of the same elements
 * have the same meaning. Comments and processing instructions say nothing.
 */
#ifndef TESTS_SUPPORT_XMPP_MEANING_H
#define TESTS_SUPPORT_XMPP_MEANING_H

#include "common/base/buf.h"

/* One child of the root, or (deeper) one grandchild of it. */
struct meaning_item {
	size_t start, end; /* in `text` */
};

struct meaning {
	struct buf text;
	struct meaning_item *items;
	size_t count;
	bool whole; /* the document was well-formed to its end */
};

struct meaning_how {
	/* A name without prefix in this namespace counts as if it were in the
	 * other; NULL: none. */
	const char *map_from, *map_to;
	/* Items are the first children of the root's children. */
	bool deeper;
};

/* The pieces are parsed one behind the other; the caller frees. */
void meaning_read(struct meaning *meaning, const struct meaning_how *how,
    const char *head, const void *bytes, size_t len, const char *tail);
void meaning_free(struct meaning *meaning);

/* True when items i and k say the same. */
bool meaning_same(const struct meaning *a, size_t i, const struct meaning *b,
    size_t k);

#endif
