/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asked - what a client has asked the server while it logs in, and has no
 * answer to. Its state moves only by an answer to its own question.
 *
 * Before it has logged in every iq request is kept, afterwards those that bind
 * a resource or log in again, by a digest of the id under a key of this
 * process: an id may be of any length. Of SASL the number is enough, since the
 * server answers in order. Of what logs in is kept as whom (login_claim.h). A
 * client with a resource has, as a rule, none of this.
 */
#ifndef WORKER_CLIENT_ASKED_H
#define WORKER_CLIENT_ASKED_H

#include "common/base/base.h"

struct client;
struct element;
struct login_claim;

#define ASKED_IQ_MAX   8u  /* of one client at a time */
#define ASKED_SASL_MAX 16u /* answers to come, of given-up exchanges too */

enum asked_what {
	ASKED_NOTHING,
	ASKED_OTHER,
	ASKED_LOGIN, /* jabber:iq:auth, set, of the server itself */
	ASKED_BIND,
};

/*
 * An iq request is on its way up; `to` as prepared, NULL for none. 0, -EEXIST:
 * one with this id has no answer yet, -ENOSPC: so many have none, or -EACCES:
 * it would log in by an account or a resource of the server, which Openfire
 * takes for itself (IQRouter), and its answer would not count.
 */
MUST_CHECK int asked_iq(struct client *client, const struct element *iq,
    const char *to);
/* Which question this canonical text answers; it is answered now. ASKED_NOTHING
 * for what was not asked, or not of its sender, or is no answer. Of ASKED_LOGIN
 * what it claimed. */
enum asked_what asked_iq_answered(struct client *client, const uint8_t *bytes,
    size_t len, struct login_claim *claim_out);
/* Who would log in by what was answered last; NULL: nobody, or it does not
 * say. Valid until the next answer. */
const char *asked_login(const struct client *client);
/* Of that text: it says result, not error. */
bool asked_is_result(const uint8_t *bytes, size_t len);

/* This <auth> or <response> is on its way up; false: too many have no answer.
 */
MUST_CHECK bool asked_sasl(struct client *client,
    const struct element *element);
/* The server has answered one; false: of no exchange that is under way. */
bool asked_sasl_answered(struct client *client);
/* The exchange under way waits for an answer. */
bool asked_sasl_is_due(const struct client *client);
/* The exchange is over: what is yet to come for it counts for no other. */
void asked_sasl_over(struct client *client);

/* Takes what the exchange under way claims; false: there is none, or it was
 * taken. */
MUST_CHECK bool asked_take_sasl_claim(struct client *client,
    struct login_claim *claim_out);
/* The same of any log-in that has no answer yet. */
MUST_CHECK bool asked_take_claim(struct client *client,
    struct login_claim *claim_out);

/* It has logged in: all is over but other log-ins that have no answer. */
void asked_settle(struct client *client);
/* All of it. */
void asked_forget(struct client *client);

#endif
