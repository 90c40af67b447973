/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link - one TCP connection to the server, from waiting to its end
 * (PROTOCOL.md §2). States and their order: state.h.
 *
 * What fails is only marked (link_fail.c); the death is carried out by
 * link_bury(), never in the midst of an item or a batch. Each part has its
 * section here; what the layers above do about links are link_events.
 */
#ifndef WORKER_UPSTREAM_LINK_LINK_H
#define WORKER_UPSTREAM_LINK_LINK_H

#include "worker/upstream/core/state.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "worker/upstream/core/platform.h"

static inline struct platform *
link_platform(const struct link *link)
{
	return link->up->platform;
}

/* The only one is renewed behind the back of a second. */
static inline unsigned
links_wanted(const struct upstream *upstream)
{
	unsigned count = upstream->config->server.link_count;

	return count == 1 && upstream->renewing ? 2 : count;
}

static inline bool
link_is_wanted(const struct link *link)
{
	return link->number < links_wanted(link->up);
}

/* What the layers above do about links; up->link_events. */
struct link_events {
	/* An item has come, or FRAMER_TOO_BIG: one was skipped. */
	void (*on_item)(struct link *link, enum framer_result result);
	/* It serves: what waits may go. */
	void (*on_joined)(struct link *link);
	/* Some leave, or are to leave: lanes may have others. */
	void (*on_leaving)(struct upstream *up);
	/* It served and is dead; its journal still shows what it carried. */
	void (*on_died)(struct link *link, struct transport_end end);
	/* It is as if it had never been. */
	void (*on_lost)(struct upstream *up);
	/* The server has ended its stream, in order. */
	void (*on_ended)(struct upstream *up);
};

/* --- link.c: attempts, deadlines, death --- */

/* All of it, or in two steps: the first leaves the region alone. */
void link_init(struct link *link, struct upstream *up, unsigned number);
void link_prepare(struct link *link, struct upstream *up, unsigned number);
void link_attach(struct link *link);
void link_destroy(struct link *link);
/* Nothing of an earlier connection counts. */
void link_forget(struct link *link);

/* Starts what is due, ends what takes too long. */
void link_tick(struct link *link);
/* What the platform was to look for. */
void link_resolved(struct link *link, const struct resolve_answer *answer);

/* Our end tag goes out; what still comes is read, then the link closes. */
void link_end(struct link *link);
/* It is out; what a predecessor began is waited for, too. */
void link_await_end(struct link *link);

/* Suspects are tried on it (isolation.h): it may die of them. */
bool link_is_on_trial(const struct link *link);
/* Carries the death out when it is marked; true when it was. */
bool link_bury(struct link *link);

/* --- link_leave.c: fewer links, or another secret --- */

/* Takes the new configuration, and what it demands of the links: done by and by
 * on links_tick(). The one before is not looked at any more. */
void links_configure(struct upstream *up, const struct config *config);
void links_tick(struct upstream *up);

/* --- link_fail.c: ends are marked --- */

