/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/stop.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "worker/dropped.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/session_revalidation.h"
#include "worker/upstream/unconfirmed.h"

void
stop_begin(void *context)
{
	struct upstream *up = context;

	if (up->stopping)
		return;
	up->stopping = true;
	up->stop_at = upstream_now(up) + up->config->server.stop_timeout_s;
}

static bool
all_is_sent(const struct upstream *up)
{
	if (!pump_is_drained(up, -1) || revalidation_is_any_active(up))
		return false;
	for (uint32_t i = 0; i < up->partition_count; i++)
		if (up->partitions[i].phase == PHASE_RECOVERING ||
		    (up->partitions[i].phase == PHASE_SERVING &&
			!pump_is_drained(up, (int)i)))
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

/* What found no room to go back in. */
static void
note_waiting(void *context, const struct frame_id *id, const uint8_t *bytes,
    size_t len)
{
	(void)context;
	(void)bytes;
	(void)len;
	if (id->kind == FRAME_FAILED || id->kind == FRAME_IQ_ANSWER)
		dropped_note(STAT_UNCONFIRMED_SKIPPED, id->kind, "-", NULL);
}

/* Nobody is left who could be notified. */
static void
count_unconfirmed(struct upstream *up)
{
	unsigned count = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		for (uint32_t i = 0; i < up->partition_count; i++)
			count += unconfirmed_count_lost(up,
			    &up->partitions[i].rings[lane]);
		count += unconfirmed_count_lost(up, &up->own[lane]);
		ring_writer_drain(&up->own_out[lane], note_waiting, NULL);
	}
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
	if (!up->ending && (late || !up->set.joined || all_is_sent(up))) {
		if (late)
			log_at(LOG_WARNING,
			    "not everything could be confirmed in time");
		up->ending = true;
		for (unsigned i = 0; i < up->link_count; i++)
			link_end(&up->links[i]);
	}
	if (up->ending && !has_links(up)) {
		count_unconfirmed(up);
		ev_break(up->loop, EVBREAK_ALL);
	}
}
