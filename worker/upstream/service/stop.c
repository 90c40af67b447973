/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/service/stop.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/senders.h"
#include "worker/upstream/session/session_revalidation.h"

void
stop_begin(void *context)
{
	struct upstream *up = context;

	if (up->stopping)
		return;
	up->stopping = true;
	up->stop_at = upstream_now(up) + up->config->server.stop_timeout_s;
}

bool
stop_all_is_sent(const struct upstream *up)
{
	if (!lanes_are_drained(up) || revalidation_is_any_active(up))
		return false;
	for (uint32_t i = 0; i < up->partition_count; i++)
		if (up->partitions[i].phase == PHASE_RECOVERING ||
		    (up->partitions[i].phase == PHASE_SERVING &&
			!collect_is_done(up, i)))
			return false;
	return true;
}

static bool
has_links(const struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].fd >= 0)
			return true;
	return false;
}

/* Nobody is left who could be notified. */
static void
count_unconfirmed(struct upstream *up)
{
	unsigned count = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		count += senders_count_lost(up, lane);
	if (count)
		log_at(LOG_WARNING,
		    "messages and requests of clients were not confirmed by the"
		    " server count=%u",
		    count);
}

/* Everything is sent and confirmed, then the streams end, then we do. */
void
stop_tick(struct upstream *up)
{
	bool late = upstream_now(up) > up->stop_at;

	if (!up->stopping)
		return;
	if (!up->ending && (late || !up->set.joined || stop_all_is_sent(up))) {
		if (late)
			log_at(LOG_WARNING,
			    "not everything could be confirmed in time");
		up->ending = true;
		for (unsigned i = 0; i < up->link_count; i++)
			link_end(&up->links[i]);
	}
	if (up->ending && !has_links(up)) {
		count_unconfirmed(up);
		up->platform->end(up->platform);
	}
}
