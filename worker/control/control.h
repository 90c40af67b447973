/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the unix socket that answers operators (SECURITY.md §2).
 *
 * A request is a line (control_line.h). An answer is lines, too, each of them a
 * JSON object in ASCII that begins with its `{`:
 *
 *   {"noun":"sessions","columns":[{"name":"id","type":"text","rank":1},...]}
 *       A list follows, a line for each row as it is made; this one comes even
 *       when there is none. Rows have these members in this order. Types are
 *       text, number, flag (true or false) and long (a sentence; the last
 *       column). Where there is no room for all columns those of the highest
 *       rank give way first; 1 stays. "sorted_by", a column's name, and
 *       "ascending" say what the rows are sorted by.
 *   {"id":"cm0...","jid":"alice@example.org/home",...}
 *       A row or, without a line of columns before it, an answer of its own.
 *   {"ok":true} or {"error":"why it went wrong"}
 *       The last line, once. With "ok" there may be a "message": what was done,
 *       a sentence or lines of text, for people, who are shown nothing else.
 *       No other line has a member of these names, nor has any but the first
 *       one of the name "columns".
 *
 * The one exception is what `show metrics` gives: lines of Prometheus's text
 * format, of which none begins with `{`, before the last line. One connection
 * may ask many times, one after the other.
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
