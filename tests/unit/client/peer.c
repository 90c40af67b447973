/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/client/peer.h"

#include "common/net/tls.h"
#include "common/xmpp/stream.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_MS 20

/* --- the socket --- */

static void
connect_with(struct peer *peer, uint16_t port, int receive_bytes)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(peer, 0, sizeof(*peer));
	ck_assert_int_ge(fd, 0);
	if (receive_bytes)
		ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
				     &receive_bytes, sizeof(receive_bytes)),
		    0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	transport_init(&peer->transport, fd);
	buf_init(&peer->in, 0);
	(void)peer_seen(peer); /* never without memory */
}

const char *peer_tls_name = "example.org";

void
peer_connect_port(struct peer *peer, uint16_t port)
{
	connect_with(peer, port, 0);
}

void
peer_connect_small(struct peer *peer)
{
	connect_with(peer, rig_port(false), 4096);
}

void
peer_connect(struct peer *peer, bool direct_tls)
{
	peer_connect_port(peer, rig_port(direct_tls));
	if (direct_tls)
		peer_start_tls(peer);
}

void
peer_close(struct peer *peer)
{
	int fd = peer->transport.fd;

	transport_destroy(&peer->transport);
	close(fd);
	buf_destroy(&peer->in);
	free(peer->expected);
	peer->expected = NULL;
}

void
peer_half_close(struct peer *peer)
{
	ck_assert_int_eq(shutdown(peer->transport.fd, SHUT_WR), 0);
}

void
peer_reset(struct peer *peer)
{
	struct linger now = { .l_onoff = 1 };

	ck_assert_int_eq(setsockopt(peer->transport.fd, SOL_SOCKET, SO_LINGER,
			     &now, sizeof(now)),
	    0);
	peer_close(peer);
}

static void
wait_for(struct peer *peer, short events, int64_t until, const char *what)
{
	struct pollfd end = { .fd = peer->transport.fd, .events = events };

	ck_assert_msg(rig_now_ms() < until, "in vain for '%s'; there is '%.*s'",
	    what, (int)buf_len(&peer->in), (const char *)buf_bytes(&peer->in));
	(void)poll(&end, 1, TURN_MS);
}

/* --- sending --- */

size_t
peer_try_send(struct peer *peer, const void *bytes, size_t len)
{
	struct iovec vector = { (void *)(uintptr_t)bytes, len };
	size_t sent = 0;

	(void)!transport_write(&peer->transport, &vector, len > 0, &sent);
	return sent;
}

void
peer_send_bytes(struct peer *peer, const void *bytes, size_t len)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	const uint8_t *from = bytes;
	size_t sent;

	while (len > 0 || transport_wants_write(&peer->transport)) {
		sent = peer_try_send(peer, from, len);
		from += sent;
		len -= sent;
		if (sent == 0)
			wait_for(peer, POLLOUT, until, "room");
	}
}

void
peer_send(struct peer *peer, const char *text)
{
	peer_send_bytes(peer, text, strlen(text));
}

void
peer_hand_over(struct peer *peer, const char *text)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	peer_send(peer, text);
	while (transport_acked(&peer->transport) != peer->transport.written) {
		ck_assert_msg(rig_now_ms() < until, "it does not arrive");
		rig_turn();
	}
}

/* --- receiving --- */

static void
receive(struct peer *peer)
{
	uint8_t bytes[16384];
	enum io_result result = IO_OK;
	size_t len;

	while (!peer->ended && result == IO_OK) {
		result = transport_read(&peer->transport, bytes, sizeof(bytes),
		    &len);
		if (result == IO_OK)
			buf_append(&peer->in, bytes, len);
		else if (result != IO_AGAIN)
			peer->ended = true;
	}
}

char *
peer_message(size_t len, int number)
{
	char *text = xmalloc(len + 100);
	int head = sprintf(text, "<message id=\"m%d.\"><body>", number);

	memset(text + head, 'x', len);
	strcpy(text + (size_t)head + len, "</body></message>");
	return text;
}

const char *
peer_expect(struct peer *peer, const char *end)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	const uint8_t *found;
	size_t len;

	for (;;) {
		receive(peer);
		found = memmem(buf_bytes(&peer->in), buf_len(&peer->in), end,
		    strlen(end));
		if (found)
			break;
		ck_assert_msg(!peer->ended, "ended before '%s', after '%.*s'",
		    end, (int)buf_len(&peer->in),
		    (const char *)buf_bytes(&peer->in));
		wait_for(peer, POLLIN, until, end);
	}
	len = (size_t)(found - buf_bytes(&peer->in)) + strlen(end);
	free(peer->expected);
	peer->expected = xmalloc(len + 1);
	memcpy(peer->expected, buf_bytes(&peer->in), len);
	peer->expected[len] = '\0';
	buf_consume(&peer->in, len);
	return peer->expected;
}

