/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/leave.h"

#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/state.h"
#include "worker/client/uplink.h"

#include <math.h>

#define LEAVE_S 5.0

enum leave { LEAVE_NOT, LEAVE_SENT, LEAVE_OVER };

/* The server has ended the session itself, or never begun it. */
static bool
is_servers_end(enum close_reason reason)
{
	return reason == CLOSE_SERVER_CLOSED || reason == CLOSE_SERVER_ERROR ||
	       reason == CLOSE_NOT_FOUND || reason == CLOSE_REFUSED;
}

/* Nobody there will say anything. */
static bool
is_in_vain(const struct client_worker *worker)
{
	return worker->damaged || worker->server.phase == SERVER_GONE ||
	       worker->server.phase == SERVER_UNKNOWN;
}

void
leave_begin(struct client *client, bool was_authenticated)
{
	struct client_worker *worker = worker_of(client);

	client->leave = LEAVE_NOT;
	if (!was_authenticated || is_in_vain(worker) ||
	    is_servers_end((enum close_reason)client->reason) ||
	    !uplink_leave(client))
		return;
	client->leave = LEAVE_SENT;
}

bool
leave_note(struct client *client, uint8_t kind)
{
	if (client->leave != LEAVE_SENT ||
	    (kind != FRAME_LEFT && kind != FRAME_SERVER_CLOSE &&
		kind != FRAME_STREAM_ERROR && kind != FRAME_NOT_FOUND))
		return false;
	client->leave = LEAVE_OVER;
	return true;
}

uint32_t
leave_due_s(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double limit = LEAVE_S;

	if (client->leave != LEAVE_SENT)
		return UINT32_MAX;
	/* The other half is for what upstream has to take. */
	if (worker->stopping)
		limit = MIN(limit, worker->config->server.stop_timeout_s / 2);
	return client->since_s + (uint32_t)ceil(limit);
}

bool
leave_is_over(struct client *client)
{
	if (client->leave != LEAVE_SENT)
		return true;
	if (!is_in_vain(worker_of(client)) && now_s() < leave_due_s(client))
		return false;
	client->leave = LEAVE_OVER;
	stats_add(STAT_LEAVES_CUT_SHORT, 1);
	return true;
}
