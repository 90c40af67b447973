/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_daemon - libmicrohttpd, run by our loop. Certificate and key are fixed
 * when it starts: to show others another one is started on the same listening
 * socket, which belongs to neither, and this one accepts nothing any more.
 */
#ifndef WORKER_CONTROL_HTTP_DAEMON_H
#define WORKER_CONTROL_HTTP_DAEMON_H

#include "common/net/tls.h"

#include <ev.h>
#include <microhttpd.h>

struct http_daemon;

/* Borrows the listening socket, and everything else for the call alone. No
 * identity: HTTP in clear text. The options end with MHD_OPTION_END. NULL: the
 * library refuses. */
struct http_daemon *http_daemon_start(struct ev_loop *loop, int listen_fd,
    const struct tls_identity *identity, MHD_AccessHandlerCallback on_request,
    void *context, const struct MHD_OptionItem *options);
/* Connections go on; what waits to be accepted is for its successor. */
void http_daemon_stop_accepting(struct http_daemon *daemon);
/* Its connections are closed; none at all may be given. */
void http_daemon_stop(struct http_daemon **daemon);

#endif
