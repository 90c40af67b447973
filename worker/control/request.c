/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/request.h"

#include "common/net/fd.h"
#include "common/process/stream_id.h"
#include "common/shm/directory.h"
#include "worker/control/act_client.h"
#include "worker/control/wording.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
request_argument(const struct request *request, unsigned number)
{
	unsigned at = request->first + number;

	return at < request->line.count ? request->line.words[at] : NULL;
}

/* Whole, however long: what outsiders choose is bounded where it is put in. */
PRINTF_LIKE(2, 0)
static void
set_text(char **text, const char *format, va_list arguments)
{
	if (!*text)
		CHECK(vasprintf(text, format, arguments) >= 0);
}

void
request_fail(struct request *request, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_text(&request->error, format, arguments);
	va_end(arguments);
}

void
request_fail_with(struct request *request, struct buf *why)
{
	request_fail(request, "%.*s", (int)buf_len(why),
	    (const char *)buf_bytes(why));
	buf_destroy(why);
}

/* An error of several lines becomes one. */
void
request_append_end(const struct request *request, struct buf *out)
{
	const char *at = request->error;
	struct buf why;
	size_t len;

	buf_init(&why, 0);
	for (; at && *at; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		buf_append(&why, at, len);
		if (at[len])
			buf_append_str(&why, "; ");
	}
	buf_append_char(&why, '\0');
	report_put_end(request->done,
	    request->error ? (const char *)buf_bytes(&why) : NULL, out);
	buf_destroy(&why);
}

void
request_report(struct request *request, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_text(&request->done, format, arguments);
	va_end(arguments);
}

bool
request_find_session(struct request *request, uint32_t *slot_out,
    uint32_t *generation_out)
{
	struct directory *directory = request->view->directory;
	const char *id = request_argument(request, 0);
	size_t len = strlen(id);
	uint32_t slot;

	if (stream_id_find(directory, id, len, slot_out, generation_out) == 0)
		return true;
	if (directory_named_slot(directory, id, len, &slot) == 0)
		request_fail(request,
		    "no such session: %s has ended, or never was; show sessions"
		    " lists those that live",
		    wording_quote_short(id));
	else
		request_fail(request,
		    "no such session: '%s' is no id of this manager; show"
		    " sessions lists them in the column id",
		    wording_quote_short(id));
	return false;
}

bool
request_step(struct request *request)
{
	return request->error || !request->step || request->step(request);
}

void
request_end(struct request *request)
{
	if (request->on_done && !request->act.done)
		act_client_forget(request->view->acts, &request->act);
	if (request->on_done)
		fd_close(&request->act.fd);
	if (request->on_end)
		request->on_end(request);
	request->on_done = NULL;
	request->on_end = NULL;
	json_decref(request->answer);
	free(request->state);
	free(request->error);
	free(request->done);
	request->error = request->done = NULL;
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
	else if (act->error == -EMFILE || act->error == -ENFILE)
		request_fail(request,
		    "cmanagerd has too few free file descriptors: %s",
		    strerror(-act->error));
	else
		return false;
	return true;
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
	request->act = act;
	request->act.asker = request->asker;
	request->act.fd = -1;
	request->on_done = on_done;
	request->step = step_act;
	act_client_begin(request->view->acts, &request->act);
}
