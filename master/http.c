/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "master/state_facts.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 64u
#define CONNECTION_KIB  32u /* at most, of a request and its headers */
#define QUIET_S         10u
#define BACKLOG         16

struct http {
	int listen_fd; /* -1: the library's */
	struct MHD_Daemon *daemon;
	const struct commands_view *view;
	struct ev_loop *loop;
	ev_io io; /* on the library's epoll descriptor */
	ev_timer timer;
};

/* --- answers --- */

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, struct buf *body)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(buf_len(body),
		(void *)(uintptr_t)buf_bytes(body), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    "text/plain; version=0.0.4; charset=utf-8");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
	    "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static unsigned
render(const struct http *http, const char *url, struct buf *body)
{
	const char *trouble;

	if (strcmp(url, "/metrics") == 0) {
		state_metrics(http->view, body);
		return MHD_HTTP_OK;
	}
	if (strcmp(url, "/health") == 0) {
		trouble = state_trouble(http->view);
		buf_printf(body, "%s\n", trouble ? trouble : "ok");
		return trouble ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
	}
	buf_append_str(body, "/metrics and /health are here\n");
	return MHD_HTTP_NOT_FOUND;
}

/* The library's signature. */
static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size) */
on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **state)
{
	static int seen;
	struct buf body;
	unsigned status = MHD_HTTP_METHOD_NOT_ALLOWED;
	enum MHD_Result result;

	(void)version;
	(void)upload;
	if (!*state) { /* the headers alone are there */
		*state = &seen;
		return MHD_YES;
	}
	*upload_len = 0;
	buf_init(&body, 0);
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	    strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
		status = render(context, url, &body);
	else
		buf_append_str(&body, "GET and HEAD are understood\n");
	result = answer(connection, status, &body);
	buf_destroy(&body);
	return result;
}

/* --- the loop --- */

static void
run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	(void)MHD_run(http->daemon);
	ev_timer_stop(http->loop, &http->timer);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES) {
		ev_timer_set(&http->timer, (double)wait_ms / 1000, 0.);
		ev_timer_start(http->loop, &http->timer);
	}
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	run(io->data);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	run(timer->data);
}

/* --- life --- */

int
http_open(const struct config *config, struct http **http_out)
{
	const struct listen_options options = { .backlog = BACKLOG };
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];
	int fd;

	*http_out = NULL;
	if (config->http_port == 0)
		return 0;
	CHECK(endpoint_parse(config->http_address, config->http_port,
		  &endpoint) == 0);
	fd = endpoint_listen(&endpoint, &options);
	if (fd < 0) {
		log_at(LOG_ERROR, "cannot listen address=%s error=\"%s\"",
		    endpoint_print(&endpoint, text), strerror(-fd));
		return fd;
	}
	*http_out = xcalloc(1, sizeof(**http_out));
	(*http_out)->listen_fd = fd;
	return 0;
}

static struct MHD_Daemon *
start_daemon(struct http *http)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
	    MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, QUIET_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_KIB << 10,
	    MHD_OPTION_END);
}

void
http_start(struct http *http, struct ev_loop *loop,
    const struct commands_view *view)
{
	const union MHD_DaemonInfo *info;

	http->loop = loop;
	http->view = view;
	http->daemon = start_daemon(http);
	info = http->daemon
		   ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		   : NULL;
	if (!info) {
		log_at(LOG_ERROR, "no metrics by HTTP: it does not start");
		return;
	}
	http->listen_fd = -1;
	ev_io_init(&http->io, on_readable, info->epoll_fd, EV_READ);
	ev_init(&http->timer, on_timer);
	http->io.data = http->timer.data = http;
	ev_io_start(loop, &http->io);
}

void
http_close(struct http **http)
{
	struct http *old = *http;

	if (!old)
		return;
	*http = NULL;
	if (old->daemon) {
		ev_io_stop(old->loop, &old->io);
		ev_timer_stop(old->loop, &old->timer);
		MHD_stop_daemon(old->daemon);
	}
	fd_close(&old->listen_fd);
	free(old);
}
