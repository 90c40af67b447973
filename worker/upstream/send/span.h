/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span - what a link's journal says of the lanes: a span is some entries of one
 * lane in a row, or a frame of the link's own ring, as they went to the wire.
 */
#ifndef WORKER_UPSTREAM_SEND_SPAN_H
#define WORKER_UPSTREAM_SEND_SPAN_H

#include "worker/upstream/core/state.h"

struct journal_span;

/* A span of the link's journal; false when there is none. A damaged journal
 * ends the process. */
bool span_read(const struct link *link, uint64_t number,
    struct journal_span *span_out);

/* The piece of a span that is still to be written; false when it makes no
 * sense. The cursor of ctl is moved behind it. */
MUST_CHECK bool span_piece(struct link *link, const struct journal_span *span,
    struct piece *piece_out);

#endif
