/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/channel.h"

#include "common/base/buf.h"
#include "common/base/cursor.h"
#include "common/base/list.h"
#include "common/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANNEL_VERSION 2
#define LENGTH_BYTES    4u
#define BODY_BYTES      (2u + 2u + 1u + 4u + 4u + 4u + 4u)
#define MESSAGE_BYTES   (LENGTH_BYTES + BODY_BYTES)
#define QUEUE_MAX       1024
#define FDS_MAX         64

struct queued {
	struct list link;
	uint8_t bytes[MESSAGE_BYTES];
	size_t done;
	int fd;
};

struct channel {
	int fd;
	struct list queue;
	unsigned queued;
	struct buf received;
	int fds[FDS_MAX]; /* received, or FD_LOST; their messages not yet
			   * given out */
	unsigned fd_count;
	bool ended;
};

/* --- codec --- */

size_t
channel_encode(const struct channel_message *message, void *bytes_out,
    size_t cap)
{
	struct cursor_writer writer;

	cursor_writer_init(&writer, bytes_out, cap);
	cursor_put_u32(&writer, BODY_BYTES);
	cursor_put_u16(&writer, (uint16_t)message->type);
	cursor_put_u16(&writer, CHANNEL_VERSION);
	cursor_put_u8(&writer, message->fd >= 0);
	cursor_put_u32(&writer, message->partition);
	cursor_put_u32(&writer, message->incarnation);
	cursor_put_u32(&writer, message->number);
	cursor_put_u32(&writer, message->ticket);
	return writer.failed ? 0 : writer.len;
}

/* fd is left as 0 (one comes along) or -1; the caller puts the real one. */
int64_t
channel_decode(const void *bytes, size_t len,
    struct channel_message *message_out)
{
	struct cursor cursor;
	uint16_t type, version;
	uint8_t has_fd;

	if (len < LENGTH_BYTES)
		return 0;
	cursor_init(&cursor, bytes, len);
	if (cursor_u32(&cursor) != BODY_BYTES)
		return -EPROTO;
	if (len < MESSAGE_BYTES)
		return 0;
	type = cursor_u16(&cursor);
	version = cursor_u16(&cursor);
	has_fd = cursor_u8(&cursor);
	if (type >= CHANNEL_TYPE_COUNT || version != CHANNEL_VERSION ||
	    has_fd > 1)
		return -EPROTO;
	message_out->type = (enum channel_type)type;
	message_out->fd = has_fd ? 0 : -1;
	message_out->partition = cursor_u32(&cursor);
	message_out->incarnation = cursor_u32(&cursor);
	message_out->number = cursor_u32(&cursor);
	message_out->ticket = cursor_u32(&cursor);
	return MESSAGE_BYTES;
}

/* --- life --- */

struct channel *
channel_new(int fd)
{
	struct channel *channel = xcalloc(1, sizeof(*channel));

	channel->fd = fd;
	CHECK(fd_set_nonblocking(fd) == 0);
	list_init(&channel->queue);
	buf_init(&channel->received, 64 * MESSAGE_BYTES);
	return channel;
}

static void
drop_queued(struct channel *channel, struct queued *queued)
{
	list_remove(&queued->link);
	fd_close(&queued->fd);
	free(queued);
	channel->queued--;
}

void
channel_free(struct channel **channel)
{
	struct channel *c = *channel;

	if (!c)
		return;
	while (!list_is_empty(&c->queue))
		drop_queued(c,
		    container_of(c->queue.next, struct queued, link));
	while (c->fd_count > 0)
		fd_close_foreign(&c->fds[--c->fd_count]);
	buf_destroy(&c->received);
	fd_close_with_waiting(&c->fd);
	free(c);
	*channel = NULL;
}

int
channel_fd(const struct channel *channel)
{
	return channel->fd;
}

/* --- sending --- */

/* What the socket takes of it, or -errno. The descriptor goes with the first
 * byte. */
