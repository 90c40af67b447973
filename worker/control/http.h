/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - for programs; it only looks.
 *
 *   /metrics  the counters, as cmctl show metrics prints them, for those whom
 *             http_access.h admits; others get 401 or 403
 *   /health   200 and `alive`: this process answers, so it, or the master that
 *             keeps it, needs no restart
 *   /ready    200 and `ready` while clients are taken and the server is
 * reached, else 503 and why in a word: starting, drained, holding, unreachable
 *
 * A request has five seconds to come and to be answered; of too many
 * connections the longest idle is evicted. Who is slow costs nobody else.
 */
#ifndef WORKER_CONTROL_HTTP_H
#define WORKER_CONTROL_HTTP_H

#include "worker/control/request.h"

#include <ev.h>

struct http;

/* Takes the listening socket. The view has no acts: HTTP only asks. Certificate
 * and token are those of the view's configuration, and may be wiped there
 * afterwards. 0, or -ENOMEM or the like: it does not start. */
MUST_CHECK int http_new(int listen_fd, struct ev_loop *loop,
    const struct commands_view *view, struct http **http_out);
/* The view has another configuration. Connections with an old certificate have
 * as long as a request may take. */
void http_renew(struct http *http);
void http_free(struct http **http);

#endif
