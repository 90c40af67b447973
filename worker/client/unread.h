/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unread - what a client has sent that nobody handles any more. When its stream
 * ends for no fault of its own, what its socket holds by then is read: a
 * message or a request gets an error, so that its sender knows; the rest is
 * counted.
 */
#ifndef WORKER_CLIENT_UNREAD_H
#define WORKER_CLIENT_UNREAD_H

#include "common/base/base.h"
#include "common/xmpp/close.h"

struct client;
struct element;
struct stanza_fault;

struct unread {
	const struct client *client; /* whose rest is being read, or NULL */
	bool rest_is_over;           /* no stanza follows in it: input.c */
	uint32_t second_s;
	uint32_t second_bytes; /* read in it, of all clients */
};

/* The error for the sender of a stanza that came too late. */
extern const struct stanza_fault unread_fault;
/* An end for this reason is no fault, and no wish, of the client's. */
bool unread_matters(enum close_reason reason);

/* True while that reads this client's. */
bool unread_is_of(const struct client *client);
/* An element of those. */
void unread_take(struct client *client, const struct element *element);
/* Bytes from one that is closing are thrown away. */
void unread_note_bytes(const struct client *client, size_t len);

#endif
