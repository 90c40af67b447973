/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - the model of an XMPP server's side of the links: what Openfire of
 * several versions does, and Prosody with our module, by the manner that chance
 * gives it.
 */
#ifndef TESTS_SIMULATION_SERVER_H
#define TESTS_SIMULATION_SERVER_H

#include "common/base/base.h"

struct connection;

void server_begin(void);

/* It notices what was reset. */
void server_notice(void);
/* It handles something, or says something of its own. */
void server_step(void);
/* All that has come is handled. */
void server_settle(void);
/* What goes wrong there. */
void server_fault(void);
/* It serves from now on, whatever it did. */
void server_recover(void);
bool server_listens(void);

/* --- server_say.c --- */

/* Of what links do at which order answers come. */
struct manner {
	bool keeps_sessions; /* when all links are lost */
	bool tells_ends;     /* of sessions it has ended */
	bool answers_anywhere;
	bool is_module; /* of Prosody */
	enum { STOP_SILENTLY, STOP_WITH_ENDS, STOP_WITH_ERROR } stop;
};

extern struct manner server_manner;

void server_say(struct connection *connection, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* The link that an answer goes over, when the question came over this. */
struct connection *server_answer_link(struct connection *asked);
/* The link that a session's stanzas go over; NULL. */
struct connection *server_session_link(const char *streamid);
void server_accept(struct connection *connection);
void server_configure(struct connection *connection);
void server_answer(struct connection *asked, const char *id,
    const char *streamid, const char *verb, bool found);
void server_deny(struct connection *asked, const char *streamid);
/* All that it has said arrives. */
void server_hurry(void);
/* A new stanza for some client. */
void server_talk(void);
/* Ends some client's session. */
void server_end_session(void);

#endif