static int64_t
send_bytes(const struct channel *channel, const struct queued *queued, int fd)
{
	int64_t sent = fd_send(channel->fd, queued->bytes + queued->done,
	    MESSAGE_BYTES - queued->done, queued->done == 0 ? fd : -1);

	if (sent == -EAGAIN || sent == -EWOULDBLOCK)
		return 0;
	return sent < 0 ? -EPIPE : sent;
}

/* Its descriptor is kept until it goes. */
static int
enqueue(struct channel *channel, const struct queued *message, int fd)
{
	struct queued *queued;
	int kept = -1;

	if (channel->queued >= QUEUE_MAX)
		return -ENOBUFS;
	if (fd >= 0 && message->done == 0) {
		kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (kept < 0)
			return -errno;
	}
	queued = xcalloc(1, sizeof(*queued));
	*queued = *message;
	queued->fd = kept;
	list_append(&channel->queue, &queued->link);
	channel->queued++;
	return 0;
}

int
channel_send(struct channel *channel, const struct channel_message *message)
{
	struct queued queued = { .done = 0 };
	int64_t sent;
	int error;

	CHECK(channel_encode(message, queued.bytes, sizeof(queued.bytes)) ==
	      MESSAGE_BYTES);
	error = channel_flush(channel);
	if (error)
		return error;
	if (list_is_empty(&channel->queue)) { /* at once: needs no descriptor */
		sent = send_bytes(channel, &queued, message->fd);
		if (sent < 0)
			return (int)sent;
		queued.done = (size_t)sent;
		if (queued.done == MESSAGE_BYTES)
			return 0;
	}
	return enqueue(channel, &queued, message->fd);
}

bool
channel_wants_write(const struct channel *channel)
{
	return channel->queued > 0;
}

bool
channel_is_half_full(const struct channel *channel)
{
	return channel->queued >= QUEUE_MAX / 2;
}

int
channel_flush(struct channel *channel)
{
	struct queued *queued;
	int64_t sent;

	while (!list_is_empty(&channel->queue)) {
		queued = container_of(channel->queue.next, struct queued, link);
		sent = send_bytes(channel, queued, queued->fd);
		if (sent <= 0)
			return (int)sent;
		queued->done += (size_t)sent;
		if (queued->done == MESSAGE_BYTES)
			drop_queued(channel, queued);
	}
	return 0;
}

/* --- receiving --- */

static int
read_more(struct channel *channel)
{
	uint8_t bytes[MESSAGE_BYTES];
	int64_t got;
	int fd;

	got = fd_receive(channel->fd, bytes, sizeof(bytes), &fd);
	if (got == -EAGAIN || got == -EWOULDBLOCK)
		return 0;
	if (got <= 0) {
		channel->ended = true;
		return -EPIPE;
	}
	if (fd >= 0 || fd == FD_LOST) {
		if (channel->fd_count == FDS_MAX) {
			fd_close_foreign(&fd);
			return -EPROTO;
		}
		channel->fds[channel->fd_count++] = fd;
	}
	return buf_append(&channel->received, bytes, (size_t)got) == 0
		   ? 1
		   : -EPROTO;
}

static int
take_fd(struct channel *channel, struct channel_message *message)
{
	int fd;

	message->is_fd_lost = false;
	if (message->fd < 0)
		return 0;
	message->fd = -1;
	if (channel->fd_count == 0)
		return -EPROTO;
	fd = channel->fds[0];
	message->is_fd_lost = fd == FD_LOST;
	message->fd = message->is_fd_lost ? -1 : fd;
	channel->fd_count--;
	memmove(channel->fds, channel->fds + 1,
	    channel->fd_count * sizeof(channel->fds[0]));
	return 0;
}

int
channel_receive(struct channel *channel, struct channel_message *message_out)
{
	int64_t used;
	int more;

	for (;;) {
		used = channel_decode(buf_bytes(&channel->received),
		    buf_len(&channel->received), message_out);
		if (used < 0)
			return (int)used;
		if (used > 0) {
			buf_consume(&channel->received, (size_t)used);
			return take_fd(channel, message_out) == 0 ? 1 : -EPROTO;
		}
		if (channel->ended)
			return -EPIPE;
		more = read_more(channel);
		if (more <= 0)
			return more;
	}
}
