/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_requests - what a client has asked the server while it logs in, and has
 * no answer to. Its state moves only by an answer to its own question.
 *
 * Before it has logged in every iq request is kept, afterwards those that bind
 * a resource or log in again, by a digest of the id under a key of this
 * worker: an id may be of any length. Of SASL the number is enough, since the
 * server answers in order. Of what logs in is kept as whom (login_claim.h). A
 * client with a resource has, as a rule, none of this.
 */
#ifndef WORKER_CLIENT_LOGIN_REQUESTS_H
#define WORKER_CLIENT_LOGIN_REQUESTS_H

#include "common/base/base.h"
#include "common/net/digest.h"

struct client;
struct client_worker;
struct element;
struct login_claim;
struct parsed;

#define LOGIN_REQUESTS_MAX 8u  /* of one client at a time */
#define LOGIN_STEPS_MAX    16u /* answers to come, of given-up exchanges too */

enum login_request {
	LOGIN_REQUEST_NONE,
	LOGIN_REQUEST_OTHER,
	LOGIN_REQUEST_AUTH, /* jabber:iq:auth, set, of the server itself */
	LOGIN_REQUEST_BIND,
};

/* Of a worker. */
struct login_ids {
	uint8_t key[DIGEST_KEY_BYTES];
};

/* Before the first request of any client of this worker. */
void login_requests_begin(struct client_worker *worker);

/*
 * An iq request is on its way up; `to` as prepared, NULL for none. 0, -EEXIST:
 * one with this id has no answer yet, -ENOSPC: so many have none, or -EACCES:
 * it would log in by an account or a resource of the server, which Openfire
 * takes for itself (IQRouter), or by another of its domains, which Prosody
 * takes for the session's own, and its answer would not count.
 */
MUST_CHECK int login_requests_add_iq(struct client *client,
    const struct element *iq, const char *to);
/* Which request this iq answers; it is answered now. LOGIN_REQUEST_NONE for
 * what was not requested, or not of its sender, or is no answer. Of
 * LOGIN_REQUEST_AUTH what it claimed. */
enum login_request login_requests_answer_iq(struct client *client,
    const struct parsed *answer, struct login_claim *claim_out);
/* Who would log in by what was answered last; NULL: nobody, or it does not
 * say. Valid until the next answer. */
const char *login_requests_answered_jid(const struct client *client);

/* This <auth> or <response> is on its way up; false: too many have no answer.
 */
MUST_CHECK bool login_requests_add_sasl(struct client *client,
    const struct element *element);
/* The server has answered one; false: of no exchange that is under way. */
bool login_requests_answer_sasl(struct client *client);
/* The exchange under way waits for an answer. */
bool login_requests_sasl_is_due(const struct client *client);
/* The exchange is over: what is yet to come for it counts for no other. */
void login_requests_end_sasl(struct client *client);

/* Takes what the exchange under way claims; false: there is none, or it was
 * taken. */
MUST_CHECK bool login_requests_take_sasl_claim(struct client *client,
    struct login_claim *claim_out);
/* The same of any log-in that has no answer yet. */
MUST_CHECK bool login_requests_take_claim(struct client *client,
    struct login_claim *claim_out);

/* It has logged in: all is over but other log-ins that have no answer. */
void login_requests_settle(struct client *client);
/* All of it. */
void login_requests_forget(struct client *client);

#endif
