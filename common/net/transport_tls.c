/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/transport_tls.h"

#include "common/base/buf.h"
#include "common/net/tls_certificate.h"
#include "common/net/tls_context.h"
#include "common/net/tls_hello.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_BYTES 16384u
/* Plaintext sealed in one go; bounds the buffer while the socket is full. */
#define WRITE_BYTES  (4 * RECORD_BYTES)
#define SEALED_LIMIT (2 * WRITE_BYTES)
#define NAME_MAX_LEN 255
/* A handshake message of a client, whose certificate we do not request. */
#define CLIENT_MESSAGE_MAX 16384u
/* Records without data that one read looks through. */
#define EMPTY_RECORDS_MAX 16

/* What a client needs until it knows its peer. */
struct verifying {
	const struct tls_context *context;
	struct tls_error *error; /* of the handshake under way, or NULL */
	char name[];             /* whom the peer must be */
};

/* One for each session: what most never need is allocated apart. */
struct transport_tls {
	struct tls_context *held;
	gnutls_session_t session;
	struct transport *transport;
	struct buf *sealed; /* NULL while nothing waits to be written */
	struct verifying *verifying; /* NULL: a server, or done */
	bool handshaking;
	bool greeted; /* a server: a ClientHello has come */
	bool failed;
};

/* --- what GnuTLS calls --- */

static ssize_t
push(gnutls_transport_ptr_t pointer, const giovec_t *vectors, int count)
{
	struct transport_tls *tls = pointer;
	ssize_t total = 0;
	int i;

	if (!tls->sealed) {
		tls->sealed = xmalloc(sizeof(*tls->sealed));
		buf_init(tls->sealed, SEALED_LIMIT);
	}
	for (i = 0; i < count; i++) {
		if (buf_append(tls->sealed, vectors[i].iov_base,
			vectors[i].iov_len) != 0) {
			gnutls_transport_set_errno(tls->session, ENOBUFS);
			return -1;
		}
		total += (ssize_t)vectors[i].iov_len;
	}
	return total;
}

