/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/drain.h"

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/process/config.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/goodbye.h"
#include "worker/client/listener.h"
#include "worker/client/state.h"

void
drain_begin(struct client_worker *worker, uint32_t window_s)
{
	if (worker->stopping)
		return;
	worker->draining = true;
	worker->drain_until_s = window_s > 0 ? now_s() + window_s : 0;
	log_at(LOG_NOTICE, "draining clients=%llu window_s=%u",
	    (unsigned long long)worker->open, window_s);
	goodbye_end_all(worker);
}

void
drain_end(struct client_worker *worker)
{
	worker->draining = false;
	worker->drain_until_s = 0;
}

/* As many a second as it takes to be done in time. */
void
drain_tick(struct client_worker *worker)
{
	enum close_reason reason =
	    worker->config->drain_host ? CLOSE_SEE_OTHER_HOST : CLOSE_DRAINED;
	uint32_t now = now_s(), left = 1;
	uint64_t count;

	if (worker->drain_until_s == 0)
		return;
	if (worker->drain_until_s > now)
		left = worker->drain_until_s - now;
	count = (worker->open + left - 1) / left;
	list_each(item, &worker->clients)
	{
		struct client *client = container_of(item, struct client, all);

		if (client->state == CLIENT_CLOSING)
			continue;
		if (count-- == 0)
			break;
		client_close(client, reason);
	}
}

/* A socket that nobody else accepts from is held until its close. */
bool
drain_is_over(struct client_worker *worker)
{
	return worker->draining && list_is_empty(&worker->clients) &&
	       !listeners_any(worker);
}
