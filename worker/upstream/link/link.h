/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link - one TCP connection to the server, from waiting to its end
 * (PROTOCOL.md §2). States and their order: state.h.
 *
 * link.c: attempts, deadlines, death. link_io.c: the socket. link_negotiate.c:
 * header, TLS, handshake. link_leave.c: planned ends. What fails is only marked
 * (link_fail()); the death is carried out by link_bury(), never in the midst of
 * an item or a batch.
 */
#ifndef WORKER_UPSTREAM_LINK_LINK_H
#define WORKER_UPSTREAM_LINK_LINK_H

#include "worker/upstream/state.h"

#include "common/base/log.h"
#include "worker/upstream/platform.h"

void link_init(struct link *link, struct upstream *up, unsigned number);
void link_destroy(struct link *link);
/* Nothing of an earlier connection counts. */
void link_forget(struct link *link);

/* Takes the new configuration, and what it demands of the links: done by and by
 * on links_tick(). The one before is not looked at any more. */
void links_configure(struct upstream *up, const struct config *config);
void links_tick(struct upstream *up);
bool link_is_wanted(const struct link *link);

/* Starts what is due, ends what takes too long. */
void link_tick(struct link *link);
/* What the platform was to look for. */
void link_resolved(struct link *link, const struct resolve_answer *answer);

/* Marks the link as dead, once, with a line in the log. */
void link_fail(struct link *link, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Carries the death out when it is marked; true when it was. */
bool link_bury(struct link *link);

/* Our end tag goes out; what still comes is read, then the link closes. */
void link_end(struct link *link);

/* It is out; what a predecessor began is waited for, too. */
void link_await_end(struct link *link);

/* The server has ended its stream, but may still read: the lanes leave in
 * order, then ours ends too. */
void link_retire(struct link *link);

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

/* --- link_io.c --- */

/* What was watched for has come. */
void link_ready(struct link *link, enum platform_event event);

void link_open(struct link *link, int fd);
/* The same with a connection that serves already, and has taken so many bytes.
 */
void link_take_up(struct link *link, int fd, uint64_t written);
/* Hands out more of what was read, LINK_READ_MAX bytes at most. */
void link_feed(struct link *link, const uint8_t *bytes, size_t len);
/* Goes on with items for which there was no room; true when it did. */
bool link_go_on(struct link *link);
/* Sets in the kernel what the configuration has for a server that hangs. */
void link_set_patience(struct link *link);
/* The connection's end, before anything of the link goes elsewhere: what the
 * kernel still holds for the server is taken back, unless the end is one in
 * order. All that the server may have or get. */
struct transport_end link_hang_up(struct link *link);
void link_close(struct link *link);
bool link_can_write(const struct link *link);
void link_want_write(struct link *link, bool on);
void link_want_read(struct link *link, bool on);
void link_write_failed(struct link *link);
/* Reads until nothing is there, for a bounded time: the peer's kernel has its
 * acknowledgement, so nobody sends it again. */
void link_read_rest(struct link *link);

/* --- link_resume.c: links that go on in another process --- */

/* Where the next bytes go that are read, and how many at most. */
uint8_t *link_room(struct link *link, size_t *room_out);
/* All before link->done is dealt with. */
void link_note_done(struct link *link);
/* A new connection begins, or the old one is over. */
void link_forget_received(struct link *link);
/* It serves. */
void link_remember(struct link *link);
/* It is about to end: nothing may go up behind that. */
void link_remember_end(struct link *link);
/* At once, before anything is found out that is lost with this process. */
void links_note_unsettled(struct upstream *up);
/* At the end of each turn: how things stand. */
void links_remember(struct upstream *up);
/* At the start: goes on with the links that a predecessor has left, or judges
 * what they carried. True: some go on, and the server was serving. */
bool links_take_over(struct upstream *up);
/* What was read and not dealt with, once workers are known. */
void link_read_resumed(struct link *link);

/* --- link_socket.c: the master's duplicates of sockets, which outlive this
 * process --- */

/* The socket is connected: the master has a duplicate of it before anything
 * passes. Then, or at once where there are to be none, link_connected(). */
void link_give_socket(struct link *link);
/* The master's answer. */
void links_take_held(struct upstream *up,
    const struct channel_message *message);
/* Its connection has an end, in order or by a reset: the master drops it. */
void link_drop_socket(struct link *link);
/* The process before has left some. */
bool links_are_inherited(const struct upstream *up);
/* One of the process before is reset, all that it still held with it. */
void link_reset_inherited(struct upstream *up, unsigned number, int fd);
/* Those that do not go on are dropped. */
void links_drop_inherited(struct upstream *up);

/* --- link_negotiate.c --- */

/* The socket may be used. */
void link_connected(struct link *link);
/* The TLS handshake is complete. */
void link_secured(struct link *link);
/* True when the item belongs to the negotiation and was dealt with. */
bool link_negotiate(struct link *link, const struct multiplex_item *item);

#endif
