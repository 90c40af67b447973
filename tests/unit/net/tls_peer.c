/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/tls_peer.h"

#include "common/net/fd.h"

#include <check.h>
#include <string.h>
#include <sys/socket.h>

#define TURNS_MAX 100

void (*tls_peer_prepare)(gnutls_session_t client);

static gnutls_datum_t ticket;

static gnutls_session_t
begin_client(int fd, const char *priorities, const char *name)
{
	static gnutls_certificate_credentials_t nobody;
	gnutls_session_t client;

	if (!nobody)
		ck_assert_int_eq(
		    gnutls_certificate_allocate_credentials(&nobody), 0);
	ck_assert_int_eq(gnutls_init(&client, GNUTLS_CLIENT | GNUTLS_NONBLOCK),
	    0);
	ck_assert_int_eq(gnutls_priority_set_direct(client, priorities, NULL),
	    0);
	ck_assert_int_eq(gnutls_credentials_set(client, GNUTLS_CRD_CERTIFICATE,
			     nobody),
	    0);
	if (name)
		ck_assert_int_eq(gnutls_server_name_set(client, GNUTLS_NAME_DNS,
				     name, strlen(name)),
		    0);
	gnutls_transport_set_int(client, fd);
	if (ticket.data)
		ck_assert_int_eq(gnutls_session_set_data(client, ticket.data,
				     ticket.size),
		    0);
	if (tls_peer_prepare)
		tls_peer_prepare(client);
	return client;
}

static bool
shake_hands(struct tls_peer *peer)
{
	enum io_result result = IO_AGAIN;
	int code = GNUTLS_E_AGAIN, turns;

	for (turns = 0; turns < TURNS_MAX; turns++) {
		if (code == GNUTLS_E_AGAIN)
			code = gnutls_handshake(peer->client);
		if (result == IO_AGAIN)
			result = transport_handshake(&peer->server, NULL);
	}
	return code == 0 && result == IO_OK;
}

static void
read_what_comes_behind(struct tls_peer *peer)
{
	static const struct iovec word = { (void *)(uintptr_t) "x", 1 };
	int code = 0, turns;
	size_t len;
	char byte;

	ck_assert_int_eq(transport_write(&peer->server, &word, 1, &len), IO_OK);
	for (turns = 0; turns < TURNS_MAX && code != 1; turns++)
		code = (int)gnutls_record_recv(peer->client, &byte, 1);
	ck_assert_int_eq(code, 1);
}

bool
tls_peer_begin(struct tls_peer *peer, struct tls_context *context,
    const char *priorities, const char *name)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     peer->ends),
	    0);
	transport_init(&peer->server, peer->ends[0]);
	transport_start_tls_server(&peer->server, context, false);
	peer->client = begin_client(peer->ends[1], priorities, name);
	if (!shake_hands(peer))
		return false;
	read_what_comes_behind(peer);
	gnutls_free(ticket.data);
	ck_assert_int_eq(gnutls_session_get_data2(peer->client, &ticket), 0);
	return true;
}

void
tls_peer_end(struct tls_peer *peer)
{
	gnutls_deinit(peer->client);
	transport_destroy(&peer->server);
	fd_close(&peer->ends[0]);
	fd_close(&peer->ends[1]);
}

void
tls_peer_forget_ticket(void)
{
	gnutls_free(ticket.data);
	ticket = (gnutls_datum_t){ NULL, 0 };
}
