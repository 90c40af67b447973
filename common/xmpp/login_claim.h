/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_claim - as whom a client claims to log in, mechanism and user name,
 * read out of what it sends; and why the server refuses. Pure.
 *
 *   PLAIN          authcid: [authzid] NUL authcid NUL passwd (RFC 4616)
 *   SCRAM-*        n= of the client-first message (RFC 5802 section 5.1)
 *   EXTERNAL       the whole message, an authorization identity (RFC 4422)
 *   DIGEST-MD5     username= of the digest-response (RFC 2831)
 *   iq:auth        <username/> (XEP-0078)
 *
 * Nothing but the name is kept or decoded into memory: base64 is read byte by
 * byte, and no further than the name's end. What is none, or no such message,
 * is no name. Anybody may have written it, any bytes: log_escape() is for it.
 */
#ifndef COMMON_XMPP_LOGIN_CLAIM_H
#define COMMON_XMPP_LOGIN_CLAIM_H

#include "common/base/base.h"
#include "common/xmpp/canonical.h"

struct element;

#define LOGIN_MECHANISM_MAX 20u /* RFC 4422 section 3.1 */
/* A byte more than a log line shows, which says so. */
#define LOGIN_NAME_MAX 81u

struct login_claim {
	/* As the client wrote it; "-": it is no name of a mechanism. */
	char mechanism[LOGIN_MECHANISM_MAX + 1];
	bool is_read; /* the message with the name has come */
	uint8_t name_len;
	uint8_t name[LOGIN_NAME_MAX]; /* its first bytes; 0 of them: none */
};

/* mechanism: NULL for none. */
void login_claim_begin(struct login_claim *claim, const char *mechanism);
/* The text of <auth/> or <response/>; the first that is not empty counts. */
void login_claim_read(struct login_claim *claim, const char *text, size_t len);
/* True for a request that logs in by jabber:iq:auth (XEP-0078). */
bool login_claim_is_iq(const struct element *element);
/* What it says there, still escaped: of two the first, "" for one that is not
 * content alone; text NULL: none. */
struct login_fields {
	struct canonical_span username, resource;
	/* It is <query xmlns="jabber:iq:auth">, whole, and holds nothing but
	 * these two, each at most once, <password/> and <digest/>, all without
	 * attributes: whoever reads it reads the same. */
	bool is_plain;
};
/* Of such a request: all of it. */
void login_fields_read(struct login_fields *fields, const struct element *iq);
void login_claim_of_iq(struct login_claim *claim,
    const struct login_fields *fields);

#define LOGIN_CONDITION_MAX 40u

/* The condition of a SASL <failure/> or of an <iq/> with an error, canonical
 * text; "-": it names none. */
void login_condition_read(const void *answer, size_t len,
    char condition_out[LOGIN_CONDITION_MAX + 1]);

#endif
