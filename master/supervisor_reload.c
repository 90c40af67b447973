/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_reload - a new configuration: prepared, then committed or
 * discarded as a whole (design.md §7).
 */
#include "master/supervisor_state.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/snapshot.h"
#include "master/log_target.h"
#include "master/reload.h"
#include "master/steady_clock.h"
#include "master/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
announce_reload(struct supervisor *supervisor)
{
	char words[SERVICE_WORDS_MAX];

	snprintf(words, sizeof(words), "RELOADING=1\nMONOTONIC_USEC=%.0f",
	    steady_clock_s() * 1e6);
	service_manager_tell(&supervisor->service_manager, words,
	    steady_clock_s());
}

/* What is left can fail for want of resources: then all stays as it is. */
static int
commit(struct supervisor *supervisor, struct config *next)
{
	int fd = snapshot_seal(next), error;

	if (fd < 0)
		return fd;
	error = log_target_open(next, supervisor->setup->background);
	if (!error) {
		supervisor->config = supervisor->estate.config =
		    supervisor->view.config = next;
		config_free(&supervisor->reloaded);
		supervisor->reloaded = next;
		log_set_level((enum log_level)next->log_level);
		children_tell_config(supervisor->children, fd);
		children_tell_log(supervisor->children);
		children_tell_log_level(supervisor->children);
	}
	fd_close(&fd);
	return error;
}

bool
supervisor_reload(void *context, struct reload_report *report_out)
{
	struct supervisor *supervisor = context;
	struct config *next;
	int error = -EINVAL;

	announce_reload(supervisor);
	next = reload_read(supervisor->config, report_out);
	if (next)
		error = commit(supervisor, next);
	if (next && error) {
		free(report_out->problems);
		report_out->problems = xstrdup(strerror(-error));
		config_free(&next);
	}
	reload_report_log(report_out, error != 0);
	supervisor_announce(supervisor);
	return error == 0;
}
