/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/upstream.h"

#include "common/base/log.h"
#include "common/net/digest.h"
#include "common/net/tcp_counters.h"
#include "common/net/tls.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/xmpp/recognise.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/partitions.h"
#include "worker/upstream/receive/down.h"
#include "worker/upstream/recovery/ghost_sessions.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/recovery/partition_recovery.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/service/outage.h"
#include "worker/upstream/service/pause.h"
#include "worker/upstream/service/stop.h"
#include "worker/upstream/session/forgotten.h"
#include "worker/upstream/session/leaving.h"
#include "worker/upstream/session/session.h"
#include "worker/upstream/session/session_revalidation.h"
#include "worker/upstream/wiring.h"
#include "worker/worker.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES       65536u
#define DOWN_WAITING      4 /* items behind a full down ring */
#define UNKNOWN_SESSION_S 60.0
#define TRIM_S            1.0

/* --- a turn --- */

void
upstream_begin_turn(struct upstream *up)
{
	up->now_s = up->platform->now(up->platform);
}

static void
ring_doorbells(struct upstream *up)
{
	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];

		if (!partition->ring_doorbell)
			continue;
		partition->ring_doorbell = false;
		up->platform->ring(up->platform, i);
	}
}

static bool
work_link(struct link *link)
{
	bool moved = link_bury(link);

	if (link->fd < 0)
		return moved;
	moved |= link_go_on(link);
	link_read_resumed(link);
	if (link->up->blocked)
		link_want_read(link, false);
	if (link->state == LINK_SERVING) {
		moved |= revalidation_write(link);
		pump_send_barrier_if_due(link);
	}
	return pump_link(link) || moved;
}

bool
upstream_work(struct upstream *up)
{
	bool moved;

	down_flush(up);
	moved = collect(up);
	moved |= ghost_sessions_step(up);
	moved |= partition_recovery_step(up);
	isolation_step(up);
	for (unsigned i = 0; i < up->link_count; i++)
		moved |= work_link(&up->links[i]);
	ring_doorbells(up);
	links_remember(up);
	return moved;
}

/* --- ticks --- */

/* What a burst took is not kept for ever. */
static void
trim(struct upstream *up)
{
	if (upstream_now(up) < up->trim_at)
		return;
	up->trim_at = upstream_now(up) + TRIM_S;
	for (uint32_t i = 0; i < up->partition_count; i++)
		if (up->partitions[i].phase == PHASE_SERVING)
			ring_trim(&up->partitions[i].down.ring);
	for (unsigned i = 0; i < LANE_COUNT; i++)
		lane_log_trim(&up->lanes[i].log);
	for (unsigned i = 0; i < up->link_count; i++) {
		ring_trim(&up->links[i].ctl_out.ring);
		journal_trim(up->links[i].journal);
	}
	malloc_trim(0);
}

void
upstream_tick(struct upstream *up)
{
	pause_tick(up);
	for (unsigned i = 0; i < up->link_count; i++) {
		link_tick(&up->links[i]);
		link_publish(&up->links[i]);
	}
	lanes_publish(up);
	down_watch(up);
	partitions_restore(up);
	collect_look_at_all(up);
	links_tick(up);
	links_look_at_certificates(up);
	revalidation_tick(up);
	ghost_sessions_tick(up);
	outage_tick(up);
	forgotten_tick(up);
	leaving_tick(up);
	trim(up);
	stop_tick(up);
}

/* --- the master's orders --- */

void
upstream_take_message(struct upstream *up,
    const struct channel_message *message)
{
	int fd = message->fd;

	if (fd >= 0)
		close(fd);
	if (message->type == CHANNEL_BRIEFED) {
		up->briefed = true;
		outage_briefed(up);
	} else if (message->type == CHANNEL_LINK_HELD) {
		links_take_held(up, message);
	} else if (message->type == CHANNEL_PAUSE) {
		pause_begin(up, message->number);
	} else if (message->type == CHANNEL_RESUME) {
		pause_resume(up);
	}
	if (message->partition >= up->partition_count)
		return;
	if (message->type == CHANNEL_WORKER_JOINED)
		partitions_take(up, message->partition, message->incarnation);
	else if (message->type == CHANNEL_WORKER_GONE)
		partition_recovery_begin(up, message->partition);
}

/* --- set-up --- */

