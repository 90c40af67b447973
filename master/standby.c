/* SPDX-License-Identifier: Apache-2.0 */
#include "master/standby.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "master/child.h"
#include "master/messages.h"
#include "master/worker_pool.h"

#include <math.h>

/* After upstream has begun to serve: its own work comes first. */
#define DELAY_S 0.1
#define STOP_S  10.0
/* From its order to its READY: nobody watches its heart while it stands by, so
 * one that has frozen meanwhile shows only now. */
#define TAKE_S 3.0

void
standby_tend(struct children *children, double now)
{
	if (children->setup.mains.standby &&
	    children->upstream.policy.state == CHILD_SERVING &&
	    children->standby.policy.state == CHILD_UNUSED)
		child_policy_init(&children->standby.policy, now + DELAY_S);
}

void
standby_renew(struct children *children, double now)
{
	const struct channel_message stop = { .type = CHANNEL_STOP, .fd = -1 };

	child_policy_stop(&children->standby.policy, now, STOP_S);
	child_send(&children->standby, &stop);
}

/* Those that are held: their successor goes on with them. */
static void
leave_links(struct children *children)
{
	for (unsigned i = 0; i < ARRAY_LEN(children->links.held); i++) {
		const struct heritage_link *held = &children->links.held[i];
		const struct channel_message left = {
			.type = CHANNEL_LINK_LEFT,
			.link = i,
			.attempt = held->attempt,
			.cookie = held->cookie,
			.fd = held->fd,
		};

		if (held->fd >= 0)
			child_send(&children->upstream, &left);
	}
}

bool
standby_takes_place(struct child *child, double now)
{
	const struct channel_message take = { .type = CHANNEL_TAKE_PLACE,
		.fd = -1 };
	struct children *children = child->all;
	struct child *standby = &children->standby;

	if (child != &children->upstream)
		return false;
	if (standby->policy.state != CHILD_SERVING ||
	    child_policy_due(&standby->policy) < HUGE_VAL) {
		/* Not ready, or cut off; and what is forked now is younger. */
		standby_renew(children, now);
		return false;
	}
	child_become(child, standby);
	child_policy_init_unused(&standby->policy);
	leave_links(children);
	child_send(child, &take);
	messages_listen(child);
	worker_pool_brief_upstream(children);
	child_policy_spawned(&child->policy, now,
	    MIN(TAKE_S, children->resources->config->ready_timeout_s));
	log_at(LOG_INFO, "started process=%s pid=%d, which stood by",
	    child_name(child), (int)child->pid);
	return true;
}
