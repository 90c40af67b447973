/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scopes - what clients' headers declare beside the usual two namespaces, and
 * their language (framer_scope()), kept once for clients with the same.
 *
 * A number stands for a text, 0 for nothing further. Clients with equal texts
 * share a number as long as the text is among the RECENT_MAX used last, so that
 * finding one costs the same whatever clients choose. Clients that use many
 * different texts only make others keep copies of their own, each of little
 * more than FRAMER_SCOPE_BYTES.
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
/* Harmless for 0; sets *number to 0. */
void scopes_release(struct scopes *scopes, uint16_t *number);
/* NULL for 0. Until it is released. */
const char *scopes_text(const struct scopes *scopes, uint16_t number);

#endif
