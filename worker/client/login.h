/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login - each log-in that ends is counted by mechanism and outcome, and has a
 * line at info, for people and for programs that ban who guesses passwords
 * (contrib/fail2ban reads them):
 *
 *   log-in succeeded address=... mechanism=... user="..." session=... tls=...
 *   log-in failed address=... mechanism=... user="..." condition=... ...
 *   log-in undecided: the same; log-in aborted: with reason=
 *   log-ins failed address=... count=...
 *
 * Of failures all have one that login_lines.h lets through; of each of the
 * others so many a second.
 */
#ifndef WORKER_CLIENT_LOGIN_H
#define WORKER_CLIENT_LOGIN_H

#include "common/base/base.h"
#include "common/base/log.h"
#include "worker/client/login_lines.h"

struct client_worker;
struct client;
struct element;
struct login_claim;

enum login_outcome { /* in the order of stats.def */
	LOGIN_SUCCESS,
	LOGIN_FAILURE,
	LOGIN_ABORTED,
	LOGIN_ERROR, /* nobody has judged it */
	LOGIN_OUTCOME_COUNT
};

/* Which log-ins of a worker have a line. */
struct login_log {
	struct login_lines failures;
	struct log_limit others[LOGIN_OUTCOME_COUNT]; /* by outcome */
};

/* The server has answered the SASL exchange under way, canonical text. */
void login_note_sasl(struct client *client, bool success, const uint8_t *bytes,
    size_t len);
/* ... or, for success or not, a request of jabber:iq:auth. */
void login_note_answer(const struct client *client,
    const struct login_claim *claim, bool success, const uint8_t *bytes,
    size_t len);
/* The SASL exchange under way, if there is one, is given up. */
void login_note_abort(struct client *client, const char *why);
/* This element goes no further, and if it is of a log-in that ends. */
void login_note_refused(struct client *client, const struct element *element,
    const char *condition);
/* All log-ins without an answer are over: their stream is. */
void login_abandon(struct client *client, const char *why);

/* Once a second, and before the process ends: what was counted is logged. */
void login_tick(struct client_worker *worker);
void login_end(struct client_worker *worker);

#endif
