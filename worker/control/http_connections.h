/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_connections - how long each may take: of too many the longest idle is
 * evicted, and so is one whose request, with the handshake of TLS before it, is
 * not whole and answered in time. An evicted one is shut down; the library sees
 * the end, and closes it.
 */
#ifndef WORKER_CONTROL_HTTP_CONNECTIONS_H
#define WORKER_CONTROL_HTTP_CONNECTIONS_H

#include "common/base/list.h"

#include <ev.h>
#include <microhttpd.h>

#define HTTP_CONNECTIONS_MAX 64u
#define HTTP_REQUEST_S       5.0 /* until it is answered, or comes */

struct http_connections {
	struct ev_loop *loop;
	struct list list; /* longest idle first */
	unsigned count;
	ev_timer deadline; /* of the first */
};

struct http_connection;

void http_connections_init(struct http_connections *all, struct ev_loop *loop);
/* All have ended. */
void http_connections_destroy(struct http_connections *all);
/* Was accepted; what comes back is the library's socket context of it. */
struct http_connection *http_connections_begin(struct http_connections *all,
    struct MHD_Connection *connection);
/* It was answered, and may ask again. */
void http_connections_answered(struct MHD_Connection *connection);
/* The library has closed it; NULL: it was never begun. */
void http_connections_end(struct http_connection *own);

#endif
