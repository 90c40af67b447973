/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake_bench COUNT: processor time that a server spends on a TLS
 * handshake, in microseconds, by kind of key and version, full and resumed with
 * a ticket, as a transport does it and as GnuTLS does it bare. All kinds take
 * turns, so that what disturbs the machine disturbs all alike.
 *
 *   handshake key=RSA-2048 version=1.3 full=N resumed=N bare_full=N
 *       bare_resumed=N full_ratio=N resumed_ratio=N cheaper=N
 */
#include "common/net/fd.h"
#include "common/net/tls.h"
#include "common/net/transport.h"
#include "tests/bench/tls_bench.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STEPS_MAX  100
#define LIFETIME_S 7200u

static const struct {
	const char *name, *priorities;
} versions[] = {
	{ "1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" },
	{ "1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2" },
};

enum how { FULL, RESUMED, BARE_FULL, BARE_RESUMED, HOW_COUNT };

/* What is measured: one kind of key in one version. */
struct subject {
	struct identity identity;
	struct tls_context *context;
	gnutls_certificate_credentials_t credentials; /* the bare server's */
	gnutls_certificate_credentials_t nobody;      /* the client's */
	gnutls_priority_t ours;                       /* the same for both */
	const char *priorities;                       /* the client's */
	gnutls_datum_t ticket;
	double spent_us[HOW_COUNT];
};

static uint8_t ticket_bytes[TLS_TICKET_KEY_BYTES];

/* The one that common/net/tls.c has. */
static const char strict[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:"
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-MAC-ALL:+AEAD:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:"
    "+GROUP-SECP384R1:+GROUP-SECP521R1:%SERVER_PRECEDENCE";

static void
set_up(struct subject *subject, size_t key, size_t version)
{
	struct tls_server_material material = { .path = "bench",
		.ticket_key = ticket_bytes,
		.ticket_lifetime_s = LIFETIME_S };
	struct tls_error error;
	gnutls_datum_t chain, secret;

	key_kind_make(&key_kinds[key], "xmpp.example", &subject->identity);
	chain = (gnutls_datum_t){ subject->identity.certificate,
		(unsigned)subject->identity.certificate_len };
	secret = (gnutls_datum_t){ subject->identity.key,
		(unsigned)subject->identity.key_len };
	material.certificate = chain.data;
	material.certificate_len = chain.size;
	material.key = secret.data;
	material.key_len = secret.size;
	CHECK(tls_context_new_server(&material, &subject->context, &error) ==
	      0);
	CHECK(gnutls_certificate_allocate_credentials(&subject->credentials) ==
	      0);
	CHECK(gnutls_certificate_set_x509_key_mem(subject->credentials, &chain,
		  &secret, GNUTLS_X509_FMT_PEM) == 0);
	CHECK(gnutls_certificate_allocate_credentials(&subject->nobody) == 0);
	CHECK(gnutls_priority_init(&subject->ours, strict, NULL) == 0);
	subject->priorities = versions[version].priorities;
}

static gnutls_session_t
begin_client(const struct subject *subject, int fd, bool resumes)
{
	gnutls_session_t session;

	CHECK(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) == 0);
	CHECK(gnutls_priority_set_direct(session, subject->priorities, NULL) ==
	      0);
	CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
		  subject->nobody) == 0);
	gnutls_transport_set_int(session, fd);
	if (resumes)
		CHECK(gnutls_session_set_data(session, subject->ticket.data,
			  subject->ticket.size) == 0);
	return session;
}

/* --- the servers --- */

static gnutls_session_t
begin_bare(const struct subject *subject, int fd)
{
	gnutls_datum_t key = { ticket_bytes, sizeof(ticket_bytes) };
	gnutls_session_t session;

	CHECK(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
	CHECK(gnutls_priority_set(session, subject->ours) == 0);
	CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
		  subject->credentials) == 0);
	CHECK(gnutls_session_ticket_enable_server(session, &key) == 0);
	gnutls_transport_set_int(session, fd);
	return session;
}

/* Either one or the other. */
struct server {
	struct transport transport;
	gnutls_session_t bare;
	bool done;
};

