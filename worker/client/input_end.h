/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_end - the ends of streams whose next bytes the parser refuses.
 */
#ifndef WORKER_CLIENT_INPUT_END_H
#define WORKER_CLIENT_INPUT_END_H

#include "common/xmpp/framer.h"

struct client;

/* Ends the stream for the parser's error at the next bytes. */
void input_end(struct client *client, enum framer_result result);

#endif
