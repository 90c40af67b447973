/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - /metrics for Prometheus and /health for load balancers, on the
 * loopback address alone.
 *
 *   /metrics  the counters, as cmctl show metrics prints them
 *   /health   200 while clients are taken and the server is reached, else 503
 *             with the reason in a word
 */
#ifndef MASTER_HTTP_H
#define MASTER_HTTP_H

#include "master/commands.h"

#include <ev.h>

struct http;

/* Binds http.port; 0 and NULL when none is wanted, -errno after a line in the
 * log. */
MUST_CHECK int http_open(const struct config *config, struct http **http_out);
/* -ENOMEM or the like after a line in the log: it stays away. */
void http_start(struct http *http, struct ev_loop *loop,
    const struct commands_view *view);
void http_close(struct http **http);

#endif
