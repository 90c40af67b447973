/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_tls - the secure half of a transport; private to transport.c.
 *
 * GnuTLS reads from the descriptor itself; what it wants to send is collected
 * in `sealed` and written from there, so that a plaintext once accepted is
 * never offered again.
 */
#ifndef COMMON_NET_TRANSPORT_TLS_H
#define COMMON_NET_TRANSPORT_TLS_H

#include "common/net/tls.h"
#include "common/net/transport.h"

/* name NULL: server side; else it is verified and sent as SNI. */
struct transport_tls *transport_tls_new(struct transport *transport,
    struct tls_context *context, bool direct, const char *name);
void transport_tls_free(struct transport_tls *tls);

bool transport_tls_is_handshaking(const struct transport_tls *tls);
bool transport_tls_is_resumed(const struct transport_tls *tls);
/* "" without one, and before the handshake is done. */
void transport_tls_server_name(const struct transport_tls *tls,
    char name_out[HOST_NAME_TEXT_MAX]);
enum io_result transport_tls_handshake(struct transport *transport,
    struct tls_error *error_out);
enum io_result transport_tls_read(struct transport *transport, void *bytes,
    size_t cap, size_t *len_out);
bool transport_tls_has_pending(const struct transport_tls *tls);
enum io_result transport_tls_write(struct transport *transport,
    const struct iovec *vectors, int count, size_t *len_out);
size_t transport_tls_unwritten(const struct transport_tls *tls);
void transport_tls_bye(struct transport *transport);
void transport_tls_describe(const struct transport_tls *tls,
    uint16_t *version_out, uint16_t *cipher_out, char *text_out, size_t cap);

#endif