/* NULL where the links have none. */
static int
make_tls(const struct upstream *up, struct tls_context **context_out,
    struct tls_error *error_out)
{
	const struct config_server *server = &up->config->server;
	const struct tls_verify verify = {
		.verify = server->verify,
		.check_chain = server->verify_chain,
		.check_validity = server->verify_validity,
		.accept_selfsigned = server->accept_selfsigned,
		.authorities = server->authorities.bytes,
		.authorities_len = server->authorities.len,
		.system = up->config->machine.authorities,
		.priorities = server->tls_priorities,
	};

	*context_out = NULL;
	if (server->tls == LINK_TLS_NONE)
		return 0;
	return tls_context_new_client(&verify, context_out, error_out);
}

/* The next attempt of each link goes by the new one. A link may be about to
 * begin TLS: what it needs is never taken away. */
void
upstream_take_config(struct upstream *up, struct config *config)
{
	struct tls_context *next;
	struct tls_error error;

	links_configure(up, config);
	if (make_tls(up, &next, &error) != 0)
		log_at(LOG_ERROR, "the old authorities are kept error=\"%s\"",
		    error.text);
	else if (next)
		tls_context_free(&up->tls);
	if (next)
		up->tls = next;
	config_forget(up->heritage->config); /* that secret is an old one */
}

static void
set_up_rings(struct upstream *up)
{
	struct region *region = up->region;

	up->partitions = xcalloc(up->partition_count, sizeof(*up->partitions));
	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];

		ring_writer_init(&partition->down, PIECE_BYTES,
		    DOWN_WAITING * up->config->server.item_bytes);
		partition->down.number = i;
		region_down_ring(region, i, &partition->down.ring);
		for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
			region_up_ring(region, i, lane,
			    &partition->rings[lane].ring);
			partition->rings[lane].broken = true;
		}
	}
}

/* Whether the master is to hold duplicates of what links have. */
static bool
may_give_sockets(const struct upstream *up)
{
	/* A predecessor that gave some has tried: no time for it now. */
	if (links_inherited(up) || tcp_counters_work())
		return true;
	log_at(LOG_WARNING,
	    "this kernel does not count what passes over TCP; links end"
	    " with their process");
	return false;
}

static void
prepare_links(struct upstream *up)
{
	up->link_count = up->config->server.link_count;
	link_set_init(&up->set, up->link_count);
	for (unsigned i = 0; i < up->link_count; i++)
		link_prepare(&up->links[i], up, i);
	up->gives_sockets = may_give_sockets(up);
}

void
upstream_prepare(struct upstream *up, struct heritage *heritage,
    struct platform *platform)
{
	struct tls_error error;

	up->platform = platform;
	wiring_connect(up);
	upstream_begin_turn(up);
	up->heritage = heritage;
	up->config = heritage->config;
	up->region = heritage->region;
	up->partition_count = heritage->partition_count;
	domains_init(&up->domains, up->config);
	up->names.domain = up->config->server.domain;
	up->names.manager = up->config->server.manager_name;
	up->directory = directory_new(up->region, heritage->ledger,
	    up->names.manager, digest_random);
	up->next_id = (uint64_t)heritage->incarnation << 32;
	unknown_sessions_init(&up->unknown_sessions, UNKNOWN_SESSION_S);
	up->recogniser = recogniser_new();
	buf_init(&up->scratch, 0);
	buf_init(&up->chain, 0);
	if (make_tls(up, &up->tls, &error) != 0)
		worker_refuse_config(error.text);
	set_up_rings(up);
	prepare_links(up);
}

void
upstream_begin(struct upstream *up)
{
	links_drop_inherited(up);
}

void
upstream_tear_down(struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		link_destroy(&up->links[i]);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		free(up->revalidations[lane].slots);
	for (uint32_t i = 0; i < up->partition_count; i++)
		ring_writer_clear(&up->partitions[i].down);
	isolation_destroy(up);
	forgotten_clear(up);
	leaving_clear(up);
	free(up->partitions);
	free(up->ghosts);
	ghost_sessions_end(up);
	domains_free(&up->domains);
	directory_free(&up->directory);
	tls_context_free(&up->tls);
	recogniser_free(&up->recogniser);
	buf_destroy(&up->scratch);
	buf_destroy(&up->chain);
}
