/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the unix socket that answers operators (SECURITY.md §2).
 *
 * A request is a line (control_line.h). The answer is text or, after `json`,
 * one line of JSON; its last line is `ok`, or `error: ` and why. One
 * connection may ask many times, one after the other.
 *
 * Nobody can keep it from the next: requests work in pieces, a connection is
 * read only while nothing is asked or answered on it, who takes no answer or
 * says nothing is sent away, and of too many the longest idle is evicted. One
 * descriptor is kept back for when the process has no others.
 */
#ifndef WORKER_CONTROL_CONTROL_H
#define WORKER_CONTROL_CONTROL_H

#include "worker/control/request.h"

#include <ev.h>

struct control;

/* Accepts on the listening socket, which stays the caller's; all is borrowed.
 */
struct control *control_new(int listen_fd, const struct access *access,
    struct ev_loop *loop, const struct commands_view *view);
/* Acts were answered. */
void control_wake(struct control *control);
/* Hangs up on all. */
void control_free(struct control **control);

#endif
