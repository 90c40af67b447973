/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd - many clients in one process: each logs in, binds, sends presence and
 * a message to itself, takes it, and is quiet from then on.
 *
 * It trusts what it reads (it talks to our own daemon on the loopback) and
 * verifies no certificate; small, so that 15,000 of them cost little beside
 * what is measured.
 */
#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include "common/base/buf.h"

#include <ev.h>
#include <gnutls/gnutls.h>

struct member {
	ev_io io;
	gnutls_session_t tls; /* NULL: plain */
	struct buf in;        /* what this step has brought so far */
	unsigned number;
	unsigned step; /* of the way in; see crowd_member.c */
	bool secure;   /* its handshake is over */
};

struct crowd {
	struct ev_loop *loop;
	gnutls_certificate_credentials_t credentials;
	const char *domain;
	unsigned port;
	bool tls;
	bool features;    /* what they stop at, instead of logging in */
	unsigned at_once; /* members on their way in, at most */

	struct member *members; /* `size` of them */
	unsigned size;
	unsigned goal; /* members that are wanted */
	unsigned started, quiet, lost, failed;
	bool growing; /* an answer to `grow` is owed */
	ev_io commands;
};

extern struct crowd crowd;

/* Starts member number crowd.started; exits when there is no socket. */
void member_start(struct member *member, unsigned number);

/* crowd.quiet, .lost or .failed has changed. */
void crowd_changed(void);

#endif