static void
step_server(struct server *server)
{
	if (server->done)
		return;
	if (server->bare)
		server->done = gnutls_handshake(server->bare) == 0;
	else
		server->done =
		    transport_handshake(&server->transport, NULL) == IO_OK;
}

static void
send_byte(struct server *server)
{
	const struct iovec word = { (void *)(uintptr_t) "x", 1 };
	size_t len;

	if (server->bare)
		CHECK(gnutls_record_send(server->bare, "x", 1) == 1);
	else
		CHECK(transport_write(&server->transport, &word, 1, &len) ==
		      IO_OK);
}

/* --- a handshake --- */

static void
read_byte(gnutls_session_t client)
{
	ssize_t got;
	char byte;

	do
		got = gnutls_record_recv(client, &byte, 1);
	while (got == GNUTLS_E_AGAIN);
	CHECK(got == 1);
}

/* Microseconds of the server, from its first call until its first byte is
 * sent. */
static double
shake_hands(struct server *server, gnutls_session_t client)
{
	double spent = 0, began;
	bool client_done = false;
	int i;

	for (i = 0; i < STEPS_MAX && !(server->done && client_done); i++) {
		if (!client_done)
			client_done = gnutls_handshake(client) == 0;
		began = spent_us();
		step_server(server);
		spent += spent_us() - began;
	}
	CHECK(server->done && client_done);
	began = spent_us();
	send_byte(server);
	spent += spent_us() - began;
	read_byte(client);
	return spent;
}

static void
measure(struct subject *subject, enum how how)
{
	bool resumes = how == RESUMED || how == BARE_RESUMED;
	bool is_bare = how >= BARE_FULL;
	struct server server = { .done = false };
	gnutls_session_t client;
	double began;
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	client = begin_client(subject, ends[1], resumes);
	began = spent_us();
	transport_init(&server.transport, ends[0]);
	if (is_bare)
		server.bare = begin_bare(subject, ends[0]);
	else
		transport_start_tls_server(&server.transport, subject->context,
		    false);
	subject->spent_us[how] += spent_us() - began;
	subject->spent_us[how] += shake_hands(&server, client);
	CHECK((gnutls_session_is_resumed(client) != 0) == resumes);
	if (!resumes) {
		gnutls_free(subject->ticket.data);
		CHECK(gnutls_session_get_data2(client, &subject->ticket) == 0);
	}
	gnutls_deinit(client);
	if (is_bare)
		gnutls_deinit(server.bare);
	else
		transport_destroy(&server.transport);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
print(const struct subject *subject, size_t key, size_t version, int count)
{
	const double *spent = subject->spent_us;

	printf("handshake key=%s version=%s full=%.0f resumed=%.0f "
	       "bare_full=%.0f bare_resumed=%.0f full_ratio=%.2f "
	       "resumed_ratio=%.2f cheaper=%.1f\n",
	    key_kinds[key].name, versions[version].name, spent[FULL] / count,
	    spent[RESUMED] / count, spent[BARE_FULL] / count,
	    spent[BARE_RESUMED] / count, spent[FULL] / spent[BARE_FULL],
	    spent[RESUMED] / spent[BARE_RESUMED], spent[FULL] / spent[RESUMED]);
}

static void
tear_down(struct subject *subject)
{
	tls_context_free(&subject->context);
	gnutls_certificate_free_credentials(subject->credentials);
	gnutls_certificate_free_credentials(subject->nobody);
	gnutls_priority_deinit(subject->ours);
	gnutls_free(subject->ticket.data);
	identity_free(&subject->identity);
}

int
main(int argc, char **argv)
{
	struct subject subject;
	size_t key, version;
	int count, i;
	enum how how;

	CHECK(argc == 2);
	count = atoi(argv[1]);
	CHECK(count > 0);
	memset(ticket_bytes, 't', sizeof(ticket_bytes));
	for (key = 0; key < KEY_KINDS; key++)
		for (version = 0; version < ARRAY_LEN(versions); version++) {
			memset(&subject, 0, sizeof(subject));
			set_up(&subject, key, version);
			for (i = 0; i < count; i++)
				for (how = FULL; how < HOW_COUNT; how++)
					measure(&subject, how);
			print(&subject, key, version, count);
			tear_down(&subject);
		}
	return 0;
}
