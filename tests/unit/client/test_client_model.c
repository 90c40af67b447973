/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that say anything, and a server that answers with anything, at any
 * time: the worker goes on, and in the end each session that was created has
 * been closed, once, and each client is gone.
 *
 * CM_SEED=n plays one round again.
 */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/client/peer.h"

#include <stdio.h>
#include <stdlib.h>

#define PEERS    12u
#define STEPS    4000u
#define SESSIONS 4096u
#define SASL     "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"

/* The first of each are said most, for the others end nearly every stream. */
#define GENTLE_WORDS 10u
static const char *const words[] = {
	PEER_AUTH,
	"<response " SASL ">Yg==</response>",
	"<abort " SASL "/>",
	STARTTLS,
	"<iq type='set' id='a'><query xmlns='jabber:iq:auth'/></iq>",
	"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
	"</iq>",
	"<message to='b@example.org'><body>x</body></message>",
	"<presence/>",
	"<enable xmlns='urn:xmpp:sm:3'/>",
	" ",
	PEER_HEADER,
	"<iq type='result' id='cm-ping-1'/>",
	"<presence",
	"/>",
	"</stream:stream>",
	"\xFF",
};

#define GENTLE_FRAMES 10u
static const struct {
	enum frame_kind kind;
	const char *text;
} frames[] = {
	{ FRAME_SUCCESS, RIG_SUCCESS },
	{ FRAME_FAILURE, "<failure " SASL "><not-authorized/></failure>" },
	{ FRAME_CHALLENGE, "<challenge " SASL "/>" },
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>" },
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"></iq>" },
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"b\"><bind "
			   "xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\">"
			   "<jid>a@example.org/r</jid></bind></iq>" },
	{ FRAME_IQ_ANSWER, "<iq type=\"error\" id=\"a\"/>" },
	{ FRAME_IQ_REQUEST, "<iq type=\"get\" id=\"s\"><q xmlns=\"q\"/></iq>" },
	{ FRAME_MESSAGE, "<message><body>y</body></message>" },
	{ FRAME_PRESENCE, "<presence/>" },
	{ FRAME_OTHER, "<other/>" },
	{ FRAME_IQ_ANSWER, "" },
	{ FRAME_BOUNCE, "<iq type=\"error\" id=\"c\"/>" },
	{ FRAME_STREAM_ERROR, "<stream:error/>" },
	{ FRAME_SERVER_CLOSE, "" },
	{ FRAME_NOT_FOUND, "" },
	{ FRAME_REFUSED, "" },
};

/* Nothing in the way; little room upward; little for the clients. */
static const char *const worlds[] = {
	"",
	"<rings><up>65536</up></rings><xmpp><parser><buffer><size>10240</size>"
	"</buffer></parser></xmpp>",
	"<xmpp><client><output><preauth>16384</preauth></output>"
	"<parsers>2</parsers></client></xmpp>",
};

static struct peer peers[PEERS];
static struct rig_frame sessions[SESSIONS];
static bool over[SESSIONS];
static unsigned session_count;

static unsigned
any(size_t count)
{
	return (unsigned)random() % (unsigned)count;
}

static unsigned
any_gentle(size_t gentle, size_t count)
{
	return any(any(12) ? gentle : count);
}

/* --- what comes up --- */

static struct rig_frame *
find(const struct rig_frame *frame)
{
	unsigned i;

	for (i = 0; i < session_count; i++)
		if (sessions[i].slot == frame->slot &&
		    sessions[i].generation == frame->generation)
			return &sessions[i];
	return NULL;
}

static void
take_frame(void)
{
	struct rig_frame frame, *session;

	rig_take_any(&frame);
	session = find(&frame);
	if (frame.kind == FRAME_CREATE) {
		ck_assert_msg(!session, "a session is created twice");
		ck_assert_uint_lt(session_count, SESSIONS);
		sessions[session_count++] = frame;
		return;
	}
	if (frame.kind == FRAME_RELEASE) {
		ck_assert_msg(!session, "who was created is only released");
		return;
	}
	ck_assert_msg(session != NULL, "%s of nobody",
	    frame_kind_name((enum frame_kind)frame.kind));
	ck_assert_msg(!over[session - sessions], "%s after the close",
	    frame_kind_name((enum frame_kind)frame.kind));
	over[session - sessions] |= frame.kind == FRAME_CLOSE;
}

