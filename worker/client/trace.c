/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose elements somebody watches. Who watches slowly loses some, and
 * is sent how many; the client never waits. */
#include "worker/client/trace.h"

#include "common/base/buf.h"
#include "common/net/fd.h"
#include "common/process/trace_record.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/mask.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/state.h"

#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/socket.h>

static uint8_t record_bytes[TRACE_RECORD_MAX];

/* --- a watcher --- */

static void
end_watcher(struct client_worker *worker, struct watcher *watcher)
{
	struct client *client = watcher->client;
	unsigned i;

	ev_io_stop(worker->loop, &watcher->io);
	fd_close(&watcher->fd);
	watcher->client = NULL;
	watcher->end_reason = NULL;
	for (i = 0; i < WATCHERS_MAX; i++)
		if (worker->watchers[i].client == client)
			return;
	if (client)
		client->flags &= (uint16_t)~CLIENT_TRACED;
}

/* 0; -EAGAIN: there is no room; -EPIPE: nobody is there any more. */
static int
put(const struct client_worker *worker, int fd, enum trace_what what,
    uint32_t lost, const char *text, size_t len)
{
	struct trace_record record = {
		.what = what,
		.lost = lost,
		.time_us = (uint64_t)(ev_now(worker->loop) * 1e6),
		.text = text,
		.len = len,
	};
	size_t size = trace_record_encode(&record, record_bytes);

	if (send(fd, record_bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -EPIPE;
}

static int
send_end(const struct client_worker *worker, struct watcher *watcher)
{
	return put(worker, watcher->fd, TRACE_ENDED, watcher->lost,
	    watcher->end_reason, strlen(watcher->end_reason));
}

/* It never sends anything, so to be readable is its end. */
static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct watcher *watcher = container_of(io, struct watcher, io);
	struct client_worker *worker = io->data;

	(void)loop;
	if ((events & EV_READ) || send_end(worker, watcher) != -EAGAIN)
		end_watcher(worker, watcher);
}

/* --- what is sent --- */

static void
send_to_watchers(const struct client *client, enum trace_what what,
    const char *text, size_t len)
{
	struct client_worker *worker = worker_of(client);
	unsigned i;
	int error;

	for (i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *watcher = &worker->watchers[i];

		if (watcher->client != client)
			continue;
		error =
		    put(worker, watcher->fd, what, watcher->lost, text, len);
		if (error == -EPIPE)
			end_watcher(worker, watcher);
		else
			watcher->lost = error ? watcher->lost + 1 : 0;
	}
}

void
trace_element(const struct client *client, enum trace_what what,
    const void *bytes, size_t len)
{
	struct buf shown;

	buf_init(&shown, 0);
	mask_secrets(bytes, len, &shown);
	send_to_watchers(client, what, (const char *)buf_bytes(&shown),
	    buf_len(&shown));
	buf_destroy(&shown);
}

void
trace_header(const struct client *client, const struct element *header)
{
	struct buf shown;
	size_t i;

	buf_init(&shown, 0);
	buf_append_str(&shown, "<stream:stream");
	for (i = 0; i < header->attribute_count; i++) {
		const char *value = header->attributes[i].value;

		buf_printf(&shown, " %s=\"", header->attributes[i].name);
		stream_escape_value(&shown, value, strlen(value));
		buf_append_char(&shown, '"');
	}
	buf_append_char(&shown, '>');
	send_to_watchers(client, TRACE_FROM_CLIENT,
	    (const char *)buf_bytes(&shown), buf_len(&shown));
	buf_destroy(&shown);
}

/* --- begin and end --- */

void
trace_end(const struct client *client, enum close_reason reason)
{
	struct client_worker *worker = worker_of(client);
	unsigned i;

	for (i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *watcher = &worker->watchers[i];

		if (watcher->client != client)
			continue;
		watcher->end_reason = close_info(reason)->name;
		if (send_end(worker, watcher) != -EAGAIN) {
			end_watcher(worker, watcher);
			continue;
		}
		watcher->client = NULL;
		ev_io_stop(worker->loop, &watcher->io);
		ev_io_set(&watcher->io, watcher->fd, EV_READ | EV_WRITE);
		ev_io_start(worker->loop, &watcher->io);
	}
}

static void
refuse(const struct client_worker *worker, int *fd, const char *why)
{
	(void)put(worker, *fd, TRACE_REFUSED, 0, why, strlen(why));
	fd_close(fd);
}

void
trace_begin(struct client_worker *worker, struct client *client, int fd)
{
	struct watcher *watcher = worker->watchers;

	if (!client) {
		refuse(worker, &fd, "no such session");
		return;
	}
	while (watcher < worker->watchers + WATCHERS_MAX &&
	       (watcher->client || watcher->end_reason))
		watcher++;
	if (watcher == worker->watchers + WATCHERS_MAX) {
		refuse(worker, &fd, "too many are traced");
		return;
	}
	*watcher = (struct watcher){ .client = client, .fd = fd };
	ev_io_init(&watcher->io, on_io, fd, EV_READ);
	watcher->io.data = worker;
	ev_io_start(worker->loop, &watcher->io);
	client->flags |= CLIENT_TRACED;
	/* Its end shows on its own. */
	(void)put(worker, fd, TRACE_BEGUN, 0, "", 0);
}
