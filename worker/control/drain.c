/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain - workers out of service and back at an operator's word, and waiting
 * for it.
 */
#include "worker/control/commands.h"

#include "common/process/config.h"
#include "common/process/text_file.h"
#include "common/shm/master_state.h"
#include "common/shm/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX_S 86400u

/* --- what is asked --- */

/* The worker's partition, or ACT_ALL. */
static bool
find_whom(struct request *request, uint32_t *partition_out)
{
	const char *word = request_argument(request, 0);

	*partition_out = ACT_ALL;
	if (word && (strcmp(word, "all") == 0 ||
			(control_word_number(word, partition_out) &&
			    *partition_out != ACT_ALL)))
		return true;
	request_fail(request, "which worker? Its number, or all");
	return false;
}

static void
explain(struct request *request, int error)
{
	if (error == -ESRCH)
		request_fail(request, "there is no such worker");
	else if (error == -EBUSY)
		request_fail(request, "none would be left; use drain all");
	else if (error == -ERANGE)
		request_fail(request, "there are workers.max already");
	else if (error)
		request_fail(request, "%s", strerror(-error));
}

/* What follows the worker: [SECONDS] [wait]. */
static bool
read_manner(struct request *request, uint32_t *window, bool *wait_out)
{
	const char *word = request_argument(request, 1);
	unsigned at = 1;

	if (word && strcmp(word, "wait") != 0) {
		if (!control_word_number(word, window) ||
		    *window > WINDOW_MAX_S) {
			request_fail(request, "a window is 0 to %u seconds",
			    WINDOW_MAX_S);
			return false;
		}
		word = request_argument(request, ++at);
	}
	*wait_out = word && strcmp(word, "wait") == 0;
	if (word && (!*wait_out || request_argument(request, at + 1))) {
		request_fail(request, "behind the window may be: wait");
		return false;
	}
	return true;
}

/* --- waiting --- */

static bool
step_drained(struct request *request)
{
	struct master_summary master;

	return master_state_read(request->view->region, &master) &&
	       master.workers_draining == 0;
}

static bool
step_ready(struct request *request)
{
	const struct commands_view *view = request->view;
	struct master_summary master;

	return master_state_read(view->region, &master) && master.complete &&
	       stats_sum(view->region, STAT_LINKS_UP) >=
		   view->config->server.link_count;
}

void
command_wait_ready(struct request *request)
{
	request->waits = true;
	request->step = step_ready;
}

void
command_wait_drained(struct request *request)
{
	request->waits = true;
	request->step = step_drained;
}

/* --- orders --- */

static bool
on_drained(struct request *request)
{
	explain(request, request->act.error);
	return true;
}

static bool
on_drained_wait(struct request *request)
{
	explain(request, request->act.error);
	request->waits = !request->act.error;
	request->step = step_drained;
	return request->act.error != 0;
}

void
command_drain(struct request *request)
{
	struct act act = { .operation = OPERATION_DRAIN,
		.number =
		    (uint32_t)ceil(request->view->config->drain_window_s) };
	bool wait;

	if (find_whom(request, &act.partition) &&
	    read_manner(request, &act.number, &wait))
		request_act(request, act, wait ? on_drained_wait : on_drained);
}

static bool
on_undrained(struct request *request)
{
	char *why;

	text_file_read(request->act.fd, 1, &why);
	if (request->act.error && *why)
		request_fail(request, "%s", why);
	else if (request->act.error == -EBUSY)
		request_fail(request, "all are drained; use undrain all");
	else
		explain(request, request->act.error);
	free(why);
	return true;
}

void
command_undrain(struct request *request)
{
	struct act act = { .operation = OPERATION_UNDRAIN };

	if (find_whom(request, &act.partition))
		request_act(request, act, on_undrained);
}
