/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel - typed, length-prefixed messages between master and child over a
 * unix stream socketpair, each with up to one descriptor.
 *
 *   u32 length of what follows | u16 type | u16 version | body
 *
 * channel.def has a row per message. A malformed message is the sender's end:
 * the reader reports -EPROTO and the channel is done with. Sending never
 * blocks: what the socket does not take is queued, bounded.
 */
#ifndef COMMON_PROCESS_CHANNEL_H
#define COMMON_PROCESS_CHANNEL_H

#include "common/base/base.h"

enum channel_type {
#define MESSAGE(symbol, direction, help) CHANNEL_##symbol,
#include "common/process/channel.def"
#undef MESSAGE
	CHANNEL_TYPE_COUNT
};

/* Plain for all types; unused members are zero. */
struct channel_message {
	enum channel_type type;
	union {
		uint32_t partition; /* a worker's place in the region */
		uint32_t slot;      /* a session's */
		uint32_t link;      /* upstream's number of it */
	};
	union {
		uint32_t incarnation; /* of the process there */
		uint32_t generation;  /* of the slot */
		uint32_t attempt;     /* of the link */
	};
	union {
		struct {
			uint32_t number; /* see channel.def */
			uint32_t ticket; /* of an act and its answer */
		};
		uint64_t cookie; /* of a link's socket */
	};
	int fd;          /* -1: none; owned by the receiver */
	bool is_fd_lost; /* received: one was sent, and none was free here */
};

struct channel;

/* Takes ownership of fd (nonblocking is set). */
struct channel *channel_new(int fd);
void channel_free(struct channel **channel);
int channel_fd(const struct channel *channel);

/* 0; -EPIPE when the peer is gone; -ENOBUFS when the queue is full; -EMFILE,
 * -ENFILE, which only one that has to wait can meet: then the message's fd is
 * duplicated. The caller keeps its own. */
MUST_CHECK int channel_send(struct channel *channel,
    const struct channel_message *message);
bool channel_wants_write(const struct channel *channel);
/* Half of the queue is in use: what can wait is not to be sent now. */
bool channel_is_half_full(const struct channel *channel);
MUST_CHECK int channel_flush(struct channel *channel);

/* 1 and a message, 0 when none is complete now, -EPIPE at the peer's end,
 * -EPROTO on a malformed message. */
MUST_CHECK int channel_receive(struct channel *channel,
    struct channel_message *message_out);

/* Codec alone, for tests and fuzzing: bytes used, 0 incomplete, -EPROTO. */
MUST_CHECK int64_t channel_decode(const void *bytes, size_t len,
    struct channel_message *message_out);
MUST_CHECK size_t channel_encode(const struct channel_message *message,
    void *bytes_out, size_t cap);

#endif
