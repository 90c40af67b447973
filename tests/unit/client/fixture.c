/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/client/fixture.h"

struct peer peer, other;
struct rig_frame session, frame;

void
begin(const char *options)
{
	rig_start(options);
	peer_connect(&peer, false);
}

void
begin_plain(void)
{
	begin("");
}

void
begin_logged_in(const char *options)
{
	begin(options);
	peer_login(&peer, &session);
}

void
finish(void)
{
	peer_close(&peer);
	rig_end();
}

/* --- what upstream shows of the server --- */

void
set_phase(enum server_phase phase)
{
	rig_server.phase = (uint8_t)phase;
	rig_publish();
}

void
set_tls(enum server_tls_policy policy)
{
	rig_server.offers[0].tls_policy = (uint8_t)policy;
	rig_publish();
}

void
lose_server(void)
{
	rig_server.disconnect_epoch++;
	set_phase(SERVER_GONE);
}

void
expect_refused(void)
{
	peer_connect(&other, false);
	peer_send(&other, PEER_HEADER);
	peer_expect_refusal(&other, "remote-connection-failed");
	peer_close(&other);
}

/* --- what upstream and the master send about `session` --- */

static void
send_order(enum channel_type type, uint32_t number)
{
	struct channel_message message = { .type = type,
		.number = number,
		.slot = session.slot,
		.generation = session.generation,
		.fd = -1 };

	rig_send(&message);
}

void
forget_session(void)
{
	rig_give(&session, FRAME_NOT_FOUND, "");
}

void
kill_session_for(uint32_t number)
{
	send_order(CHANNEL_KILL, number);
}

void
stop_worker(void)
{
	send_order(CHANNEL_STOP, 0);
}

void
drain_worker_within(uint32_t window_s)
{
	send_order(CHANNEL_DRAIN, window_s);
}
