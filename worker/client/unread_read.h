/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unread_read - reads what a client has sent and nobody handles any more,
 * before its stream ends; unread.h judges it.
 */
#ifndef WORKER_CLIENT_UNREAD_READ_H
#define WORKER_CLIENT_UNREAD_READ_H

#include "common/base/base.h"
#include "common/xmpp/close.h"

struct client;

/* Before a stream ends for this reason: what its client could not know to be in
 * vain is read and answered. The client may be closing afterwards. */
void unread_answer(struct client *client, enum close_reason reason);

#endif
