/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport - bytes over a socket, plain or through TLS; callers never know.
 *
 *   plain --start_tls--> handshaking --done--> secure
 *
 * Small (an idle plain client keeps one): descriptor, a pointer, a counter.
 * The descriptor is borrowed; the owner closes it. With TLS, records are sealed
 * into a buffer first and then written, so a write accepts plaintext only when
 * the buffer is empty and never has to be repeated with the same bytes.
 *
 *   produced   wire position behind all accepted plaintext
 *   written    wire position accepted by the kernel (<= produced)
 */
#ifndef COMMON_NET_TRANSPORT_H
#define COMMON_NET_TRANSPORT_H

#include "common/base/base.h"
#include "common/net/host_name.h"

#include <sys/uio.h>

struct tls_context;
struct tls_error;

enum io_result { IO_OK, IO_AGAIN, IO_EOF, IO_FAILED };

struct transport_tls;

struct transport {
	int fd;
	struct transport_tls *tls; /* NULL: plain */
	uint64_t written;
};

void transport_init(struct transport *transport, int fd);

/* Frees what TLS holds. Does not close the descriptor. */
void transport_destroy(struct transport *transport);

/*
 * From plain to handshaking. As server: `name` NULL; `direct` demands that a
 * client which sends ALPN names xmpp-client. As client: `name` is verified
 * (RFC 6125) and sent as SNI.
 */
void transport_start_tls_server(struct transport *transport,
    struct tls_context *context, bool direct);
void transport_start_tls_client(struct transport *transport,
    struct tls_context *context, const char *name);

bool transport_is_secure(const struct transport *transport);
bool transport_is_handshaking(const struct transport *transport);
/* After a handshake: it went on with an earlier session, by a ticket. */
bool transport_is_resumed(const struct transport *transport);

/*
 * Server side, after a handshake: the host that the client has named in this
 * very handshake (SNI), also where it was resumed; in lower case, without a dot
 * at its end. False and "": plain, or it has named none, or what no
 * host is called (host_name_normalise()), such as one with a NUL.
 */
bool transport_server_name(const struct transport *transport,
    char name_out[HOST_NAME_TEXT_MAX]);

/* IO_OK when done, IO_AGAIN (see transport_wants_write), IO_FAILED with a
 * reason in *error_out (may be NULL). */
MUST_CHECK enum io_result transport_handshake(struct transport *transport,
    struct tls_error *error_out);

/* Reads at least a byte, at most cap. */
MUST_CHECK enum io_result transport_read(struct transport *transport,
    void *bytes, size_t cap, size_t *len_out);
/* After a read that brought `len` bytes of `cap`: false when it has emptied the
 * socket, so that another would only find that nothing is there. */
bool transport_may_hold_more(const struct transport *transport, size_t len,
    size_t cap);
/* Plaintext already opened and not yet given out: read again now. */
bool transport_has_pending(const struct transport *transport);

/*
 * Writes from the vectors, whole or in part; *len_out: plaintext accepted. With
 * count 0 only flushes what is sealed. IO_AGAIN: nothing accepted now.
 */
MUST_CHECK enum io_result transport_write(struct transport *transport,
    const struct iovec *vectors, int count, size_t *len_out);
bool transport_wants_write(const struct transport *transport);

uint64_t transport_produced(const struct transport *transport);

/* Wire bytes the peer's TCP has acknowledged: written less SIOCOUTQ. */
uint64_t transport_acked(const struct transport *transport);

/* Wire bytes that have left this machine and so may have reached the peer, even
 * if no acknowledgement says so: written less SIOCOUTQNSD. */
uint64_t transport_transmitted(const struct transport *transport);

/* How far a connection came, in wire bytes, when it was reset. */
struct transport_end {
	uint64_t transmitted; /* as transport_transmitted() just before */
	uint64_t reachable;   /* all that its peer may get */
};

/*
 * Resets the connection, also for other processes with a duplicate of its
 * descriptor: what the kernel still holds for the peer is thrown away. Nothing
 * can be read or written from here on; the owner closes the descriptor as ever.
 */
struct transport_end transport_reset(struct transport *transport);

/* close_notify if TLS, then shutdown(SHUT_WR); best effort. */
void transport_shutdown(struct transport *transport);

/* "TLSv1.3 SUITE" and the numbers of both on the wire (IANA), for session
 * info; "" and 0 when plain. */
void transport_describe(const struct transport *transport,
    uint16_t *version_out, uint16_t *cipher_out, char *text_out, size_t cap);

#endif
