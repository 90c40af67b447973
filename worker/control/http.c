/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/http.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "worker/control/http_access.h"
#include "worker/control/http_connections.h"
#include "worker/control/http_daemon.h"
#include "worker/control/state_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVICTED_MAX    64u /* the library has not noticed yet */
#define CONNECTION_KIB 32u /* at most, of a request and its headers */
#define BODY_MAX       65536

/* By which two are told apart without a key being kept. */
struct identity_mark {
	bool tls;
	uint8_t secret[DIGEST_KEY_BYTES];
	uint8_t chain[32], key[32];
};

struct http {
	int listen_fd;
	struct http_daemon *daemon; /* NULL: it does not start */
	struct http_daemon *former; /* that shows an old certificate; or NULL */
	ev_timer former_end;        /* the end of the former */
	struct http_access access;
	struct identity_mark mark; /* of what the daemon shows */
	const struct commands_view *view;
	struct ev_loop *loop;
	struct http_connections connections;
};

static void
on_connection(void *context, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*socket_context =
		    http_connections_begin(&http->connections, connection);
	else
		http_connections_end(*socket_context);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)state;
	(void)code;
	http_connections_answered(connection);
}

/* --- answers --- */

static void
add_headers(struct MHD_Response *response, unsigned status)
{
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    "text/plain; version=0.0.4; charset=utf-8");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
	    "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED)
		(void)MHD_add_response_header(response,
		    MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		    "Bearer realm=\"cmanager\"");
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, struct buf *body)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(buf_len(body),
		(void *)(uintptr_t)buf_bytes(body), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, status);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool
is_tls(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info && info->tls_session;
}

static unsigned
render_metrics(const struct http *http, struct MHD_Connection *connection,
    struct buf *body)
{
	const struct http_access *access = &http->access;

	switch (http_access_judge(access, is_tls(connection),
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		MHD_HTTP_HEADER_AUTHORIZATION))) {
	case HTTP_REFUSED:
		buf_printf(body,
		    "/metrics is refused beyond the loopback address without"
		    " %s\n",
		    access->lacks ? access->lacks : "TLS");
		return MHD_HTTP_FORBIDDEN;
	case HTTP_NO_TOKEN:
		buf_append_str(body,
		    "/metrics needs the token of http.token.file:"
		    " Authorization: Bearer TOKEN\n");
		return MHD_HTTP_UNAUTHORIZED;
	case HTTP_ADMITTED:
		break;
	}
	state_metrics(http->view, body);
	return MHD_HTTP_OK;
}

/* While it is paused log-ins wait, and a balancer must not end anybody. */
static bool
takes_clients(const char *trouble)
{
	return !trouble || strcmp(trouble, STATE_PAUSED) == 0;
}

static unsigned
render(const struct http *http, struct MHD_Connection *connection,
    const char *url, struct buf *body)
{
	const char *trouble;

	if (strcmp(url, "/metrics") == 0)
		return render_metrics(http, connection, body);
	if (strcmp(url, "/health") == 0) {
		buf_append_str(body, "alive\n");
		return MHD_HTTP_OK;
	}
	if (strcmp(url, "/ready") == 0) {
		trouble = state_trouble(http->view);
		buf_printf(body, "%s\n", trouble ? trouble : "ready");
		return takes_clients(trouble) ? MHD_HTTP_OK
					      : MHD_HTTP_SERVICE_UNAVAILABLE;
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
		status = render(http, connection, url, &body);
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

/* --- the certificate --- */

static void
mark_identity(const struct tls_identity *identity,
    const uint8_t secret[DIGEST_KEY_BYTES], struct identity_mark *mark_out)
{
	*mark_out = (struct identity_mark){ .tls = identity->chain != NULL };
	memcpy(mark_out->secret, secret, sizeof(mark_out->secret));
	if (!mark_out->tls)
		return;
	digest_keyed(secret, identity->chain, strlen(identity->chain),
	    mark_out->chain, sizeof(mark_out->chain));
	digest_keyed(secret, identity->key, strlen(identity->key),
	    mark_out->key, sizeof(mark_out->key));
}

static struct http_daemon *
start_daemon(struct http *http)
{
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_CONNECTION_LIMIT,
		    HTTP_CONNECTIONS_MAX + EVICTED_MAX, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		    (intptr_t)CONNECTION_KIB << 10, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, http },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, http },
		{ MHD_OPTION_END, 0, NULL },
	};

	return http_daemon_start(http->loop, http->listen_fd,
	    &http->view->config->http.identity, on_request, http, options);
}

static void
on_former_end(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http *http = timer->data;

	(void)loop;
	(void)events;
	http_daemon_stop(&http->former);
}

/* What is under way with the one before has as long as any request. */
static void
replace_daemon(struct http *http)
{
	ev_timer_stop(http->loop, &http->former_end);
	http_daemon_stop(&http->former);
	http->former = http->daemon;
	if (http->former)
		http_daemon_stop_accepting(http->former);
	http->daemon = start_daemon(http);
	ev_timer_set(&http->former_end, HTTP_REQUEST_S, 0.);
	ev_timer_start(http->loop, &http->former_end);
}

/* --- life --- */

int
http_new(int listen_fd, struct ev_loop *loop, const struct commands_view *view,
    struct http **http_out)
{
	struct http *http = xcalloc(1, sizeof(*http));
	uint8_t secret[DIGEST_KEY_BYTES];

	*http_out = http;
	http->listen_fd = listen_fd;
	http->loop = loop;
	http->view = view;
	http_connections_init(&http->connections, loop);
	ev_init(&http->former_end, on_former_end);
	http->former_end.data = http;
	digest_random(secret, sizeof(secret));
	mark_identity(&view->config->http.identity, secret, &http->mark);
	http_access_take(&http->access, view->config);
	http->daemon = start_daemon(http);
	if (http->daemon)
		return 0;
	http_free(http_out);
	return -ENOMEM;
}

void
http_renew(struct http *http)
{
	const struct config *config = http->view->config;
	struct identity_mark mark;

	http_access_take(&http->access, config);
	mark_identity(&config->http.identity, http->mark.secret, &mark);
	if (http->daemon && memcmp(&mark, &http->mark, sizeof(mark)) == 0)
		return;
	http->mark = mark;
	replace_daemon(http);
	if (!http->daemon)
		log_at(LOG_ERROR, "no metrics by HTTP: it does not start");
}

void
http_free(struct http **http)
{
	struct http *old = *http;

	if (!old)
		return;
	*http = NULL;
	http_daemon_stop(&old->former);
	http_daemon_stop(&old->daemon);
	ev_timer_stop(old->loop, &old->former_end);
	http_connections_destroy(&old->connections);
	fd_close(&old->listen_fd);
	free(old);
}