void
peer_expect_end(struct peer *peer, const char *rest)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	for (receive(peer); !peer->ended; receive(peer))
		wait_for(peer, POLLIN, until, "the end");
	ck_assert_str_eq(peer_seen(peer), rest);
}

void
peer_expect_error(struct peer *peer, const char *condition)
{
	static const char end[] = ".</text></stream:error></stream:stream>";
	char start[256];
	const char *text;

	snprintf(start, sizeof(start),
	    "<stream:error><%s xmlns=\"" NS_STREAMS "\"/>"
	    "<text xmlns=\"" NS_STREAMS "\" xml:lang=\"en\">",
	    condition);
	text = peer_expect(peer, end);
	ck_assert_msg(strncmp(text, start, strlen(start)) == 0,
	    "not '%s' but '%s'", start, text);
	ck_assert_ptr_eq(strstr(text, "</text>"),
	    strstr(text, end) + 1); /* one error */
	peer_expect_end(peer, "");
}

void
peer_expect_refusal(struct peer *peer, const char *condition)
{
	HAS(peer_expect(peer, " id=\""), "<?xml");
	peer_expect(peer, ">");
	peer_expect_error(peer, condition);
}

const char *
peer_seen(struct peer *peer)
{
	receive(peer);
	buf_append_char(&peer->in, '\0');
	peer->in.end--;
	return (const char *)buf_bytes(&peer->in);
}

/* --- longer exchanges --- */

static enum io_result
shake_hands(struct peer *peer, struct tls_error *error)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;
	static struct tls_context *context; /* for all peers */
	struct tls_verify trusting = { .verify = false };
	enum io_result result;

	if (!context)
		ck_assert_int_eq(tls_context_new_client(&trusting, &context,
				     error),
		    0);
	transport_start_tls_client(&peer->transport, context, peer_tls_name);
	while ((result = transport_handshake(&peer->transport, error)) ==
	       IO_AGAIN)
		wait_for(peer, POLLIN, until, "TLS");
	return result;
}

void
peer_start_tls(struct peer *peer)
{
	static struct tls_error error;

	ck_assert_msg(shake_hands(peer, &error) == IO_OK, "TLS: %s",
	    error.text);
}

void
peer_try_tls(struct peer *peer)
{
	static struct tls_error error;

	peer->ended = shake_hands(peer, &error) != IO_OK;
}

const char *
peer_greet(struct peer *peer)
{
	peer_send(peer, PEER_HEADER);
	return peer_expect(peer, "</stream:features>");
}

void
peer_authenticate(struct peer *peer, struct rig_frame *session_out)
{
	peer_send(peer, PEER_AUTH);
	rig_take(FRAME_CREATE, session_out);
	rig_take(FRAME_AUTH, session_out);
}

void
peer_succeed(struct peer *peer, const struct rig_frame *session)
{
	rig_give(session, FRAME_SUCCESS, RIG_SUCCESS);
	peer_expect(peer, RIG_SUCCESS);
}

void
peer_login_beside(struct peer *peer, struct rig_frame *session_out)
{
	peer_greet(peer);
	peer_send(peer, PEER_AUTH);
	rig_take_past_ends(FRAME_CREATE, session_out);
	rig_take_past_ends(FRAME_AUTH, session_out);
	peer_succeed(peer, session_out);
	peer_greet(peer);
	peer_send(peer,
	    "<iq type='set' id='b1'>"
	    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	rig_take_past_ends(FRAME_IQ_REQUEST, session_out);
	rig_give(session_out, FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"b1\">"
	    "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\">"
	    "<jid>a@example.org/r</jid></bind></iq>");
	peer_expect(peer, "</iq>");
}

void
peer_login(struct peer *peer, struct rig_frame *session_out)
{
	rig_expect_no_frame();
	peer_login_beside(peer, session_out);
}

void
peer_answer_ping(struct peer *peer, const char *type)
{
	char id[64], answer[256];

	HAS(peer_expect(peer, "</iq>"), "<ping xmlns=\"urn:xmpp:ping\"/>");
	HAS(peer->expected, "from=\"example.org\"");
	HAS(peer->expected, "to=\"a@example.org/r\"");
	ck_assert_int_eq(sscanf(strstr(peer->expected, "id=\""),
			     "id=\"%63[^\"]", id),
	    1);
	snprintf(answer, sizeof(answer),
	    "<iq type='%s' id='%s' to='example.org'/>", type, id);
	peer_send(peer, answer);
}
