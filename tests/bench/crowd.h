/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd - many clients in one process: each logs in, binds, sends presence and
 * a message to itself, takes it, and is quiet from then on, or talks to its
 * partner (2n and 2n + 1 are a pair) in numbered stanzas and keeps books.
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

enum step { STEP_OPEN, STEP_AUTH, STEP_REOPEN, STEP_BIND, STEP_TALK, STEP_END };

struct books {
	unsigned sent;       /* its next number */
	struct buf returned; /* a byte for each number: errors about it */
	struct buf got;    /* a byte for each of its partner's: times it came */
	struct buf turned; /* a struct turn for each that came too late */
	unsigned last;     /* of its partner's */
	unsigned foreign;  /* what nobody has sent to it */
	char end[96];      /* how its stream ended; empty: it has not */
};

struct turn {
	unsigned before, number;
};

struct member {
	ev_io io;
	gnutls_session_t tls; /* NULL: plain */
	struct buf in;        /* what this step has brought so far */
	struct buf out;
	size_t sealed; /* of it, what GnuTLS has taken and not sent */
	unsigned number, port;
	enum step step; /* of the way in */
	bool secure;    /* connected, its handshake over */
	bool gone;
	bool pinged; /* no answer yet */
	struct books books;
};

struct crowd {
	struct ev_loop *loop;
	gnutls_certificate_credentials_t credentials;
	const char *domain;
	unsigned port;
	unsigned
	    direct; /* where those of odd numbers come over TLS; 0: all alike */
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

/* crowd_member.c: starts member number crowd.started; exits when there is no
 * socket. */
void member_start(struct member *member, unsigned number);
/* Sends what is in `out`, as far as it goes now. */
void member_flush(struct member *member);

/* crowd.c: crowd.quiet, .lost or .failed has changed. */
void crowd_changed(void);
void crowd_answer(const char *text);

/* crowd_talk.c */
void member_name(unsigned number, char name_out[64]); /* its full address */
/* So many numbered stanzas a second from now on, of all together. */
void talk_at(double rate);
/* Everybody asks the server something; `settled` when all are answered. */
void talk_settle(void);
/* Of one that is quiet. */
void talk_heard(struct member *member, const void *bytes, size_t len);
void talk_left(struct member *member, const char *why);

/* crowd_books.c: what a member gets is put down and told. */
void books_came(struct books *books, unsigned number);
void books_returned(struct books *books, unsigned number);
void books_show_sums(void);
void books_show(void);

#endif
