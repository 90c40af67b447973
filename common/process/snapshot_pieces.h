/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_pieces - how numbers and texts lie in a snapshot. Private to
 * snapshot*.c.
 */
#ifndef COMMON_PROCESS_SNAPSHOT_PIECES_H
#define COMMON_PROCESS_SNAPSHOT_PIECES_H

#include "common/base/cursor.h"

struct buf;

void snapshot_put_u32(struct buf *out, uint32_t value);
void snapshot_put_i64(struct buf *out, int64_t value);
void snapshot_put_piece(struct buf *out, const void *bytes, size_t len);
/* NULL as "". */
void snapshot_put_text(const char *text, struct buf *out);

int64_t snapshot_take_i64(struct cursor *cursor);
/* To be freed; NULL when it is cut off or has a NUL within. */
char *snapshot_take_text(struct cursor *cursor);
/* False, too, when it does not fit with its NUL. */
bool snapshot_take_into(struct cursor *cursor, char *text_out, size_t cap);

#endif
