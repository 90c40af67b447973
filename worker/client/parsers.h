/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parsers - a client has one only while a stanza of its stream is incomplete;
 * they are lent, and taken back.
 */
#ifndef WORKER_CLIENT_PARSERS_H
#define WORKER_CLIENT_PARSERS_H

#include "common/base/base.h"

struct client;
struct config;
struct parsers;

struct parsers *parsers_new(const struct config *config);
/* What is lent from now on keeps to these limits. */
void parsers_configure(struct parsers *parsers, const struct config *config);
void parsers_free(struct parsers **parsers);

/* Lends the client one that stands between two stanzas of its stream, or
 * expects a header. When too many are on loan another client's stream ends:
 * loans.h says whose. False: the client's own header was not understood. */
MUST_CHECK bool parsers_borrow(struct parsers *parsers, struct client *client,
    bool expect_header, size_t element_bytes);
void parsers_give_back(struct parsers *parsers, struct client *client);
/* Counts what the client's parser holds by now; progress: it has completed
 * something. When that is too much in all, a stream ends, perhaps this. */
void parsers_note(struct parsers *parsers, struct client *client,
    bool progress);
/* Frees most of those not needed since the last call, on a tick; true when
 * there were any. */
bool parsers_trim(struct parsers *parsers);

#endif
