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
 * says nothing is sent away, and of too many the longest quiet goes. One
 * descriptor is kept back for when the process has no others.
 */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include "master/commands.h"

#include <ev.h>

struct control;

/*
 * Makes the socket, while root still may give it to a group. 0 and NULL when
 * none is wanted, or the usual folder is not there; -errno after a line in the
 * log, also when another manager answers on it.
 */
MUST_CHECK int control_open(const struct config *config,
    struct control **control_out);
void control_start(struct control *control, struct ev_loop *loop,
    const struct commands_view *view);
/* Removes the socket, too. */
void control_close(struct control **control);

#endif
