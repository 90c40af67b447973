/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture - what most tests of worker/client begin and end with: one worker
 * (rig.h), one client of it (peer.h) and, by name, what it is sent.
 *
 * A test says begin(), plays, and says finish(); or the fixture of its case
 * does (begin_plain, finish), whatever becomes of the test.
 */
#ifndef TESTS_UNIT_CLIENT_FIXTURE_H
#define TESTS_UNIT_CLIENT_FIXTURE_H

#include "tests/unit/client/peer.h"

#include <stdint.h>

/* The client of the test, and a second one where it needs one. */
extern struct peer peer, other;
/* The session of `peer`, and the frame that was taken last. */
extern struct rig_frame session, frame;

/* A worker with these options, and `peer` connected in clear text. */
void begin(const char *options);
/* The same without options, for tcase_add_checked_fixture(). */
void begin_plain(void);
/* The same, and `peer` is logged in as `session`. */
void begin_logged_in(const char *options);
void finish(void);

/* --- what upstream shows of the server --- */

void set_phase(enum server_phase phase);
void set_tls(enum server_tls_policy policy);
/* The server is gone, and all its sessions are to end. */
void lose_server(void);
/* A new client is refused: the worker has seen the phase by then. */
void expect_refused(void);

/* --- what upstream and the master send about `session` --- */

void forget_session(void);
/* number: of enum close_reason. */
void kill_session_for(uint32_t number);
void stop_worker(void);
/* The clients leave spread over so long, drain_begin(). */
void drain_worker_within(uint32_t window_s);

#endif
