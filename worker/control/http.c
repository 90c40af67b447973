/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/http.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/steady_clock.h"
#include "worker/control/state_facts.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 64u
#define EVICTED_MAX     64u /* the library has not noticed yet */
#define CONNECTION_KIB  32u /* at most, of a request and its headers */
#define REQUEST_S       5.0 /* until it is whole and answered, or comes */
#define BODY_MAX        65536

struct http {
	int listen_fd; /* the library closes it */
	struct MHD_Daemon *daemon;
	const struct commands_view *view;
	struct ev_loop *loop;
	ev_io io; /* on the library's epoll descriptor */
	ev_timer timer;
	struct list connections; /* longest idle first */
	unsigned count;
	ev_timer deadline; /* of the first */
};

struct http_connection {
	struct http *http;
	struct list all; /* by itself once it is evicted */
	int fd;          /* the library's */
	double since;    /* of accept, or of its last answer; steady clock */
};

/* --- connections --- */

/* The library sees the end, and closes it. */
static void
evict_idlest(struct http *http)
{
	struct http_connection *idlest;

	idlest =
	    container_of(http->connections.next, struct http_connection, all);
	list_remove(&idlest->all);
	http->count--;
	(void)shutdown(idlest->fd, SHUT_RDWR);
}

static void
arm_deadline(struct http *http)
{
	const struct http_connection *first;

	ev_timer_stop(http->loop, &http->deadline);
	if (list_is_empty(&http->connections))
		return;
	first =
	    container_of(http->connections.next, struct http_connection, all);
	ev_timer_set(&http->deadline,
	    MAX(first->since + REQUEST_S - steady_clock_s(), 0.), 0.);
	ev_timer_start(http->loop, &http->deadline);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http *http = timer->data;
	double now = steady_clock_s();

	(void)loop;
	(void)events;
	while (!list_is_empty(&http->connections) &&
	       container_of(http->connections.next, struct http_connection, all)
			   ->since +
		       REQUEST_S <=
		   now)
		evict_idlest(http);
	arm_deadline(http);
}

static void
begin_connection(struct http *http, struct MHD_Connection *connection,
    void **context_out)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_connection *own = xcalloc(1, sizeof(*own));

	*own = (struct http_connection){
		.http = http, .fd = info->connect_fd, .since = steady_clock_s()
	};
	if (http->count == CONNECTIONS_MAX)
		evict_idlest(http);
	list_append(&http->connections, &own->all);
	http->count++;
	*context_out = own;
	arm_deadline(http);
}

static void
end_connection(struct http_connection *own)
{
	struct http *http = own->http;

	if (!list_is_empty(&own->all))
		http->count--;
	list_remove(&own->all);
	free(own);
	arm_deadline(http);
}

static void
on_connection(void *context, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		begin_connection(context, connection, socket_context);
	else if (*socket_context)
		end_connection(*socket_context);
}

/* It was answered, and may ask again. */
static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_connection *own = info ? info->socket_context : NULL;
	struct http *http = context;

	(void)state;
	(void)code;
	if (!own || list_is_empty(&own->all))
		return;
	own->since = steady_clock_s();
	list_remove(&own->all);
	list_append(&http->connections, &own->all);
	arm_deadline(http);
}

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
		buf_append_str(body, "alive\n");
		return MHD_HTTP_OK;
	}
	if (strcmp(url, "/ready") == 0) {
		trouble = state_trouble(http->view);
		buf_printf(body, "%s\n", trouble ? trouble : "ready");
		return trouble ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
	}
	buf_append_str(body, "/metrics, /health and /ready are here\n");
	return MHD_HTTP_NOT_FOUND;
}

static bool
is_understood(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* A small body is read before it is refused, lest the close takes the answer
 * along; a large one, or one that waits for a word, is not waited for. */
static bool
comes_soon(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection,
	    MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return !MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		   MHD_HTTP_HEADER_EXPECT) &&
	       (!length || strtoull(length, NULL, 10) <= BODY_MAX);
}

static enum MHD_Result
respond(const struct http *http, struct MHD_Connection *connection,
    const char *url, const char *method)
{
	unsigned status = MHD_HTTP_METHOD_NOT_ALLOWED;
	enum MHD_Result result;
	struct buf body;

	buf_init(&body, 0);
	if (is_understood(method))
		status = render(http, url, &body);
	else
		buf_append_str(&body, "GET and HEAD are understood\n");
	result = answer(connection, status, &body);
	buf_destroy(&body);
	return result;
}

/* The library's signature. */
static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size) */
on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **state)
{
	static int seen;

	(void)version;
	(void)upload;
	if (!*state) { /* the headers alone are there */
		*state = &seen;
		if (is_understood(method) || comes_soon(connection))
			return MHD_YES;
	} else if (*upload_len > 0) {
		*upload_len = 0;
		return MHD_YES;
	}
	return respond(context, connection, url, method);
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

static struct MHD_Daemon *
start_daemon(struct http *http)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
	    MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX + EVICTED_MAX,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_KIB << 10,
	    MHD_OPTION_END);
}

int
http_new(int listen_fd, struct ev_loop *loop, const struct commands_view *view,
    struct http **http_out)
{
	struct http *http = xcalloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info;

	*http_out = http;
	http->listen_fd = listen_fd;
	http->loop = loop;
	http->view = view;
	list_init(&http->connections);
	ev_init(&http->deadline, on_deadline);
	http->deadline.data = http;
	http->daemon = start_daemon(http);
	info = http->daemon
		   ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		   : NULL;
	if (!info) {
		http_free(http_out);
		return -ENOMEM;
	}
	ev_io_init(&http->io, on_readable, info->epoll_fd, EV_READ);
	ev_init(&http->timer, on_timer);
	http->io.data = http->timer.data = http;
	ev_io_start(loop, &http->io);
	return 0;
}

void
http_free(struct http **http)
{
	struct http *old = *http;

	if (!old)
		return;
	*http = NULL;
	if (old->daemon) {
		ev_io_stop(old->loop, &old->io);
		ev_timer_stop(old->loop, &old->timer);
		MHD_stop_daemon(old->daemon);
		ev_timer_stop(old->loop, &old->deadline);
	}
	free(old);
}
