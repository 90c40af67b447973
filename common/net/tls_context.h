/* SPDX-License-Identifier: Apache-2.0 */
/* tls_context - what tls.c makes and transport_tls.c uses; private to both. */
#ifndef COMMON_NET_TLS_CONTEXT_H
#define COMMON_NET_TLS_CONTEXT_H

#include "common/net/host_name.h"
#include "common/net/tls.h"

#include <gnutls/gnutls.h>

struct tls_choice;

/* Of tickets that were given under one name (tls_hello.c). */
struct tls_name_key {
	bool is_set;
	char host[HOST_NAME_TEXT_MAX]; /* normal; "": none */
	uint8_t bytes[TLS_TICKET_KEY_BYTES];
};

struct tls_context {
	unsigned holders; /* its maker and sessions */
	gnutls_certificate_credentials_t credentials;
	struct tls_choice *choice; /* server side; NULL: of one */
	gnutls_priority_t priorities;
	bool server;
	gnutls_datum_t ticket_key;    /* server side; NULL: no tickets */
	struct tls_name_key last_key; /* made from it most recently */
	unsigned ticket_lifetime_s;
	struct tls_verify verify; /* client side; no pointers kept */
};

/* With one holder; whom it trusts or what it shows is still to be said. NULL
 * and why for priorities that are none. */
struct tls_context *tls_context_new(bool server, const char *priorities,
    struct tls_error *error);

/* Adds certificate and key of the material to credentials, as the `index`th. */
int tls_load_material(gnutls_certificate_credentials_t credentials,
    unsigned index, const struct tls_server_material *material,
    struct tls_error *error);

/*
 * Judges the chain that the peer of `session` has shown, as a client: true when
 * it may be trusted for `name` (RFC 6125, XmppAddr included); else the reason.
 */
bool tls_peer_is_trusted(const struct tls_context *context,
    gnutls_session_t session, const char *name, struct tls_error *error_out);

/* What that peer has shown; false: nothing, or it cannot be read. */
struct certificate_facts;
bool tls_peer_facts(const struct tls_context *context, gnutls_session_t session,
    const char *name, struct certificate_facts *facts_out);

/* Appends it as PEM; 0, or a GnuTLS error. */
int tls_append_pem(gnutls_x509_crt_t certificate, struct buf *out);

/* "WHAT: why" from a GnuTLS error code. */
void tls_set_error(struct tls_error *error, const char *what, int code);

#endif
