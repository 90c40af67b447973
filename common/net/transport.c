/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/transport.h"

#include "common/net/endpoint.h"
#include "common/net/transport_tls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct transport) <= 32,
    "every idle client has a transport");

void
transport_init(struct transport *transport, int fd)
{
	memset(transport, 0, sizeof(*transport));
	transport->fd = fd;
}

void
transport_destroy(struct transport *transport)
{
	if (transport->tls)
		transport_tls_free(transport->tls);
	transport->tls = NULL;
	transport->fd = -1;
}

void
transport_start_tls_server(struct transport *transport,
    struct tls_context *context, bool direct)
{
	CHECK(!transport->tls);
	transport->tls = transport_tls_new(transport, context, direct, NULL);
}

void
transport_start_tls_client(struct transport *transport,
    struct tls_context *context, const char *name)
{
	CHECK(!transport->tls);
	transport->tls = transport_tls_new(transport, context, false, name);
}

bool
transport_is_secure(const struct transport *transport)
{
	return transport->tls && !transport_tls_is_handshaking(transport->tls);
}

bool
transport_is_handshaking(const struct transport *transport)
{
	return transport->tls && transport_tls_is_handshaking(transport->tls);
}

bool
transport_is_resumed(const struct transport *transport)
{
	return transport->tls && transport_tls_is_resumed(transport->tls);
}

bool
transport_server_name(const struct transport *transport,
    char name_out[HOST_NAME_TEXT_MAX])
{
	name_out[0] = '\0';
	if (transport->tls)
		transport_tls_server_name(transport->tls, name_out);
	return name_out[0] != '\0';
}

enum io_result
transport_handshake(struct transport *transport, struct tls_error *error_out)
{
	CHECK(transport->tls);
	return transport_tls_handshake(transport, error_out);
}

static enum io_result
failed_or_again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : IO_FAILED;
}

enum io_result
transport_read(struct transport *transport, void *bytes, size_t cap,
    size_t *len_out)
{
	ssize_t got;

	*len_out = 0;
	if (transport->tls)
		return transport_tls_read(transport, bytes, cap, len_out);
	do {
		got = read(transport->fd, bytes, cap);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return failed_or_again();
	if (got == 0)
		return IO_EOF;
	*len_out = (size_t)got;
	return IO_OK;
}

/* With TLS a read brings one record at most, however much is waiting. */
bool
transport_may_hold_more(const struct transport *transport, size_t len,
    size_t cap)
{
	return transport->tls || len == cap;
}

bool
transport_has_pending(const struct transport *transport)
{
	return transport->tls && transport_tls_has_pending(transport->tls);
}

enum io_result
transport_write(struct transport *transport, const struct iovec *vectors,
    int count, size_t *len_out)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)vectors,
		.msg_iovlen = (size_t)count,
	};
	ssize_t sent;

	*len_out = 0;
	if (transport->tls)
		return transport_tls_write(transport, vectors, count, len_out);
	if (count == 0)
		return IO_OK;
	do {
		sent = sendmsg(transport->fd, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return failed_or_again();
	transport->written += (uint64_t)sent;
	*len_out = (size_t)sent;
	return IO_OK;
}

bool
transport_wants_write(const struct transport *transport)
{
	return transport->tls && transport_tls_unwritten(transport->tls) > 0;
}

uint64_t
transport_produced(const struct transport *transport)
{
	uint64_t unwritten =
	    transport->tls ? transport_tls_unwritten(transport->tls) : 0;

	return transport->written + unwritten;
}

uint64_t
transport_acked(const struct transport *transport)
{
	int queued = 0;

	if (ioctl(transport->fd, SIOCOUTQ, &queued) != 0 || queued < 0 ||
	    (uint64_t)queued > transport->written)
		return 0;
	return transport->written - (uint64_t)queued;
}

uint64_t
transport_transmitted(const struct transport *transport)
{
	int unsent = 0;

	/* Not known: then everything may have. */
	if (ioctl(transport->fd, SIOCOUTQNSD, &unsent) != 0 || unsent < 0 ||
	    (uint64_t)unsent > transport->written)
		return transport->written;
	return transport->written - (uint64_t)unsent;
}

struct transport_end
transport_reset(struct transport *transport)
{
	/* Looked at first: a connection that is over sends no more. */
	bool over = endpoint_is_over(transport->fd);
	struct transport_end end = {
		.transmitted = transport_transmitted(transport),
	};

	/* One that lives may have sent more since its counter was read. */
	end.reachable = over ? end.transmitted : transport->written;
	/* A reset does not acknowledge what was read. */
	endpoint_acknowledge(transport->fd);
	endpoint_reset(transport->fd);
	return end;
}

void
transport_shutdown(struct transport *transport)
{
	if (transport->tls)
		transport_tls_bye(transport);
	shutdown(transport->fd, SHUT_WR);
}

void
transport_describe(const struct transport *transport, uint16_t *version_out,
    uint16_t *cipher_out, char *text_out, size_t cap)
{
	*version_out = *cipher_out = 0;
	if (cap)
		*text_out = '\0';
	if (transport_is_secure(transport))
		transport_tls_describe(transport->tls, version_out, cipher_out,
		    text_out, cap);
}
