/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_peer - a client of GnuTLS, bare, at the other end of a transport that
 * speaks TLS as a server. It keeps the ticket that it was given last, and comes
 * back with it.
 */
#ifndef TESTS_UNIT_NET_TLS_PEER_H
#define TESTS_UNIT_NET_TLS_PEER_H

#include "common/net/transport.h"

#include <gnutls/gnutls.h>

struct tls_peer {
	gnutls_session_t client;
	struct transport server;
	int ends[2];
};

/* What is done with a client before it begins; NULL: nothing. */
extern void (*tls_peer_prepare)(gnutls_session_t client);

/* Connects with these priorities and this name (SNI; NULL: none). False: the
 * handshake has failed. True: both are through, and the client has read what
 * comes behind, with TLS 1.3 a ticket. To be ended in any case. */
bool tls_peer_begin(struct tls_peer *peer, struct tls_context *context,
    const char *priorities, const char *name);
void tls_peer_end(struct tls_peer *peer);
/* The next one comes without a ticket; also at the end of a test. */
void tls_peer_forget_ticket(void);

#endif
