/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_leave - links that go while they work: at the server's wish, or because
 * a new configuration wants fewer, or another secret. Their lanes leave in
 * order first (link_set.h); one whose secret is old leaves only when all others
 * serve, and the next not before it is back.
 */
#include "worker/upstream/link/link.h"

#include "common/process/config.h"

#include <string.h>

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
	up->link_events->on_leaving(up);
	return true;
}

/* --- how many --- */

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
	for (; up->link_count < links_wanted(up); up->link_count++) {
		link_init(&up->links[up->link_count], up, up->link_count);
		link_forget(&up->links[up->link_count]);
	}
}

/* --- another secret --- */

/* True when every link that is wanted works and keeps its lanes. */
static bool
all_rest(const struct upstream *up)
{
	for (unsigned i = 0; i < links_wanted(up); i++)
		if (up->links[i].state != LINK_SERVING || up->links[i].lost ||
		    up->links[i].leaving || up->links[i].input_ended)
			return false;
	return up->set.leaving == 0;
}

static void
renew_one(struct upstream *up)
{
	for (unsigned i = 0; i < links_wanted(up); i++)
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
		if (renew && up->links[i].state >= LINK_PROVING) {
			up->links[i].stale = true;
			link_remember_secret(&up->links[i]);
		}
		link_set_patience(&up->links[i]);
	}
	make_missing(up);
	link_set_resize(&up->set, config->server.link_count);
	up->link_events->on_leaving(up);
}

void
links_tick(struct upstream *up)
{
	if (up->stopping || upstream_has_former_links(up))
		return;
	up->renewing = any_is_stale(up);
	make_missing(up);
	for (unsigned i = links_wanted(up); i < up->link_count; i++)
		end_unwanted(&up->links[i]);
	if (up->renewing && all_rest(up))
		renew_one(up);
}
