/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig - one real client worker in a child process; the test is its master and
 * its upstream: publishes the server's state, takes frames from the up rings,
 * puts frames into the down ring.
 *
 * One rig in a test process. All waiting is for an event, with a deadline; what
 * does not come fails the test.
 */
#ifndef TESTS_UNIT_CLIENT_RIG_H
#define TESTS_UNIT_CLIENT_RIG_H

#include "common/process/channel.h"
#include "common/shm/frame_kind.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIG_DEADLINE_MS 60000
#define RIG_SUCCESS     "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"

struct config;
struct frame_fields;
struct session_info;

struct rig_frame {
	uint8_t kind;
	uint32_t slot;
	uint32_t generation;
	uint32_t nonce32;
	size_t len;
	const char *text; /* valid until the next frame is taken */
};

/* What the server shows; change it, then rig_publish(). Serving, no TLS and
 * PLAIN at first. */
extern struct server_state rig_server;

/* Its domain in the configuration; example.org unless a test says otherwise
 * before the start. */
extern const char *rig_domain;
/* The worker gets no certificate; before rig_start(). */
extern bool rig_without_certificate;

/* What is done with each configuration before it is sent; NULL: nothing. */
extern void (*rig_amend)(struct config *config);

/* rig_config.c; for rig_start(). */
struct config *rig_config(const char *options);

/* `options`: elements inside <jive>, beside the required ones. */
void rig_start(const char *options);
/* The same with at most so many descriptors in the worker. */
void rig_start_with_descriptors(const char *options, unsigned descriptors);
/* The worker is given another configuration, as at a reload. */
void rig_configure(const char *options);
/* Stops the worker and waits until it has ended well. */
void rig_stop(void);
/* The second half of it. */
void rig_await_stopped(void);
/* The same, as if the master had died. */
void rig_desert(void);
/* For the fixture: also ends what a failed test left. */
void rig_end(void);

void rig_publish(void);
uint16_t rig_port(bool direct_tls);

/* The next frame in any up ring; fails when it is not of that kind. */
void rig_take(enum frame_kind kind, struct rig_frame *frame_out);
/* The same where other clients end meanwhile, at a time of their own: what
 * says so (failed, close, release) is passed over. */
void rig_take_past_ends(enum frame_kind kind, struct rig_frame *frame_out);
/* Of whatever kind. */
void rig_take_any(struct rig_frame *frame_out);
/* The close of a session that was available: before it it leaves, and is told
 * that it has left. */
void rig_take_left(struct rig_frame *frame_out);
/* Whether one is there now. */
bool rig_has_frame(void);
/* Fails when one is, and says which. */
void rig_expect_no_frame(void);

/* To the session that `to` came from. */
void rig_give(const struct rig_frame *to, enum frame_kind kind,
    const char *text);
void rig_give_bytes(const struct rig_frame *to, enum frame_kind kind,
    const void *bytes, size_t len);
/* The same with a header of one's own; fields: NULL for none. */
void rig_give_parsed(const struct rig_frame *to, enum frame_kind kind,
    const struct frame_fields *fields, const void *bytes, size_t len);

/* Of the session that `of` came from, as it lies in shared memory. */
struct session_info *rig_info(const struct rig_frame *of);
/* Bytes that the region takes up now. */
uint64_t rig_occupied_bytes(void);
/* A moment for the worker, where the test polls. */
void rig_turn(void);
/* So much time passes, where time is what the test is about. */
void rig_wait_ms(int ms);
/* The worker stands still (SIGSTOP) and goes on. */
void rig_freeze(void);
void rig_thaw(void);
/* rig_wait_ms() with the worker standing still. */
void rig_stand_still(int ms);

/* Waits until the worker has taken all that it was given. */
void rig_await_taken(void);

uint64_t rig_count(enum statistic stat);
/* Waits until the counter is at least so high. */
void rig_await_count(enum statistic stat, uint64_t value);

/* Waits until the worker finds a lane's ring full. */
void rig_await_full(void);

/* On the channel, as its master; what comes must be of that type. */
void rig_send(const struct channel_message *message);
void rig_receive(enum channel_type type);

/* A listening socket of 127.0.0.1 for the worker; the port in *port_out. */
int rig_listen(uint16_t *port_out);

/* Milliseconds that only grow. */
int64_t rig_now_ms(void);

#endif
