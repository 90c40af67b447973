/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scopes - what clients' headers declare beside the usual two namespaces
 * (framer_scope()), kept once for clients with the same.
 *
 * A number stands for a text, 0 for nothing further. Equal texts share it as
 * long as theirs is among the RECENT_MAX used last: so finding one costs the
 * same whatever clients choose, and who thrashes them costs only that each has
 * a copy of its own, of FRAMER_SCOPE_BYTES and little more.
 */
#ifndef WORKER_CLIENT_SCOPES_H
#define WORKER_CLIENT_SCOPES_H

#include "common/base/base.h"

#define SCOPES_MAX UINT16_MAX

struct scopes;

struct scopes *scopes_new(void);
void scopes_free(struct scopes **scopes);

/* The number of the text, held until released; 0: there are SCOPES_MAX. */
uint16_t scopes_take(struct scopes *scopes, const char *text);
/* Harmless for 0; which it sets. */
void scopes_release(struct scopes *scopes, uint16_t *number);
/* NULL for 0. Until it is released. */
const char *scopes_text(const struct scopes *scopes, uint16_t number);
/* Texts that are kept. */
unsigned scopes_count(const struct scopes *scopes);

#endif
