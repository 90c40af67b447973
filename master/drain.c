/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain - workers out of service and back at an operator's word, and waiting
 * for it.
 */
#include "master/commands.h"

#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "master/children.h"
#include "master/resources.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define WINDOW_MAX_S 86400u

/* --- orders --- */

static bool
is_all(const char *word)
{
	return strcmp(word, "all") == 0;
}

/* The worker, unless it is all. */
static bool
find_whom(struct request *request, uint32_t *partition_out)
{
	const char *word = request_argument(request, 0);

	*partition_out = 0;
	if (word && (is_all(word) || control_word_number(word, partition_out)))
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

static bool
step_drained(struct request *request)
{
	return children_draining(request->view->children) == 0;
}

void
command_drain(struct request *request)
{
	const struct commands_view *view = request->view;
	uint32_t window = (uint32_t)ceil(view->config->drain_window_s),
		 partition;
	int error = 0;
	bool wait;

	if (!find_whom(request, &partition) ||
	    !read_manner(request, &window, &wait))
		return;
	if (is_all(request_argument(request, 0)))
		children_drain_all(view->children, steady_clock_s(), window);
	else
		error = children_drain(view->children, partition, window);
	if (error) {
		explain(request, error);
	} else if (wait) {
		request->waits = true;
		request->step = step_drained;
	}
}

void
command_undrain(struct request *request)
{
	struct children *children = request->view->children;
	char why[LISTENERS_WHY_MAX];
	uint32_t partition;
	int error;

	if (!find_whom(request, &partition))
		return;
	if (is_all(request_argument(request, 0))) {
		if (children_undrain_all(children, steady_clock_s(), why) != 0)
			request_fail(request, "%s", why);
		return;
	}
	error = children_undrain(children, partition);
	if (error == -EBUSY)
		request_fail(request, "all are drained; use undrain all");
	else
		explain(request, error);
}

/* --- waiting --- */

static bool
step_ready(struct request *request)
{
	const struct commands_view *view = request->view;

	return children_all_serve(view->children) &&
	       stats_sum(view->resources->region, STAT_LINKS_UP) >=
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
