/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_reader - a link's bytes in, whole items out, at any point of its stream.
 *
 * A server may write route packets before its stream header, in clear text and
 * again behind TLS (PROTOCOL.md §2.9), and expat takes a declaration only at
 * the very start. So as long as a header is still to come, the raw bytes at
 * each item's beginning are looked at: a declaration or a header goes to a
 * fresh framer, everything else to a primed one. Afterwards bytes go straight
 * to the framer.
 *
 *   expecting --header--> open --link_reader_restart()--> expecting
 *        \--link_reader_go_on()--^
 */
#ifndef WORKER_UPSTREAM_LINK_LINK_READER_H
#define WORKER_UPSTREAM_LINK_LINK_READER_H

#include "common/base/buf.h"
#include "common/xmpp/framer.h"

#define LINK_READ_MAX 65536 /* bytes fed at once, at most */

struct link_reader {
	struct framer *framer;
	struct buf raw; /* kept back while a header is expected */
	bool expecting; /* the header has not come yet */
	bool inside;    /* the framer holds the beginning of an item */
	bool primed;    /* the framer stands between two items */
};

void link_reader_init(struct link_reader *reader,
    const struct framer_limits *limits);
void link_reader_destroy(struct link_reader *reader);

/* A new stream begins; what is left of the old one is dropped. */
void link_reader_restart(struct link_reader *reader);

/* A stream goes on behind an item, whose header another process has read. */
void link_reader_go_on(struct link_reader *reader);

/* At most LINK_READ_MAX bytes; results as framer_feed(). Only after
 * FRAMER_MORE. */
MUST_CHECK enum framer_result link_reader_feed(struct link_reader *reader,
    const void *bytes, size_t len);

/* Goes on after any result that is no error. */
MUST_CHECK enum framer_result link_reader_next(struct link_reader *reader);

/* An item has begun and not ended. Only after FRAMER_MORE. */
bool link_reader_is_inside(const struct link_reader *reader);

/* Bytes that were fed and are behind the item given last. */
size_t link_reader_rest(const struct link_reader *reader);
bool link_reader_has_rest(const struct link_reader *reader);

#endif
