/* SPDX-License-Identifier: Apache-2.0 */
#include "master/estate.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/config_region.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "master/inherited.h"
#include "master/leftovers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* Another name or size: what is left there is finished first. */
static int
settle_ledger(struct estate *estate, const char *name, uint32_t rows)
{
	uint32_t live;

	if (ledger_matches(estate->ledger, name, rows))
		return 0;
	live = ledger_live_count(estate->ledger);
	if (live == 0)
		return ledger_restart(estate->ledger, name, rows);
	log_at(LOG_WARNING,
	    "the ledger is of another name or size and has open sessions;"
	    " they are closed first name=%s sessions=%u",
	    ledger_name(estate->ledger), live);
	return 0;
}

static int
open_ledger(struct estate *estate, uint32_t rows)
{
	const struct config *config = estate->config;
	const char *directory = config->state_directory;
	const char *name = config->server.manager_name;
	int error;

	if (!directory || strcmp(directory, "none") == 0) {
		estate->ledger = ledger_new_volatile(name, rows);
		return 0;
	}
	error = ledger_open(directory, name, rows, &estate->ledger);
	if (!error) {
		leftovers_end(estate->ledger, config->user,
		    2 * config->server.stop_timeout_s + 5);
		error = settle_ledger(estate, name, rows);
	}
	if (error == -EBADMSG)
		log_at(LOG_ERROR,
		    "the ledger is damaged file=%s/ledger hint=\"move it away;"
		    " sessions it remembers stay open on the server\"",
		    directory);
	else if (error && error != -EBUSY)
		log_at(LOG_ERROR,
		    "cannot use state.directory path=%s error=\"%s\"",
		    directory, strerror(-error));
	return error;
}

static int
open_bells(struct estate *estate)
{
	uint32_t i;

	estate->worker_bells =
	    xcalloc(estate->index_count, sizeof(*estate->worker_bells));
	for (i = 0; i < estate->index_count; i++)
		estate->worker_bells[i] = -1;
	estate->upstream_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (estate->upstream_bell < 0)
		return -errno;
	for (i = 0; i < estate->index_count; i++) {
		estate->worker_bells[i] =
		    eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (estate->worker_bells[i] < 0)
			return -errno;
	}
	return 0;
}

static int
open_region(struct estate *estate, const struct region_geometry *geometry)
{
	int error = region_create(geometry, &estate->region);

	if (!error)
		error = open_bells(estate);
	if (error)
		log_at(LOG_ERROR, "cannot make the shared region error=\"%s\"",
		    strerror(-error));
	return error;
}

static void
take_inherited(struct estate *estate, const struct inherited *inherited)
{
	unsigned i;

	for (i = 0; inherited && i < inherited->count; i++)
		(void)listeners_give(&estate->listeners,
		    &estate->config->client, inherited->sockets[i].fd,
		    inherited->sockets[i].name);
}

static int
open_listeners(struct estate *estate)
{
	char why[LISTENERS_WHY_MAX];
	int error = listeners_want(&estate->listeners, &estate->config->client,
	    estate->config->worker_count, why);

	if (error)
		log_at(LOG_ERROR, "%s", why);
	return error;
}

int
estate_open(struct estate *estate, const struct config *config,
    const struct inherited *inherited)
{
	struct region_geometry geometry;
	int error;

	*estate = (struct estate){ .config = config, .upstream_bell = -1 };
	config_region_geometry(config, &geometry);
	estate->index_count = geometry.index_count;
	take_inherited(estate, inherited);
	error = open_ledger(estate,
	    geometry.index_count * geometry.slots_per_index);
	if (!error)
		error = open_listeners(estate);
	if (!error)
		error = open_region(estate, &geometry);
	if (error)
		estate_close(estate);
	return error;
}

void
estate_close(struct estate *estate)
{
	uint32_t i;

	listeners_close(&estate->listeners);
	for (i = 0; estate->worker_bells && i < estate->index_count; i++)
		fd_close(&estate->worker_bells[i]);
	free(estate->worker_bells);
	fd_close(&estate->upstream_bell);
	region_free(&estate->region);
	ledger_free(&estate->ledger);
	*estate = (struct estate){ .upstream_bell = -1 };
}
