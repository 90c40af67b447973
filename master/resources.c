/* SPDX-License-Identifier: Apache-2.0 */
#include "master/resources.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/machine.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "master/http_socket.h"
#include "master/orphans.h"
#include "master/service_manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* Descriptors of a worker beside its clients' sockets. */
#define SPARE_DESCRIPTORS 128u

static void
raise_limit(const struct config *config)
{
	uint64_t limit = fd_raise_limit();
	uint64_t wanted =
	    (uint64_t)config->sessions_per_worker + SPARE_DESCRIPTORS;

	log_at(limit < wanted ? LOG_WARNING : LOG_INFO,
	    "descriptors limit=%llu sessions_per_worker=%u%s",
	    (unsigned long long)limit, config->sessions_per_worker,
	    limit < wanted ? " hint=\"raise the limit of open files\"" : "");
}

/* listen() takes too large a number without a word. */
static void
log_backlog(const struct config *config)
{
	int wanted = config->client.backlog, limit = machine_backlog_limit();

	log_at(wanted > limit ? LOG_WARNING : LOG_INFO,
	    "listen queue wanted=%d"
	    " net.core.somaxconn=%d%s",
	    wanted, limit,
	    wanted > limit ? " hint=\"raise net.core.somaxconn\"" : "");
}

/* The directory's ledger, once no orphan process uses it any more. */
static int
take_ledger(struct resources *resources, const struct region_geometry *geometry)
{
	const struct config *config = resources->config;
	int error = ledger_open(config->state_directory, &resources->ledger);

	if (error)
		return error;
	orphans_end(resources->ledger, config->user,
	    2 * config->server.stop_timeout_s + 5);
	return ledger_settle(resources->ledger, config->server.manager_name,
	    geometry->partition_count, geometry->slots_per_partition);
}

static int
open_ledger(struct resources *resources, const struct region_geometry *geometry)
{
	const char *directory = resources->config->state_directory;
	bool is_volatile = !directory || strcmp(directory, "none") == 0;
	int error;

	if (is_volatile)
		error =
		    ledger_new_volatile(resources->config->server.manager_name,
			geometry->partition_count,
			geometry->slots_per_partition, &resources->ledger);
	else
		error = take_ledger(resources, geometry);
	if (error && error != -EBUSY)
		log_at(LOG_ERROR,
		    "cannot use state.directory path=%s error=\"%s\"",
		    is_volatile ? "none" : directory, strerror(-error));
	return error;
}

static int
open_doorbells(struct resources *resources)
{
	uint32_t i;

	resources->worker_doorbells = xcalloc(resources->partition_count,
	    sizeof(*resources->worker_doorbells));
	for (i = 0; i < resources->partition_count; i++)
		resources->worker_doorbells[i] = -1;
	resources->upstream_doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resources->upstream_doorbell < 0)
		return -errno;
	for (i = 0; i < resources->partition_count; i++) {
		resources->worker_doorbells[i] =
		    eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (resources->worker_doorbells[i] < 0)
			return -errno;
	}
	return 0;
}

static int
open_region(struct resources *resources, const struct region_geometry *geometry)
{
	int error = region_create(geometry, &resources->region);

	if (!error)
		error = open_doorbells(resources);
	if (error)
		log_at(LOG_ERROR, "cannot make the shared region error=\"%s\"",
		    strerror(-error));
	return error;
}

static void
take_inherited(struct resources *resources,
    const struct service_sockets *inherited)
{
	unsigned i;

	for (i = 0; inherited && i < inherited->count; i++)
		(void)listeners_give(&resources->listeners,
		    &resources->config->client, inherited->sockets[i].fd,
		    inherited->sockets[i].name);
}

static int
open_listeners(struct resources *resources)
{
	char why[LISTENERS_WHY_MAX]; /* is in the log */

	return listeners_want(&resources->listeners, &resources->config->client,
	    resources->config->worker_count, why);
}

int
resources_open(struct resources *resources, const struct config *config,
    const struct service_sockets *inherited)
{
	struct region_geometry geometry;
	int error;

	raise_limit(config);
	log_backlog(config);
	*resources = (struct resources){ .config = config,
		.upstream_doorbell = -1,
		.control.fd = -1,
		.http_fd = -1 };
	config_region_geometry(config, &geometry);
	resources->partition_count = geometry.partition_count;
	take_inherited(resources, inherited);
	error = open_ledger(resources, &geometry);
	if (!error)
		error = open_listeners(resources);
	if (!error)
		error = open_region(resources, &geometry);
	if (!error)
		error = access_find(config, &resources->access);
	if (!error)
		error = control_socket_open(&resources->control, config,
		    &resources->access);
	if (!error)
		error = http_socket_open(config, &resources->http_fd);
	if (error)
		resources_close(resources);
	return error;
}

void
resources_close(struct resources *resources)
{
	uint32_t i;

	listeners_close(&resources->listeners);
	for (i = 0;
	     resources->worker_doorbells && i < resources->partition_count; i++)
		fd_close(&resources->worker_doorbells[i]);
	free(resources->worker_doorbells);
	fd_close(&resources->upstream_doorbell);
	region_free(&resources->region);
	ledger_free(&resources->ledger);
	control_socket_close(&resources->control);
	fd_close(&resources->http_fd);
	*resources = (struct resources){
		.upstream_doorbell = -1, .control.fd = -1, .http_fd = -1
	};
}
