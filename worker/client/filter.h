/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - which of a client's elements goes up, and how (PROTOCOL.md §6.1,
 * §6.8, §7.4, §18.1). All that does not is answered, swallowed and counted, or
 * ends the stream: the client may be closing afterwards.
 */
#ifndef WORKER_CLIENT_FILTER_H
#define WORKER_CLIENT_FILTER_H

#include "common/base/base.h"

struct client;
struct element;
struct stanza_fault;

/* Tells a client that its stanza goes no further; counts nothing. */
void filter_answer_error(struct client *client, const struct element *stanza,
    const struct stanza_fault *fault);
void filter_element(struct client *client, const struct element *element);

#endif