static void
take_frames(void)
{
	while (rig_has_frame())
		take_frame();
}

/* --- steps --- */

static void
speak(struct peer *peer)
{
	const char *text = words[any_gentle(GENTLE_WORDS, ARRAY_LEN(words))];
	size_t len = strlen(text);

	/* In one piece or cut off, for the rest never to come. */
	(void)peer_try_send(peer, text, any(32) ? len : any(len + 1));
}

/* Says a whole log-in in one segment, up to somewhere. */
static void
speak_in_order(struct peer *peer)
{
	unsigned i, count = 1 + any(4);

	(void)peer_try_send(peer, PEER_HEADER, strlen(PEER_HEADER));
	for (i = 0; i < count; i++)
		speak(peer);
}

static void
begin_tls_if_told(struct peer *peer)
{
	if (!peer->transport.tls && !peer->ended &&
	    strstr(peer_seen(peer), PROCEED))
		peer_try_tls(peer);
}

static void
come_anew(struct peer *peer)
{
	if (any(2))
		peer_reset(peer);
	else
		peer_close(peer);
	peer_connect(peer, any(4) == 0);
	speak_in_order(peer);
}

static void
answer(void)
{
	unsigned i = any_gentle(GENTLE_FRAMES, ARRAY_LEN(frames));
	unsigned newest = MIN(session_count, PEERS / 2);

	if (newest > 0)
		rig_give(&sessions[session_count - 1 - any(newest)],
		    frames[i].kind, frames[i].text);
}

/* The links are lost for a moment; seldom for good. */
static void
show_phase(void)
{
	static const enum server_phase phases[] = { SERVER_SERVING,
		SERVER_HOLDING, SERVER_SERVING, SERVER_GONE };
	unsigned i = any(any(8) ? 3 : ARRAY_LEN(phases));

	rig_server.phase = (uint8_t)phases[i];
	rig_server.disconnect_epoch += phases[i] == SERVER_GONE;
	rig_publish();
}

static void
step(void)
{
	struct peer *peer = &peers[any(PEERS)];

	if (any(4) == 0)
		take_frames();
	if (any(128) == 0)
		show_phase();
	switch (any(16)) {
	case 0:
		come_anew(peer);
		break;
	case 1:
		begin_tls_if_told(peer);
		break;
	case 2:
		rig_turn();
		break;
	case 3:
		(void)peer_try_send(peer, PEER_HEADER, strlen(PEER_HEADER));
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		answer();
		break;
	default:
		speak(peer);
	}
	if (peer->ended)
		come_anew(peer);
	else
		(void)peer_seen(peer);
}

/* --- the end --- */

static unsigned
open_sessions(void)
{
	unsigned i, count = 0;

	for (i = 0; i < session_count; i++)
		count += !over[i];
	return count;
}

START_TEST(whatever_is_said_each_session_is_closed)
{
	unsigned i;

	(void)seed_random("test_client_model");
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	rig_start(worlds[_i]);
	for (i = 0; i < PEERS; i++)
		peer_connect(&peers[i], any(4) == 0);
	for (i = 0; i < STEPS; i++)
		step();
	rig_server.phase = SERVER_SERVING;
	rig_publish();
	for (i = 0; i < PEERS; i++)
		peer_close(&peers[i]);
	while (open_sessions() > 0 || rig_count(STAT_CLIENTS_OPEN) > 0) {
		take_frames();
		rig_turn(); /* ctest bounds it */
	}
	ck_assert_uint_gt(session_count, 0);
	rig_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client model");
	TCase *tcase = tcase_create("model");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, whatever_is_said_each_session_is_closed, 0,
	    (int)ARRAY_LEN(worlds));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
