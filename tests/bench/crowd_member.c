/* SPDX-License-Identifier: Apache-2.0 */
/* One client's way in, step by step: says something, waits for something. */
#include "tests/bench/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* So many share a source address, well below the ports that one has. */
#define PER_ADDRESS 5000u

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"

static const char *const awaited[STEP_END] = {
	[STEP_OPEN] = "</stream:features>",
	[STEP_AUTH] = "<success",
	[STEP_REOPEN] = "</stream:features>",
	[STEP_BIND] = "</iq>",
	[STEP_TALK] = "</message>",
};

static void
leave(struct member *member, const char *why)
{
	if (member->step == STEP_END) {
		crowd.lost++;
	} else {
		crowd.failed++;
		fprintf(stderr, "crowd: member %u, step %u: %s\n",
		    member->number, (unsigned)member->step, why);
	}
	ev_io_stop(crowd.loop, &member->io);
	if (member->tls)
		gnutls_deinit(member->tls);
	member->tls = NULL;
	close(member->io.fd);
	buf_destroy(&member->in);
	buf_destroy(&member->out);
	member->gone = true;
	talk_left(member, why);
	crowd_changed();
}

/* --- what it says --- */

static void
render_auth(const struct member *member, struct buf *out)
{
	char plain[64];
	gnutls_datum_t text, coded;

	text.data = (unsigned char *)plain;
	text.size = (unsigned)snprintf(plain, sizeof(plain), "%cu%05u%cx", '\0',
	    member->number, '\0');
	CHECK(gnutls_base64_encode2(&text, &coded) == 0);
	(void)buf_printf(out,
	    "<auth xmlns='" NS_SASL "' mechanism='PLAIN'>%s</auth>",
	    coded.data);
	gnutls_free(coded.data);
}

static void
render_step(const struct member *member, struct buf *out)
{
	char name[64];

	switch (member->step) {
	case STEP_OPEN:
	case STEP_REOPEN:
		(void)buf_printf(out,
		    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
		    "xmlns:stream='http://etherx.jabber.org/streams' to='%s' "
		    "version='1.0'>",
		    crowd.domain);
		break;
	case STEP_AUTH:
		render_auth(member, out);
		break;
	case STEP_BIND:
		(void)buf_append_str(out,
		    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:"
		    "xmpp-bind'><resource>r</resource></bind></iq>");
		break;
	case STEP_TALK:
		member_name(member->number, name);
		(void)buf_printf(out,
		    "<presence/><message to='%s' type='chat' id='m'>"
		    "<body>hello</body></message>",
		    name);
		break;
	case STEP_END:
		break;
	}
}

/* As send(); what GnuTLS has sealed has to go before anything else. */
static ssize_t
push(struct member *member)
{
	size_t len = buf_len(&member->out);
	ssize_t sent;

	if (!member->tls)
		return send(member->io.fd, buf_bytes(&member->out), len,
		    MSG_NOSIGNAL);
	len = member->sealed ? member->sealed : MIN(len, 16384);
	sent = gnutls_record_send(member->tls,
	    member->sealed ? NULL : buf_bytes(&member->out),
	    member->sealed ? 0 : len);
	member->sealed = sent > 0 ? 0 : len;
	errno = sent == GNUTLS_E_AGAIN ? EAGAIN : EIO;
	return sent;
}

