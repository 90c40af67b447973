/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wording - parts of the sentences that operators are answered with.
 */
#ifndef WORKER_CONTROL_WORDING_H
#define WORKER_CONTROL_WORDING_H

#include "common/base/buf.h"

#define WORDING_COUNT_MAX 64 /* with the final NUL */

/* What somebody wrote, as a terminal may show it (printable.h): whole while it
 * can be a JID, else its beginning, an ellipsis and how long it is. In one of
 * four static buffers, used in turn. */
const char *wording_quote(const char *word);
/* The same of a word that is never so long. */
const char *wording_quote_short(const char *word);

/* "1 client", "1,234 clients". */
const char *wording_count(uint64_t count, const char *one, const char *many,
    char text_out[WORDING_COUNT_MAX]);

/* "a", "a and b", "a, b and c", where the last two are joined by this word. */
void wording_join(struct buf *out, const char *const *words, size_t count,
    const char *last);

#endif
