/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel - the model of what lies between upstream and the server: TCP
 * connections, byte for byte, and descriptors of them.
 *
 *   written .. left    in our kernel, not sent yet; gone after a reset
 *   left .. arrived    on the way
 *   arrived .. read    in the other's kernel
 *   acked              of what arrived, the part that the sender knows of
 *
 * How far each of them moves at a time is chance.
 */
#ifndef TESTS_SIMULATION_KERNEL_H
#define TESTS_SIMULATION_KERNEL_H

#include "common/net/transport.h"

#define CONNECTIONS_MAX 96u

struct stream {
	uint8_t *bytes; /* all that was ever written */
	uint64_t written, left, arrived, acked, read;
	uint64_t window; /* how much of it may be sent and not read */
	bool ended;      /* a FIN is behind what was written */
};

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_REFUSED,
	CONNECTION_OPEN,
};

struct connection {
	unsigned number;
	enum connection_state state;
	uint64_t cookie;
	struct stream up, down;
	uint64_t send_buffer; /* ours: how much may be written and not acked */
	unsigned holders;     /* descriptors of our end */
	bool dead_here;       /* our end was reset, by whomever */
	bool error_taken;     /* ... and a call has said so */
	bool disconnected;    /* by us: no counters, nothing to read */
	bool reset_by_us;     /* ... and the server is to notice */
	bool reset_on_close;  /* SO_LINGER 0 */
	bool server_open;     /* it has its end still */
	bool reset_comes;     /* its reset is on the way to us */
	double still_until;   /* nothing moves */
	/* The server's. */
	enum { SERVER_HEADER, SERVER_HANDSHAKE, SERVER_SERVES } phase;
	bool is_member; /* of its links; it may believe so for longer */
	bool has_ended; /* its end tag is out */
	double believed_until;
	/* Of the books. */
	bool was_killed; /* a process that read it was, and no other went on */
	uint64_t owed;   /* of what it sent, our processes got so much */
};

enum holder { HOLDER_UPSTREAM, HOLDER_MASTER };

void kernel_begin(void);

/* --- descriptors --- */

/* Begins a connection; its descriptor, or -errno. */
int kernel_connect(void);
struct connection *kernel_of(int fd);
int kernel_dup(int fd, enum holder holder);
void kernel_close(int fd);
/* A process is dead. */
void kernel_close_all(enum holder holder);

/* --- our end --- */

enum io_result kernel_read(struct connection *connection, void *bytes,
    size_t cap, size_t *len_out);
enum io_result kernel_write(struct connection *connection,
    const struct iovec *vectors, int count, size_t *len_out);
bool kernel_can_read(const struct connection *connection);
bool kernel_can_write(const struct connection *connection);
void kernel_reset(struct connection *connection);
void kernel_shut(struct connection *connection);
/* It sends nothing any more: it was reset, or both FIN have come. */
bool kernel_is_over(const struct connection *connection);
/* Its FIN is out, for which there has to be room, too. */
bool kernel_end_has_left(const struct stream *stream);

/* --- the server's end --- */

void kernel_say(struct connection *connection, const char *text, size_t len);
/* In order, or with what it has not read thrown away. */
void kernel_server_close(struct connection *connection, bool in_order);

/* --- the way --- */

/* Some bytes of some connection go on. */
void kernel_step(void);
/* All that can of all. */
void kernel_settle(void);
/* Somebody on the way breaks it: both ends see a reset. */
void kernel_break(struct connection *connection);
/* The next, or NULL; start with NULL. */
struct connection *kernel_next(const struct connection *before);
/* One that is open at both ends, or NULL. */
struct connection *kernel_any(void);

#endif
