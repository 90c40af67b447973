/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate - what of a stream's beginning ends here: headers, features,
 * STARTTLS and SASL as far as it concerns us (PROTOCOL.md §8, §9). It may end
 * the client; `element` and `header` are the parser's, valid during the call.
 */
#ifndef WORKER_CLIENT_NEGOTIATE_H
#define WORKER_CLIENT_NEGOTIATE_H

#include "common/base/base.h"

struct buf;
struct client;
struct element;

/* A stream begins: answers it, or refuses and ends it. */
void negotiate_header(struct client *client, const struct element *header);
/* The client asks for TLS: <proceed/>, or the end. */
void negotiate_starttls(struct client *client);
/* An element of SASL: goes up, is answered, or ends the stream. */
void negotiate_sasl(struct client *client, const struct element *element);
/* The server has accepted it: a new header is due. */
void negotiate_success(struct client *client);
/* Our header, appended to `out`: the first words of a stream. theirs: the one
 * that it answers; NULL: none has come. */
void negotiate_render_header(const struct client *client,
    const struct element *theirs, struct buf *out);
void negotiate_send_header(struct client *client, const struct element *theirs);
/* True when TLS is demanded and missing, before authentication. */
bool negotiate_needs_tls(const struct client *client);
/* The text of the error then: begin TLS, or that there is none. */
const char *negotiate_tls_advice(const struct client *client);
/* An element of SASL then. */
void negotiate_sasl_in_clear(struct client *client,
    const struct element *element);

#endif
