/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/kernel.h"

#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STREAM_BYTES (1u << 20) /* of one direction, ever */
#define WINDOW       65536u
#define FD_FIRST     1000 /* no real one */
#define FDS_MAX      512u

struct descriptor {
	struct connection *connection;
	enum holder holder;
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned count;
static struct descriptor descriptors[FDS_MAX];
static unsigned fd_count;
static uint64_t send_buffer;
static uint8_t *area;

void
kernel_begin(void)
{
	if (!area) {
		area = mmap(NULL, (size_t)CONNECTIONS_MAX * 2 * STREAM_BYTES,
		    PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		CHECK(area != MAP_FAILED);
	}
	count = fd_count = 0;
	send_buffer = 1024u << chance_below(5);
}

/* --- descriptors --- */

static int
make_fd(struct connection *connection, enum holder holder)
{
	unsigned i = 0;

	while (i < fd_count && descriptors[i].connection)
		i++;
	CHECK(i < FDS_MAX);
	fd_count = MAX(fd_count, i + 1);
	descriptors[i] = (struct descriptor){ connection, holder };
	connection->holders++;
	return (int)i + FD_FIRST;
}

int
kernel_connect(void)
{
	struct connection *connection = &connections[count];
	uint8_t *bytes = area + (size_t)count * 2 * STREAM_BYTES;

	if (count == CONNECTIONS_MAX)
		return -ENETUNREACH;
	*connection = (struct connection){
		.number = count,
		.cookie = count + 1,
		.up = { .bytes = bytes, .window = WINDOW },
		.down = { .bytes = bytes + STREAM_BYTES, .window = WINDOW },
		.send_buffer = send_buffer,
	};
	count++;
	TRACE(connection->number, "connection %u begins", connection->number);
	return make_fd(connection, HOLDER_UPSTREAM);
}

static struct descriptor *
descriptor_of(int fd)
{
	unsigned i = (unsigned)(fd - FD_FIRST);

	CHECK(fd >= FD_FIRST && i < fd_count && descriptors[i].connection);
	return &descriptors[i];
}

struct connection *
kernel_of(int fd)
{
	return descriptor_of(fd)->connection;
}

int
kernel_dup(int fd, enum holder holder)
{
	return make_fd(kernel_of(fd), holder);
}

void
kernel_close(int fd)
{
	struct descriptor *descriptor = descriptor_of(fd);
	struct connection *connection = descriptor->connection;

	descriptor->connection = NULL;
	if (--connection->holders > 0 || connection->dead_here)
		return;
	TRACE(connection->number, "connection %u closed by all",
	    connection->number);
	if (connection->reset_on_close ||
	    connection->down.read < connection->down.arrived)
		kernel_reset(connection);
	else
		kernel_shut(connection);
}

void
kernel_close_all(enum holder holder)
{
	for (unsigned i = 0; i < fd_count; i++)
		if (descriptors[i].connection &&
		    descriptors[i].holder == holder)
			kernel_close((int)i + FD_FIRST);
}

/* --- our end --- */

bool
kernel_end_has_left(const struct stream *stream)
{
	return stream->ended && stream->left == stream->written &&
	       stream->left - stream->read < stream->window;
}

/* What comes down leaves as it arrives. */
static bool
end_has_come(const struct stream *stream)
{
	return stream->ended && stream->arrived == stream->written &&
	       stream->arrived - stream->read < stream->window;
}

bool
kernel_is_over(const struct connection *connection)
{
	return connection->dead_here || (end_has_come(&connection->up) &&
					    end_has_come(&connection->down));
}

enum io_result
kernel_read(struct connection *connection, void *bytes, size_t cap,
    size_t *len_out)
{
	struct stream *down = &connection->down;
	size_t len = MIN(cap, down->arrived - down->read);

	if (connection->disconnected)
		len = 0;
	*len_out = len;
	if (len > 0) {
		memcpy(bytes, down->bytes + down->read, len);
		down->read += len;
		return IO_OK;
	}
	if (connection->disconnected)
		return IO_FAILED;
	if (end_has_come(down))
		return IO_EOF;
	if (connection->dead_here && !connection->error_taken) {
		connection->error_taken = true;
		return IO_FAILED;
	}
	/* It is shut for reading, too. */
	return connection->dead_here || connection->up.ended ? IO_EOF
							     : IO_AGAIN;
}

static uint64_t
room_of(const struct connection *connection)
{
	const struct stream *up = &connection->up;
	uint64_t queued = up->written - up->acked;

	return MIN(queued < connection->send_buffer
		       ? connection->send_buffer - queued
		       : 0,
	    STREAM_BYTES - up->written);
}

enum io_result
kernel_write(struct connection *connection, const struct iovec *vectors,
    int vector_count, size_t *len_out)
{
	struct stream *up = &connection->up;
	uint64_t room = room_of(connection);

	*len_out = 0;
	if (connection->dead_here || up->ended) {
		connection->error_taken = connection->dead_here;
		return IO_FAILED;
	}
	for (int i = 0; i < vector_count && room > 0; i++) {
		size_t now = MIN(vectors[i].iov_len, room);

		memcpy(up->bytes + up->written, vectors[i].iov_base, now);
		up->written += now;
		room -= now;
		*len_out += now;
	}
	return *len_out ? IO_OK : IO_AGAIN;
}

bool
kernel_can_read(const struct connection *connection)
{
	const struct stream *down = &connection->down;

	return connection->state == CONNECTION_OPEN &&
	       (down->read < down->arrived || connection->dead_here ||
		   connection->up.ended || end_has_come(down));
}

bool
kernel_can_write(const struct connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return connection->state == CONNECTION_REFUSED;
	return connection->dead_here || connection->up.ended ||
	       room_of(connection) > connection->send_buffer / 3;
}

/* A FIN that is not out yet never is. */
static void
die(struct connection *connection)
{
	if (!kernel_end_has_left(&connection->up))
		connection->up.window = 0;
	if (!end_has_come(&connection->down))
		connection->down.window = 0;
	connection->dead_here = true;
}

/* What is on the way may still arrive; nothing more leaves. */
static void
lose(struct connection *connection)
{
	struct stream *up = &connection->up;

	up->arrived += chance_up_to(up->left - up->arrived);
	die(connection);
}

void
kernel_reset(struct connection *connection)
{
	struct stream *up = &connection->up;
	bool over = kernel_is_over(connection);

	connection->disconnected = connection->dead_here = true;
	if (over)
		return;
	books_note_death();
	TRACE(connection->number, "connection %u reset by us",
	    connection->number);
	/* More may leave before it is. */
	if (connection->state == CONNECTION_OPEN)
		up->left += chance_up_to(up->written - up->left);
	lose(connection);
	connection->reset_by_us = true;
}

void
kernel_shut(struct connection *connection)
{
	if (kernel_is_over(connection))
		return;
	TRACE(connection->number, "connection %u shut by us",
	    connection->number);
	connection->up.ended = true;
}

/* --- the server's end --- */

void
kernel_say(struct connection *connection, const char *text, size_t len)
{
	struct stream *down = &connection->down;

	if (!connection->server_open || connection->dead_here ||
	    down->written + len > STREAM_BYTES)
		return;
	memcpy(down->bytes + down->written, text, len);
	down->written += len;
}

static uint64_t
room_below(const struct stream *down)
{
	uint64_t unread = down->arrived - down->read;

	return MIN(down->written - down->arrived,
	    down->window - MIN(down->window, unread));
}

/* Ahead of it comes what is on the way, not what waits at the server. */
static void
reset_by_server(struct connection *connection)
{
	struct stream *down = &connection->down;
	uint64_t before = down->written;

	down->written = down->arrived + chance_up_to(room_below(down));
	down->ended &= down->written == before &&
		       down->written - down->read < down->window;
	connection->reset_comes = true;
}

void
kernel_server_close(struct connection *connection, bool in_order)
{
	struct stream *up = &connection->up;

	if (!connection->server_open)
		return;
	books_note_death();
	connection->server_open = connection->is_member = false;
	TRACE(connection->number, "connection %u closed by the server%s",
	    connection->number, in_order ? "" : " by a reset");
	if (in_order && up->read == up->arrived)
		connection->down.ended = true;
	else
		reset_by_server(connection);
}

/* --- the way --- */

static void
arrive_reset(struct connection *connection)
{
	TRACE(connection->number, "connection %u: its reset arrives",
	    connection->number);
	connection->reset_comes = false;
	die(connection);
}

static void
finish_connecting(struct connection *connection)
{
	connection->state =
	    world_server_listens() ? CONNECTION_OPEN : CONNECTION_REFUSED;
	connection->server_open = connection->state == CONNECTION_OPEN;
	TRACE(connection->state, "connection %u %s", connection->number,
	    connection->server_open ? "open" : "refused");
}

static void
move_up(struct connection *connection, bool all)
{
	struct stream *up = &connection->up;
	uint64_t window = up->window - MIN(up->window, up->left - up->read);
	uint64_t most = MIN(up->written - up->left, window);

	if (all || chance_one_in(2))
		up->left += all ? most : chance_up_to(most);
	if (!connection->server_open) {
		/* Nobody is there to take it, or to acknowledge it. */
		if (up->left > up->arrived && (all || chance_one_in(2)))
			arrive_reset(connection);
		return;
	}
	if (all || chance_one_in(2))
		up->arrived += all ? up->left - up->arrived
				   : chance_up_to(up->left - up->arrived);
	if (all || chance_one_in(2))
		up->acked += all ? up->arrived - up->acked
				 : chance_up_to(up->arrived - up->acked);
}

/* Bytes that find our end shut are answered by a reset. */
static void
refuse(struct connection *connection)
{
	TRACE(connection->number, "connection %u: bytes for nobody",
	    connection->number);
	books_note_death();
	lose(connection);
	connection->reset_by_us = connection->server_open;
}

static void
move_down(struct connection *connection, bool all)
{
	struct stream *down = &connection->down;
	uint64_t most = room_below(down);
	uint64_t now = all ? most : chance_up_to(most);

	if (now > 0 && connection->up.ended) {
		refuse(connection);
		return;
	}
	down->arrived += now;
	if (connection->reset_comes && (all || chance_one_in(3)))
		arrive_reset(connection);
}

static void
move(struct connection *connection, bool all)
{
	if (connection->dead_here || connection->still_until > world.now)
		return;
	if (connection->state == CONNECTION_CONNECTING)
		finish_connecting(connection);
	if (connection->state != CONNECTION_OPEN)
		return;
	if (all || chance_one_in(2))
		move_up(connection, all);
	if (!connection->dead_here && (all || chance_one_in(2)))
		move_down(connection, all);
}

void
kernel_step(void)
{
	struct connection *connection;

	if (count == 0)
		return;
	/* The newest are those that live. */
	connection = &connections[count - 1 - chance_below(MIN(count, 6))];
	move(connection, chance_one_in(4));
}

void
kernel_settle(void)
{
	for (unsigned i = 0; i < count; i++)
		move(&connections[i], true);
}

void
kernel_break(struct connection *connection)
{
	if (connection->dead_here)
		return;
	TRACE(connection->number, "connection %u breaks", connection->number);
	books_note_death();
	lose(connection);
	connection->reset_by_us = true;
}

struct connection *
kernel_next(const struct connection *before)
{
	unsigned next = before ? before->number + 1 : 0;

	return next < count ? &connections[next] : NULL;
}

struct connection *
kernel_any(void)
{
	struct connection *found = NULL;
	uint32_t seen = 0;

	for (unsigned i = 0; i < count; i++)
		if (connections[i].server_open && !connections[i].dead_here &&
		    chance_below(++seen) == 0)
			found = &connections[i];
	return found;
}
