/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - one-way queue of frames between exactly two processes (MEMORY.md §3).
 *
 *   tail .. sent    given to the kernel (or taken), not yet confirmed
 *   sent .. head    frames waiting; always whole items, never half a chain
 *   head .. staged  being written by the producer, invisible to the consumer
 *
 * Only the producer writes head, only the consumer writes sent and tail, so
 * there is no lock and a process killed at any instruction leaves the ring
 * valid. Cursors only grow; position = cursor & (capacity - 1). A frame is a
 * 32-byte header and its bytes, padded to 8; it never wraps (a pad frame fills
 * the end). With FRAME_PARSED the header is 32 bytes longer. Headers are not
 * part of what goes to the wire.
 *
 * Neither side trusts what the other wrote: a cursor or length is read once and
 * checked, and a frame carries a seal over itself and its place, so that what
 * was changed, or lay there before, is no frame. What makes no sense is
 * -EPROTO. A process keeps the cursors that it writes to itself and never reads
 * them back: damage to the shared copy misleads nobody but the other side,
 * until ring_restore().
 */
#ifndef COMMON_SHM_RING_H
#define COMMON_SHM_RING_H

#include "common/base/base.h"
#include "common/shm/frame_kind.h"

#include <stdatomic.h>

enum frame_flag {
	FRAME_MORE = 1,   /* the item goes on in the next frame */
	FRAME_PARSED = 2, /* frame->fields is filled; set by the ring */
};

/* Some of the item's bytes, of a chain's all together. */
struct frame_span {
	uint32_t at; /* FRAME_NOWHERE: there are none */
	uint32_t len;
};

#define FRAME_NOWHERE UINT32_MAX

/*
 * What the producer has parsed of the item, so that nobody has to again
 * (worker/parsed.h). The ring looks at none of it: its values are the word of
 * another process.
 */
struct frame_fields {
	struct frame_span id, from, jid;
	uint8_t type;
	uint8_t marks;
	uint8_t reserved[6];
};

_Static_assert(sizeof(struct frame_fields) == 32,
    "part of the layout, and a multiple of RING_UNIT");

/* Identity of the session a frame belongs to. ctl and barriers: all zero. */
struct frame_id {
	uint8_t kind;
	uint8_t flags;
	uint32_t slot;
	uint32_t generation;
	uint32_t nonce32; /* first 32 bits of the session's nonce */
	uint8_t domain;   /* up: the session's, of those in xmpp.domain */
};

/* A frame as the consumer sees it; bytes point into the ring. */
struct frame {
	uint8_t kind;
	uint8_t flags;
	uint8_t domain;
	uint32_t slot;
	uint32_t generation;
	uint32_t len;
	uint32_t check;
	const uint8_t *bytes;
	uint64_t cursor; /* where its header starts */
	uint64_t next;   /* cursor behind it (and behind pads before it) */
	struct frame_fields fields; /* a copy; only with FRAME_PARSED */
};

#define FRAME_HEADER_BYTES 32
#define FRAME_BYTES_MAX    (1u << 20) /* one frame; larger items are chains */

/* Whose cursors a handle writes: of head, or of sent and tail. */
enum ring_side { RING_PRODUCER = 1, RING_CONSUMER = 2 };

/*
 * A handle: private to the process, points into shared memory. Filled by
 * region_*_ring() or, in tests, by ring_attach().
 */
struct ring {
	_Atomic uint64_t *head;
	_Atomic uint64_t *sent;
	_Atomic uint64_t *tail;
	uint8_t *data;
	uint64_t capacity; /* bytes, power of two */
	uint64_t staged;   /* producer's private cursor, >= head */
	unsigned sides;    /* enum ring_side: whose cursors are its own */
	uint64_t own_head, own_sent, own_tail;
	uint64_t touched; /* producer's: no byte from here on has a page */
};

void ring_attach(struct ring *ring, _Atomic uint64_t *head,
    _Atomic uint64_t *sent, _Atomic uint64_t *tail, void *data,
    uint64_t capacity);