/* Marks the link as dead, once, with a line in the log. */
void link_fail(struct link *link, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The server has ended its stream, but may still read: the lanes leave in
 * order, then ours ends too. */
void link_retire(struct link *link);

/* --- link_talk.c: by its ctl ring --- */

/* What is in up->scratch, onto the link. False when its ctl ring is full. */
MUST_CHECK bool link_send(struct link *link, enum frame_kind kind);
/* The same for what need not be sent: only when there is ample room. */
void link_send_if_room(struct link *link);
/* Sends a barrier; its serial, 0 when none can be sent now. */
uint64_t link_send_barrier(struct link *link);
/* Once more, since its answer may be lost. */
uint64_t link_resend_barrier(struct link *link);

/* --- link_hang.c: a server that handles nothing --- */

/* Sends them again, logs that, gives the link up. */
void link_check_barriers(struct link *link);
/* A barrier was answered: the server handles what comes on this link. */
void link_answered(struct link *link);

/* --- link_hint.c: what its port seems to be; before link_fail() --- */

void link_hint(struct link *link, enum hint hint);
/* It ends or is too late, and perhaps nothing has come. */
void link_hint_of_silence(struct link *link);
/* These bytes came. */
void link_hear(struct link *link, const uint8_t *bytes, size_t len);
/* Looks at what is there for the TLS handshake, and leaves it. */
void link_hear_before_tls(struct link *link);

/* --- link_certificate.c: the server's --- */

/* After a handshake, whatever came of it. */
void link_look_at_certificate(struct link *link);
/* The link is up without TLS. */
void link_forget_certificate(struct link *link);
/* Each of them again, now and then. */
void links_look_at_certificates(struct upstream *up);

/* --- link_publish.c: for operators --- */
void link_publish(const struct link *link);

/* --- link_connection.c: the socket --- */

void link_open(struct link *link, int fd);
/* The same with a connection of a predecessor, which has taken so many bytes:
 * its header is still to come. */
void link_take_up(struct link *link, int fd, uint64_t written);
/* ... or it serves already. */
void link_take_up_serving(struct link *link);
/* Sets in the kernel what the configuration has for a server that hangs. */
void link_set_patience(struct link *link);
/* events: enum platform_event, of which it is watched for one or both. */
void link_watch(struct link *link, unsigned events, bool on);
void link_want_write(struct link *link, bool on);
void link_want_read(struct link *link, bool on);
bool link_can_write(const struct link *link);
/* The connection's end, before anything of the link goes elsewhere: what the
 * kernel still holds for the server is taken back, unless the end is one in
 * order. All that the server may have or get. */
struct transport_end link_hang_up(struct link *link);
void link_close(struct link *link);

/* --- link_read.c: what comes --- */

/* What was watched for has come. */
void link_ready(struct link *link, enum platform_event event);
/* Goes on with items for which there was no room; true when it did. */
bool link_go_on(struct link *link);
/* What a predecessor had dealt with, from the begin of the stream and of the
 * buffer on, is read once more, without effects but on the link's state. */
void link_replay(struct link *link, uint64_t to);
/* What a predecessor has read and not dealt with, once workers are known. */
void link_read_resumed(struct link *link);
/* Reads until nothing is there, for a bounded time: the peer's kernel has its
 * acknowledgement, so nobody sends it again. */
void link_read_rest(struct link *link);
void link_write_failed(struct link *link);

/* --- link_memory.c: what a successor needs --- */

struct link_memory *link_memory_of(const struct link *link);
/* Where the next bytes go that are read, and how many at most. */
uint8_t *link_room(struct link *link, size_t *room_out);
/* All before link->done is dealt with. */
void link_note_done(struct link *link);
/* A new connection begins, or the old one is over. */
void link_forget_received(struct link *link);
/* It serves, or it has begun to negotiate. */
void link_remember(struct link *link);
/* All that came on it is dealt with, and it ends. */
void link_remember_over(struct link *link);
/* It goes over to TLS: no successor knows its keys. */
void link_remember_tls(struct link *link);
/* Whether the secret that it has proven is an old one. */
void link_remember_secret(struct link *link);
/* It is about to end: nothing may go up behind that. */
void link_remember_end(struct link *link);
/* At once, before anything is found out that is lost with this process. */
void links_note_unsettled(struct upstream *up);

/* --- link_socket.c: the master's duplicates of sockets, which outlive this
 * process --- */

/* The socket is connected: the master has a duplicate of it before anything
 * passes, links_take_held(). False where there are to be none. */
bool link_give_socket(struct link *link);
/* Its connection has an end, in order or by a reset: the master drops it. */
void link_drop_socket(struct link *link);
/* How many the process before has left: the number behind the last of them. */
unsigned links_inherited(const struct upstream *up);
/* The process before has left this link's socket, or what it carried. */
bool link_is_left(const struct upstream *up, unsigned number);
/* One of the process before is reset, all that it still held with it. */
void link_reset_inherited(struct upstream *up, unsigned number, int fd);
/* Those that do not go on are dropped. */
void links_drop_inherited(struct upstream *up);

/* --- link_negotiate.c --- */

/* The master's answer to link_give_socket(): it has the duplicate. */
void links_take_held(struct upstream *up,
    const struct channel_message *message);
/* The socket may be used. */
void link_connected(struct link *link);
/* The TLS handshake is complete. */
void link_secured(struct link *link);
/* A predecessor's goes on where it was. */
void link_go_on_negotiating(struct link *link);
/* True when the item belongs to the negotiation and was dealt with. */
bool link_negotiate(struct link *link, const struct multiplex_item *item);

#endif
