/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/wiring.h"

#include "worker/upstream/link/link.h"
#include "worker/upstream/receive/dispatch.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/service/outage.h"
#include "worker/upstream/session/leaving.h"
#include "worker/upstream/session/senders.h"
#include "worker/upstream/session/session.h"
#include "worker/upstream/session/session_revalidation.h"

/* --- links --- */

static void
on_joined(struct link *link)
{
	struct upstream *up = link->up;

	pump_settle_lanes(up);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		lane_wake(up, lane);
	outage_link_joined(up);
}

/* What it carried is judged before anybody is queried anew. */
static void
on_died(struct link *link, struct transport_end end)
{
	isolation_link_died(link, end.transmitted);
	unconfirmed_link_died(link, end.reachable);
	revalidation_link_lost(link);
}

static const struct link_events link_events = {
	.on_item = dispatch_item,
	.on_joined = on_joined,
	.on_leaving = pump_settle_lanes,
	.on_died = on_died,
	.on_lost = outage_link_lost,
	.on_ended = outage_link_ended,
};

/* --- lanes --- */

static const struct lane_events lane_events = {
	.on_ended = session_ended,
	.on_left = leaving_confirmed,
	.on_returned = senders_bounce,
	.on_auth_unconfirmed = session_fail_auth,
	.on_create_unconfirmed = revalidation_add,
	.on_given_up = session_given_up,
};

void
wiring_connect(struct upstream *up)
{
	up->link_events = &link_events;
	up->lane_events = &lane_events;
}
