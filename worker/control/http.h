/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - for programs; it only looks.
 *
 *   /metrics  the counters, as cmctl show metrics prints them
 *   /health   200 and `alive`: this process answers, so it, or the master that
 *             keeps it, needs no restart
 *   /ready    200 and `ready` while clients are taken and the server is
 * reached, else 503 and why in a word: starting, drained, unreachable
 *
 * A request has five seconds to come and to be answered; of too many
 * connections the longest idle is evicted. Who is slow costs nobody else.
 */
#ifndef WORKER_CONTROL_HTTP_H
#define WORKER_CONTROL_HTTP_H

#include "worker/control/request.h"

#include <ev.h>

struct http;

/* Takes the listening socket. The view has no acts: HTTP only asks. 0, or
 * -ENOMEM or the like: it does not start. */
MUST_CHECK int http_new(int listen_fd, struct ev_loop *loop,
    const struct commands_view *view, struct http **http_out);
void http_free(struct http **http);

#endif
