/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/request.h"

#include "common/net/fd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *
request_argument(const struct request *request, unsigned number)
{
	unsigned at = request->first + number;

	return at < request->line.count ? request->line.words[at] : NULL;
}

void
request_fail(struct request *request, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(request->error, sizeof(request->error), format, arguments);
	va_end(arguments);
}

bool
request_step(struct request *request)
{
	return request->error[0] || !request->step || request->step(request);
}

void
request_end(struct request *request)
{
	const struct acts *acts = request->view->acts;

	if (request->on_done && !request->act.done)
		acts->forget(acts->context, &request->act);
	if (request->on_done)
		fd_close(&request->act.fd);
	if (request->on_end)
		request->on_end(request);
	request->on_done = NULL;
	request->on_end = NULL;
	json_decref(request->answer);
	free(request->state);
	request->answer = NULL;
	request->state = NULL;
}

/* --- acts --- */

bool
request_is_denied(struct request *request, const struct act *act)
{
	if (act->error == -EACCES)
		request_fail(request, "not permitted");
	else if (act->error == -ESHUTDOWN)
		request_fail(request, "cmanagerd is stopping");
	return act->error == -EACCES || act->error == -ESHUTDOWN;
}

static bool
step_act(struct request *request)
{
	request->awaits_act = !request->act.done;
	if (request->awaits_act)
		return false;
	if (request_is_denied(request, &request->act))
		return true;
	if (request->act.error == -EAGAIN) {
		request_fail(request, request->act.operation == OPERATION_TRACE
					  ? "the worker is busy; try again"
					  : "the manager is busy; try again");
		return true;
	}
	request->step = request->on_done;
	return request->step(request);
}

void
request_act(struct request *request, struct act act,
    bool (*on_done)(struct request *))
{
	const struct acts *acts = request->view->acts;

	request->act = act;
	request->act.asker = request->asker;
	request->act.fd = -1;
	request->on_done = on_done;
	request->step = step_act;
	acts->begin(acts->context, &request->act);
}