/* --- whose cursors --- */

/*
 * A new process at an end of a ring writes the cursors of that end itself: the
 * ring is empty where the other end stands, whatever was there before. From
 * then on the handle believes its own copy only.
 */
void ring_begin(struct ring *ring, enum ring_side side);

/*
 * The successor of a process, whose other end lives on, takes over its cursors
 * if they can be. Impossible ones: -EPROTO, and it begins as above. An
 * impossible `sent` is none: all of the ring may have been sent.
 */
MUST_CHECK int ring_inherit(struct ring *ring, enum ring_side side);

/* Writes the own cursors anew where the shared copy differs; true when one did.
 * For a tick. */
bool ring_restore(struct ring *ring);

/* True when all cursors fit one another. */
bool ring_is_sound(const struct ring *ring);

/* --- producer --- */

/*
 * Points *bytes_out at room for one frame of up to `len` bytes behind what is
 * staged. 0, -ENOSPC (no room now), -EMSGSIZE (never fits: more than half the
 * capacity or FRAME_BYTES_MAX) or -EPROTO (consumer's cursors are impossible).
 * A ring that is found empty in its second half starts at its first pages
 * again. So one that was empty takes half of its capacity, at least, before the
 * consumer has to do anything.
 */
MUST_CHECK int ring_reserve(struct ring *ring, uint32_t len,
    uint8_t **bytes_out);

/* Writes the header of the frame reserved last, behind which its bytes are;
 * len as really written. */
void ring_stage(struct ring *ring, const struct frame_id *id, uint32_t len);

/* Makes all staged frames visible by one store of head (release). */
void ring_publish(struct ring *ring);

/* A successor of the producer does again what that had begun: it publishes up
 * to `head`. False, and nothing is done, where whole items do not end there. */
MUST_CHECK bool ring_publish_again(struct ring *ring, uint64_t head);

/* Drops what is staged and not published. */
void ring_unstage(struct ring *ring);

/* reserve + copy + stage + publish of one whole frame. */
MUST_CHECK int ring_push(struct ring *ring, const struct frame_id *id,
    const void *bytes, uint32_t len);

/*
 * One item as a chain of frames of at most `piece` bytes each, published at
 * once, or only staged. fields: NULL for none; they count like bytes, are in
 * the first frame, and `piece` must have room for them. All or nothing: -ENOSPC
 * or -EMSGSIZE leave the ring unchanged.
 */
MUST_CHECK int ring_push_chain(struct ring *ring, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len,
    uint32_t piece);
MUST_CHECK int ring_stage_chain(struct ring *ring, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len,
    uint32_t piece);

/*
 * Gives back what a burst has touched beyond the first pages, when the ring is
 * empty and nothing is staged; else nothing. For a tick, not for every turn.
 */
void ring_trim(struct ring *ring);

/* Bytes that can be staged now, at least (headers and pads not counted). */
uint64_t ring_room(const struct ring *ring);

/* --- consumer --- */

/*
 * Reads the frame at *cursor_io (start with ring_sent() or ring_tail()) and
 * moves *cursor_io behind it. 1, 0 when head is reached, -EPROTO on a format
 * error or an impossible head. Never reads outside the ring.
 */
MUST_CHECK int ring_next(const struct ring *ring, uint64_t *cursor_io,
    struct frame *frame_out);

/* True when the frame's check word fits its header and this nonce part. */
bool frame_verify(const struct frame *frame, uint32_t nonce32);

uint64_t ring_head(const struct ring *ring); /* acquire */
uint64_t ring_sent(const struct ring *ring);
uint64_t ring_tail(const struct ring *ring);

/* Moves sent (forward, or back to tail or later after a link's death). */
void ring_set_sent(struct ring *ring, uint64_t cursor);

/* Frees everything before cursor; sent is dragged along if it is behind. */
void ring_release(struct ring *ring, uint64_t cursor);

/* By whom both ends belong to: all cursors to zero. Each of its handles. */
void ring_reset(struct ring *ring);

#endif
