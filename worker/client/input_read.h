/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_read - when clients are read from, and how much of them.
 */
#ifndef WORKER_CLIENT_INPUT_READ_H
#define WORKER_CLIENT_INPUT_READ_H

#include "common/base/base.h"

struct client;

/* Its socket can be read. */
void input_readable(struct client *client);
/* Handles what was left when the client was blocked. */
void input_continue(struct client *client);
/* Hands what has come and was not looked at to unread_take(), with at most so
 * many bytes of what the socket holds; how many those were. */
size_t input_read_rest(struct client *client, size_t limit);

#endif
