/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/fake.h"

#include <errno.h>
#include <string.h>

static ssize_t
push(gnutls_transport_ptr_t data, const void *bytes, size_t len)
{
	struct link *link = data;

	(void)buf_append(&link->out, bytes, len);
	link->queued += len;
	return (ssize_t)len;
}

static ssize_t
pull(gnutls_transport_ptr_t data, void *bytes, size_t room)
{
	struct link *link = data;
	size_t len = MIN(room, buf_len(&link->cipher));

	if (!len) {
		gnutls_transport_set_errno(link->tls, EAGAIN);
		return -1;
	}
	memcpy(bytes, buf_bytes(&link->cipher), len);
	buf_consume(&link->cipher, len);
	return (ssize_t)len;
}

void
tls_start(struct link *link)
{
	CHECK(gnutls_init(&link->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
	(void)gnutls_set_default_priority(link->tls);
	(void)gnutls_credentials_set(link->tls, GNUTLS_CRD_CERTIFICATE,
	    link->fake->credentials);
	gnutls_transport_set_ptr(link->tls, link);
	gnutls_transport_set_push_function(link->tls, push);
	gnutls_transport_set_pull_function(link->tls, pull);
	link->phase = LINK_TLS;
}

void
tls_end(struct link *link)
{
	if (link->tls)
		gnutls_deinit(link->tls);
	link->tls = NULL;
}

void
tls_send(struct link *link, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t sent;

	while (len) {
		sent = gnutls_record_send(link->tls, at, len);
		if (sent <= 0)
			return;
		at += sent;
		len -= (size_t)sent;
	}
}

static bool
shake(struct link *link)
{
	int rc = gnutls_handshake(link->tls);

	if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
		return true;
	if (rc < 0)
		return false;
	link->secured = true;
	negotiate_secured(link);
	return true;
}

bool
tls_receive(struct link *link, const void *bytes, size_t len)
{
	char clear[16384];
	ssize_t got;

	(void)buf_append(&link->cipher, bytes, len);
	if (link->phase == LINK_TLS && !shake(link))
		return false;
	while (link->secured && !link->dead) {
		got = gnutls_record_recv(link->tls, clear, sizeof(clear));
		if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
			return true;
		if (got <= 0)
			return false;
		judge_bytes(link, clear, (size_t)got);
	}
	return true;
}
