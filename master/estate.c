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

/* The directory's ledger, once nobody of a former life uses it any more. */
static int
take_ledger(struct estate *estate, const struct region_geometry *geometry)
{
	const struct config *config = estate->config;
	int error = ledger_open(config->state_directory, &estate->ledger);

	if (error)
		return error;
	leftovers_end(estate->ledger, config->user,
	    2 * config->server.stop_timeout_s + 5);
	return ledger_settle(estate->ledger, config->server.manager_name,
	    geometry->index_count, geometry->slots_per_index);
}

static int
open_ledger(struct estate *estate, const struct region_geometry *geometry)
{
	const char *directory = estate->config->state_directory;
	bool is_volatile = !directory || strcmp(directory, "none") == 0;
	int error;

	if (is_volatile)
		error = ledger_new_volatile(estate->config->server.manager_name,
		    geometry->index_count, geometry->slots_per_index,
		    &estate->ledger);
	else
		error = take_ledger(estate, geometry);
	if (error && error != -EBUSY)
		log_at(LOG_ERROR,
		    "cannot use state.directory path=%s error=\"%s\"",
		    is_volatile ? "none" : directory, strerror(-error));
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
	error = open_ledger(estate, &geometry);
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
