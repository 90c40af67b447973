/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages - what children send, and what they are sent besides what belongs to
 * their life: where the log goes, a new configuration, what operators have
 * workers do.
 */
#ifndef MASTER_MESSAGES_H
#define MASTER_MESSAGES_H

#include "common/process/channel.h"
#include "master/children.h"

struct child;

/* --- what they send; nobody is trusted --- */

/* From now on the loop takes it. */
void messages_listen(struct child *child);
/* What it has sent so far, though the loop has not seen it yet. */
void messages_receive_last(struct child *child);

/* What control asks to be done, not trusted; NULL: nothing. It stays until it
 * is answered; nothing more is heard of control before. */
struct act *messages_asked(struct children *children);
/* Sends control what has been filled in, and closes both descriptors. Nothing
 * when control has died meanwhile. */
void messages_answer(struct children *children);
/* It is not done any more. */
void messages_forget_act(struct children *children);

/* --- what they are sent --- */

/* Gives all of them this process's log sink. */
void messages_send_log(struct children *children);
/* Gives each the snapshot for its role. */
void messages_send_config(struct children *children);
/* Gives all of them this process's log level. */
void messages_send_log_level(struct children *children);

/* An order with a number for upstream. 0, -ESRCH when there is none now, or
 * -EAGAIN while it is behind in its reading. */
MUST_CHECK int messages_order_upstream(struct children *children,
    enum channel_type type, uint32_t number);

/* Has the worker close the client of that slot and generation; reason:
 * enum close_reason. 0, -ESRCH when there is no such worker, or -EAGAIN while
 * it is behind in its reading. */
MUST_CHECK int messages_kill_client(struct children *children,
    uint32_t partition, uint32_t slot, uint32_t generation, unsigned reason);
/* Has the worker send what passes for that client on the descriptor, which
 * stays the caller's. 0, -ESRCH or -EAGAIN as above; the latter also when no
 * descriptor is free. */
MUST_CHECK int messages_trace_client(struct children *children,
    uint32_t partition, uint32_t slot, uint32_t generation, int fd);

#endif
