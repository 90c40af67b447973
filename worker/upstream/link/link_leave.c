/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_leave - links that go while they work: at the server's wish, or because
 * a new configuration wants fewer, or another secret. Their lanes leave in
 * order first (link_set.h); one whose secret is old leaves only when all others
 * serve, and the next not before it is back.
 */
#include "worker/upstream/link/link.h"

#include "common/process/config.h"
#include "worker/upstream/send/pump.h"

#include <string.h>

#define RETIRING_S 5.0 /* for the lanes to leave */

void
link_retire(struct link *link)
{
	struct link_set *set = &link->up->set;

	if (link->state == LINK_ENDING) {
		link_fail(link, LOG_NOTICE, "ended in order");
	} else if (link->state != LINK_SERVING ||
		   !link_set_retire(set, link->number)) {
		link_fail(link, LOG_NOTICE, "the server ended the stream");
	} else {
		log_at(LOG_NOTICE, "link leaves link=%u", link->number);
		link->deadline = upstream_now(link->up) + RETIRING_S;
		pump_settle_lanes(link->up);
	}
}

/* False while there is no other to take its lanes. */
static bool
leave(struct link *link, const char *why)
{
	struct upstream *up = link->up;

	if (!link_set_retire(&up->set, link->number))
		return false;
	link->leaving = true;
	log_at(LOG_NOTICE, "link leaves link=%u reason=\"%s\"", link->number,
	    why);
	pump_settle_lanes(up);
	return true;
}

/* --- how many --- */

/* The only one is renewed behind the back of a second. */
static unsigned
wanted(const struct upstream *up)
{
	unsigned count = up->config->server.link_count;

	return count == 1 && up->renewing ? 2 : count;
}

bool
link_is_wanted(const struct link *link)
{
	return link->number < wanted(link->up);
}

static void
end_unwanted(struct link *link)
{
	if (link->lost || link->leaving || link->state == LINK_WAITING ||
	    link->state == LINK_ENDING)
		return;
	if (link->state == LINK_SERVING) {
		(void)leave(link, "fewer are wanted"); /* or later */
		return;
	}
	link->leaving = true;
	link_fail(link, LOG_DEBUG, "not wanted any more");
}

static void
make_missing(struct upstream *up)
{
	for (; up->link_count < wanted(up); up->link_count++) {
		link_init(&up->links[up->link_count], up, up->link_count);
		link_forget(&up->links[up->link_count]);
	}
}

/* --- another secret --- */

/* True when every link that is wanted works and keeps its lanes. */
static bool
all_rest(const struct upstream *up)
{
	for (unsigned i = 0; i < wanted(up); i++)
		if (up->links[i].state != LINK_SERVING || up->links[i].lost ||
		    up->links[i].leaving || up->links[i].input_ended)
			return false;
	return up->set.leaving == 0;
}

static void
renew_one(struct upstream *up)
{
	for (unsigned i = 0; i < wanted(up); i++)
		if (up->links[i].stale) {
			(void)leave(&up->links[i], "the secret is new");
			return;
		}
}

static bool
any_is_stale(const struct upstream *up)
{
	for (unsigned i = 0; i < up->config->server.link_count; i++)
		if (up->links[i].stale)
			return true;
	return false;
}

/* --- both --- */

void
links_configure(struct upstream *up, const struct config *config)
{
	const char *old = up->config->server.password;
	bool renew = strcmp(old, config->server.password) != 0;

	up->config = config;
	hints_distrust_port(&up->hints);
	for (unsigned i = 0; i < up->link_count; i++) {
		if (renew && up->links[i].state >= LINK_PROVING)
			up->links[i].stale = true;
		link_set_patience(&up->links[i]);
	}
	make_missing(up);
	link_set_resize(&up->set, config->server.link_count);
	pump_settle_lanes(up);
}

void
links_tick(struct upstream *up)
{
	if (up->stopping || up->former_name)
		return;
	up->renewing = any_is_stale(up);
	make_missing(up);
	for (unsigned i = wanted(up); i < up->link_count; i++)
		end_unwanted(&up->links[i]);
	if (up->renewing && all_rest(up))
		renew_one(up);
}