static ssize_t
pull(gnutls_transport_ptr_t pointer, void *bytes, size_t cap)
{
	struct transport_tls *tls = pointer;
	ssize_t got;

	do {
		got = read(tls->transport->fd, bytes, cap);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		gnutls_transport_set_errno(tls->session, errno);
	return got;
}

static int
pull_timeout(gnutls_transport_ptr_t pointer, unsigned milliseconds)
{
	(void)pointer;
	(void)milliseconds;
	return 1; /* the descriptor does not block; pull says EAGAIN */
}

static int
judge_peer(gnutls_session_t session)
{
	const struct transport_tls *tls = gnutls_session_get_ptr(session);
	const struct verifying *verifying = tls->verifying;
	struct tls_error ignored;

	return verifying && tls_peer_is_trusted(verifying->context, session,
				verifying->name,
				verifying->error ? verifying->error : &ignored)
		   ? 0
		   : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/* --- life --- */

static void
set_up_client(struct transport_tls *tls, const struct tls_context *context,
    const char *name)
{
	size_t len = strlen(name);

	tls->verifying = xcalloc(1, sizeof(*tls->verifying) + len + 1);
	tls->verifying->context = context;
	memcpy(tls->verifying->name, name, len);
	gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name,
	    MIN(len, (size_t)NAME_MAX_LEN));
	gnutls_session_set_verify_function(tls->session, judge_peer);
}

/* Before GnuTLS reads it. */
static int
take_hello(gnutls_session_t session, unsigned type, unsigned when,
    unsigned incoming, const gnutls_datum_t *hello)
{
	struct transport_tls *tls = gnutls_session_get_ptr(session);
	bool again = tls->greeted;

	(void)type;
	(void)when;
	if (!incoming)
		return 0;
	tls->greeted = true;
	return tls_hello_take(tls->held, session, hello, again);
}

static void
set_up_server(struct transport_tls *tls)
{
	gnutls_handshake_set_max_packet_length(tls->session,
	    CLIENT_MESSAGE_MAX);
	gnutls_handshake_set_hook_function(tls->session,
	    GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, take_hello);
}

/* XEP-0368: who names protocols must name ours; who names none is welcome. */
static void
demand_alpn(struct transport_tls *tls)
{
	static unsigned char protocol[] = "xmpp-client";
	gnutls_datum_t datum = { protocol, sizeof(protocol) - 1 };

	CHECK(gnutls_alpn_set_protocols(tls->session, &datum, 1,
		  GNUTLS_ALPN_MANDATORY) == 0);
}

struct transport_tls *
transport_tls_new(struct transport *transport, struct tls_context *context,
    bool direct, const char *name)
{
	struct transport_tls *tls = xcalloc(1, sizeof(*tls));
	bool tickets = context->ticket_key.data != NULL;
	unsigned flags = GNUTLS_NONBLOCK | (tickets ? 0 : GNUTLS_NO_TICKETS);

	CHECK(context->server == !name);
	tls->held = context;
	context->holders++;
	flags |= context->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
	CHECK(gnutls_init(&tls->session, flags) == 0);
	CHECK(gnutls_priority_set(tls->session, context->priorities) == 0);
	CHECK(gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE,
		  context->credentials) == 0);
	gnutls_session_set_ptr(tls->session, tls);
	gnutls_handshake_set_timeout(tls->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_ptr(tls->session, tls);
	gnutls_transport_set_vec_push_function(tls->session, push);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
	tls->transport = transport;
	tls->handshaking = true;
	if (name)
		set_up_client(tls, context, name);
	else
		set_up_server(tls);
	if (direct)
		demand_alpn(tls);
	return tls;
}

static void
free_sealed(struct transport_tls *tls)
{
	if (tls->sealed)
		buf_destroy(tls->sealed);
	free(tls->sealed);
	tls->sealed = NULL;
}

void
transport_tls_free(struct transport_tls *tls)
{
	gnutls_deinit(tls->session);
	tls_context_free(&tls->held);
	free_sealed(tls);
	free(tls->verifying);
	free(tls);
}

bool
transport_tls_is_handshaking(const struct transport_tls *tls)
{
	return tls->handshaking;
}

bool
transport_tls_is_resumed(const struct transport_tls *tls)
{
	return gnutls_session_is_resumed(tls->session) != 0;
}

void
transport_tls_server_name(const struct transport_tls *tls,
    char name_out[HOST_NAME_TEXT_MAX])
{
	if (tls->held->server && !tls->handshaking)
		tls_hello_host(tls->session, name_out);
}

/* --- writing --- */

/* IO_OK when nothing is left. */
static enum io_result
flush(struct transport *transport)
{
	struct buf *sealed = transport->tls->sealed;
	ssize_t sent;

	while (sealed && buf_len(sealed) > 0) {
		sent = send(transport->fd, buf_bytes(sealed), buf_len(sealed),
		    MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK
				   ? IO_AGAIN
				   : IO_FAILED;
		transport->written += (uint64_t)sent;
		buf_consume(sealed, (size_t)sent);
	}
	free_sealed(transport->tls);
	return IO_OK;
}

/* Copies up to a record from the vectors, starting at byte `from` of them. */
static size_t
gather(const struct iovec *vectors, int count, size_t from,
    uint8_t record[RECORD_BYTES])
{
	size_t len = 0, part;
	int i;

	for (i = 0; i < count && len < RECORD_BYTES; i++) {
		if (from >= vectors[i].iov_len) {
			from -= vectors[i].iov_len;
			continue;
		}
		part = MIN(vectors[i].iov_len - from, RECORD_BYTES - len);
		memcpy(record + len,
		    (const uint8_t *)vectors[i].iov_base + from, part);
		len += part;
		from = 0;
	}
	return len;
}

enum io_result
transport_tls_write(struct transport *transport, const struct iovec *vectors,
    int count, size_t *len_out)
{
	static uint8_t record[RECORD_BYTES];
	struct transport_tls *tls = transport->tls;
	enum io_result result;
	ssize_t sealed;
	size_t len;

	tls->transport = transport;
	if (tls->failed)
		return IO_FAILED;
	result = flush(transport);
	if (result != IO_OK || count == 0)
		return result;
	if (tls->handshaking)
		return IO_AGAIN;
	while (*len_out < WRITE_BYTES) {
		len = gather(vectors, count, *len_out, record);
		if (len == 0)
			break;
		sealed = gnutls_record_send(tls->session, record, len);
		if (sealed <= 0) {
			tls->failed = true;
			return IO_FAILED;
		}
		/* Less when the peer takes smaller records (RFC 8449). */
		*len_out += (size_t)sealed;
	}
	result = flush(transport);
	return result == IO_AGAIN ? IO_OK : result;
}

size_t
transport_tls_unwritten(const struct transport_tls *tls)
{
	return tls->sealed ? buf_len(tls->sealed) : 0;
}

/* --- reading --- */

static void
set_handshake_error(const struct transport_tls *tls, int code,
    struct tls_error *error_out)
{
	if (!error_out || error_out->text[0])
		return;
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
		snprintf(error_out->text, sizeof(error_out->text),
		    "the peer refused: %s",
		    gnutls_alert_get_name(gnutls_alert_get(tls->session)));
	else
		tls_set_error(error_out, "TLS handshake", code);
}

enum io_result
transport_tls_handshake(struct transport *transport,
    struct tls_error *error_out)
{
	struct transport_tls *tls = transport->tls;
	int code, i = 0;

	tls->transport = transport;
	if (tls->verifying)
		tls->verifying->error = error_out;
	if (error_out)
		error_out->text[0] = '\0';
	do {
		code = gnutls_handshake(tls->session);
	} while (code < 0 && code != GNUTLS_E_AGAIN &&
		 !gnutls_error_is_fatal(code) && ++i < EMPTY_RECORDS_MAX);
	if (code < 0 && code != GNUTLS_E_AGAIN) {
		set_handshake_error(tls, code, error_out);
		gnutls_alert_send_appropriate(tls->session, code);
		(void)flush(transport);
		tls->failed = true;
	}
	if (tls->verifying)
		tls->verifying->error = NULL;
	if (tls->failed)
		return IO_FAILED;
	if (flush(transport) == IO_FAILED) {
		if (error_out)
			snprintf(error_out->text, sizeof(error_out->text),
			    "TLS handshake: the connection was lost");
		tls->failed = true;
		return IO_FAILED;
	}
	if (code == GNUTLS_E_AGAIN)
		return IO_AGAIN;
	tls->handshaking = false;
	free(tls->verifying);
	tls->verifying = NULL;
	return IO_OK;
}

/* The session is over: sends the peer an alert, as far as it reads. */
static enum io_result
give_up(struct transport *transport, int code)
{
	gnutls_alert_send_appropriate(transport->tls->session, code);
	(void)flush(transport);
	transport->tls->failed = true;
	return IO_FAILED;
}

enum io_result
transport_tls_read(struct transport *transport, void *bytes, size_t cap,
    size_t *len_out)
{
	struct transport_tls *tls = transport->tls;
	ssize_t got;
	int i = 0;

	tls->transport = transport;
	if (tls->failed)
		return IO_FAILED;
	if (tls->handshaking)
		return IO_AGAIN;
	do {
		got = gnutls_record_recv(tls->session, bytes, cap);
	} while ((got == GNUTLS_E_INTERRUPTED ||
		     got == GNUTLS_E_WARNING_ALERT_RECEIVED) &&
		 ++i < EMPTY_RECORDS_MAX);
	if (got > 0) {
		*len_out = (size_t)got;
		return IO_OK;
	}
	if (got == 0 || got == GNUTLS_E_PREMATURE_TERMINATION)
		return IO_EOF;
	if (got == GNUTLS_E_AGAIN)
		return IO_AGAIN;
	/* Renegotiation and a flood of warnings are among these. */
	return give_up(transport, (int)got);
}

bool
transport_tls_has_pending(const struct transport_tls *tls)
{
	return gnutls_record_check_pending(tls->session) > 0;
}

void
transport_tls_bye(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;

	tls->transport = transport;
	if (!tls->handshaking && !tls->failed)
		(void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
	(void)flush(transport);
}

bool
transport_peer_certificate(const struct transport *transport, const char *name,
    struct certificate_facts *facts_out)
{
	const struct transport_tls *tls = transport->tls;

	return tls && !tls->held->server &&
	       tls_peer_facts(tls->held, tls->session, name, facts_out);
}

/* IANA's number of the suite; 0 when GnuTLS does not list it. */
static uint16_t
suite_number(const char *suite)
{
	unsigned char id[2];
	const char *name;
	size_t i;

	for (i = 0;; i++) {
		name = gnutls_cipher_suite_info(i, id, NULL, NULL, NULL, NULL);
		if (!name)
			return 0;
		if (strcmp(name, suite) == 0)
			return (uint16_t)(id[0] << 8 | id[1]);
	}
}

void
transport_tls_describe(const struct transport_tls *tls, uint16_t *version_out,
    uint16_t *cipher_out, char *text_out, size_t cap)
{
	gnutls_protocol_t version = gnutls_protocol_get_version(tls->session);
	const char *suite = gnutls_ciphersuite_get(tls->session);

	*version_out = version == GNUTLS_TLS1_3 ? 0x0304 : 0x0303;
	*cipher_out = suite ? suite_number(suite) : 0;
	snprintf(text_out, cap, "TLSv%s %s",
	    version == GNUTLS_TLS1_3 ? "1.3" : "1.2", suite ? suite : "");
}