static void
watch(struct member *member, int events)
{
	if ((member->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(crowd.loop, &member->io);
	ev_io_set(&member->io, member->io.fd, events);
	ev_io_start(crowd.loop, &member->io);
}

void
member_flush(struct member *member)
{
	while (buf_len(&member->out)) {
		ssize_t sent = push(member);

		if (sent < 0 && errno == EAGAIN) {
			watch(member, EV_READ | EV_WRITE);
			return;
		}
		if (sent < 0) { /* reading will find its end */
			(void)shutdown(member->io.fd, SHUT_RDWR);
			break;
		}
		buf_consume(&member->out, (size_t)sent);
	}
	buf_reset(&member->out);
	buf_trim(&member->out);
	watch(member, EV_READ);
}

static void
start_step(struct member *member, enum step step)
{
	member->step = step;
	if (step == STEP_END) {
		buf_destroy(&member->in);
		crowd.quiet++;
		crowd_changed();
		return;
	}
	render_step(member, &member->out);
	member_flush(member);
}

/* --- what it hears --- */

static ssize_t
hear(struct member *member, void *bytes, size_t cap)
{
	ssize_t got;

	if (!member->tls) {
		got = recv(member->io.fd, bytes, cap, 0);
		return got < 0 && errno != EAGAIN && errno != EINTR ? 0 : got;
	}
	got = gnutls_record_recv(member->tls, bytes, cap);
	return got < 0 && gnutls_error_is_fatal((int)got) ? 0 : got;
}

/* Step by step while there is something to take; false when it left. */
static bool
listen_once(struct member *member)
{
	static char bytes[16384];
	ssize_t got = hear(member, bytes, sizeof(bytes));

	if (got == 0) {
		leave(member, "the connection ended");
		return false;
	}
	if (got < 0)
		return false;
	if (member->step == STEP_END) {
		talk_heard(member, bytes, (size_t)got);
		return true;
	}
	(void)buf_append(&member->in, bytes, (size_t)got);
	if (!memmem(buf_bytes(&member->in), buf_len(&member->in),
		awaited[member->step], strlen(awaited[member->step])))
		return true;
	/* Each answer is the last thing before the next question. */
	buf_reset(&member->in);
	start_step(member, crowd.features ? STEP_END : member->step + 1);
	return false;
}

static void
shake(struct member *member)
{
	int code = gnutls_handshake(member->tls);

	if (code < 0 && gnutls_error_is_fatal(code)) {
		leave(member, gnutls_strerror(code));
		return;
	}
	if (code < 0)
		return;
	member->secure = true;
	start_step(member, STEP_OPEN);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct member *member = io->data;

	(void)loop;
	if (!member->tls && !member->secure) { /* connected, or not */
		member->secure = true;
		watch(member, EV_READ);
		start_step(member, STEP_OPEN);
		return;
	}
	if (!member->secure) {
		watch(member, EV_READ);
		shake(member);
		return;
	}
	if (events & EV_WRITE)
		member_flush(member);
	if (events & EV_READ)
		while (listen_once(member))
			;
}

/* --- its beginning --- */

static void
set_up_tls(struct member *member)
{
	static unsigned char name[] = "xmpp-client";
	const gnutls_datum_t protocol = { name, sizeof(name) - 1 };

	CHECK(gnutls_init(&member->tls,
		  GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS) == 0);
	CHECK(gnutls_set_default_priority(member->tls) == 0);
	CHECK(gnutls_credentials_set(member->tls, GNUTLS_CRD_CERTIFICATE,
		  crowd.credentials) == 0);
	CHECK(gnutls_alpn_set_protocols(member->tls, &protocol, 1, 0) == 0);
	CHECK(gnutls_server_name_set(member->tls, GNUTLS_NAME_DNS, crowd.domain,
		  strlen(crowd.domain)) == 0);
	gnutls_handshake_set_timeout(member->tls, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_int(member->tls, member->io.fd);
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	socklen_t len = sizeof(own);

	CHECK(getsockname(fd, (struct sockaddr *)&own, &len) == 0);
	return ntohs(own.sin_port);
}

void
member_start(struct member *member, unsigned number)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
	bool direct = crowd.direct && number % 2;
	int on = 1, fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)(direct ? crowd.direct : crowd.port));
	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		errno != EINPROGRESS)) {
		perror("crowd: connect");
		exit(1);
	}
	member->number = number;
	member->port = port_of(fd);
	buf_init(&member->in, 0);
	buf_init(&member->out, 0);
	ev_io_init(&member->io, on_io, fd, EV_READ | EV_WRITE);
	member->io.data = member;
	ev_io_start(crowd.loop, &member->io);
	if (crowd.tls || direct)
		set_up_tls(member);
}
