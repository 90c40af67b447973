/* SPDX-License-Identifier: Apache-2.0 */
/* peer - a client of the worker under test, byte by byte (see rig.h). */
#ifndef TESTS_UNIT_CLIENT_PEER_H
#define TESTS_UNIT_CLIENT_PEER_H

#include "common/base/buf.h"
#include "common/net/transport.h"
#include "tests/unit/client/rig.h"

#include <check.h>
#include <string.h>

#define PEER_OPEN \
	"<stream:stream xmlns=\"jabber:client\" " \
	"xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\""
#define PEER_HEADER PEER_OPEN " to=\"example.org\">"
#define PEER_AUTH \
	"<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" " \
	"mechanism=\"PLAIN\">AGEAYg==</auth>"

#define PEER_BIND \
	"<iq type='set' id='b'>" \
	"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"

#define HAS(text, part) \
	ck_assert_msg(strstr(text, part) != NULL, "no %.300s in %.900s", part, \
	    text)
#define HAS_NOT(text, part) \
	ck_assert_msg(strstr(text, part) == NULL, "%.300s in %.900s", part, \
	    text)

struct peer {
	struct transport transport;
	struct buf in;  /* received and not yet expected */
	char *expected; /* what peer_expect() returned last */
	bool ended;
};

void peer_connect(struct peer *peer, bool direct_tls);
/* To that port of 127.0.0.1, no TLS. */
void peer_connect_port(struct peer *peer, uint16_t port);
/* With so small a receive buffer that what it does not read stays with the
 * worker. */
void peer_connect_small(struct peer *peer);
void peer_close(struct peer *peer);
/* FIN, reading goes on. */
void peer_half_close(struct peer *peer);
/* RST. */
void peer_reset(struct peer *peer);

void peer_send(struct peer *peer, const char *text);
/* The same; then it lies in the worker's socket, which may read it or not. */
void peer_hand_over(struct peer *peer, const char *text);
void peer_send_bytes(struct peer *peer, const void *bytes, size_t len);
/* Sends what the socket takes now; how much that was. */
size_t peer_try_send(struct peer *peer, const void *bytes, size_t len);

/* A message of about so many bytes, numbered as m0., m1. and so on; to be
 * freed. */
char *peer_message(size_t len, int number);

/* Waits for `end`; gives all up to it and with it, until the next call. */
const char *peer_expect(struct peer *peer, const char *end);
/* The stream error with a sentence, the end tag and FIN come next and nothing
 * else. */
void peer_expect_error(struct peer *peer, const char *condition);
/* A header of ours and then the same. */
void peer_expect_refusal(struct peer *peer, const char *condition);
/* FIN comes, and before it only `rest`. */
void peer_expect_end(struct peer *peer, const char *rest);
/* What has come by now. */
const char *peer_seen(struct peer *peer);

/* The name that is sent with TLS; example.org at first. */
extern const char *peer_tls_name;
/* The TLS handshake, as the client. */
void peer_start_tls(struct peer *peer);
/* The same where the worker may end it meanwhile: then it has ended. */
void peer_try_tls(struct peer *peer);

/* Sends a header and gives the features that come. */
const char *peer_greet(struct peer *peer);
/* Sends PEER_AUTH and takes what goes up for it, the session's start and this.
 */
void peer_authenticate(struct peer *peer, struct rig_frame *session_out);
/* The server lets it in, and the client has been told. */
void peer_succeed(struct peer *peer, const struct rig_frame *session);
/* Through login to a bound resource; `session_out` names it from then on. */
void peer_login(struct peer *peer, struct rig_frame *session_out);
/* The same where frames of other sessions may come between. */
void peer_login_beside(struct peer *peer, struct rig_frame *session_out);
/* The next that comes is a ping of the worker's, which gets an answer of this
 * type: result or error. */
void peer_answer_ping(struct peer *peer, const char *type);

#endif
