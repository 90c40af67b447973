/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parsed - what upstream has parsed of a stanza that goes down, so that the
 * worker does not search its text: kind, type, id, sender and bound address.
 * It travels in the frame's header (ring.h) as places in the item's bytes.
 *
 * Upstream fills it; the worker takes nothing in it for granted but reads it
 * back by parsed_read(), which gives nothing outside of the bytes. Whoever can
 * write the header could as well have written the stanza.
 */
#ifndef WORKER_PARSED_H
#define WORKER_PARSED_H

#include "common/shm/ring.h"
#include "common/xmpp/canonical.h"

enum parsed_type {
	PARSED_OTHER, /* none, or one that nobody asks after */
	PARSED_RESULT,
	PARSED_UNAVAILABLE,
	PARSED_TYPE_COUNT
};

struct parsed {
	enum parsed_type type;
	bool is_iq;
	bool is_empty;              /* there is nothing in it */
	bool is_to_itself;          /* `to` and `from` are the same */
	struct canonical_span id;   /* escaped, as the next two; text NULL: */
	struct canonical_span from; /* there is none */
	struct canonical_span jid;  /* of a result: <bind><jid> and no other */
};

/* True with the fields of an item of this kind and canonical text; false: a
 * worker looks at none of this kind or text. */
bool parsed_fill(uint8_t kind, const uint8_t *bytes, size_t len,
    struct frame_fields *fields_out);

/* Of an item of which nothing is known. */
extern const struct frame_fields parsed_nothing;

/* fields: a copy of what came with the item of these bytes. False: they cannot
 * belong to such an item. */
MUST_CHECK bool parsed_read(const struct frame_fields *fields,
    const uint8_t *bytes, size_t len, struct parsed *parsed_out);

#endif
