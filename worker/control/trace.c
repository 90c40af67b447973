/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - one session's elements as they come and go, until it ends or whoever
 * asked for them has left. Its worker writes them (trace_record.h); what nobody
 * reads here in time is lost there, and counted.
 */
#include "worker/control/commands.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/trace_record.h"
#include "common/shm/directory.h"
#include "worker/control/report.h"
#include "worker/control/wording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECORDS_A_STEP 64
#define OUT_MAX        262144 /* bytes that the caller has not taken */

static const char *const directions[TRACE_WHAT_COUNT] = {
	[TRACE_BEGUN] = "begin",
	[TRACE_FROM_CLIENT] = "in",
	[TRACE_TO_CLIENT] = "out",
	[TRACE_REFUSED] = "",
	[TRACE_ENDED] = "end",
};

static const struct report_column columns[] = {
	{ "time", REPORT_TEXT, 1 },
	{ "direction", REPORT_TEXT, 1 },
	{ "text", REPORT_TEXT, 1 },
	{ "left_out", REPORT_NUMBER, 2 },
	{ "lost_before", REPORT_NUMBER, 2 },
};

static void
print_time(uint64_t time_us, char text_out[32])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm parts;
	size_t used = 0;

	if (gmtime_r(&seconds, &parts))
		used = strftime(text_out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text_out + used, 32 - used, ".%03uZ",
	    (unsigned)(time_us / 1000 % 1000));
}

static void
put_record(const struct trace_record *record, const char *time, struct buf *out)
{
	json_t *row = json_pack("{s:s,s:s,s:o,s:I,s:I}", "time", time,
	    "direction", directions[record->what], "text",
	    report_bytes(record->text, record->len), "left_out",
	    (json_int_t)record->left_out, "lost_before",
	    (json_int_t)record->lost);

	report_put_object(row, out);
	json_decref(row);
}

/* True when that was the last. */
static bool
take(struct request *request, const uint8_t *bytes, size_t len)
{
	struct trace_record record;
	char time[32], reason[256];

	if (trace_record_decode(bytes, len, &record) != 0) {
		request_fail(request,
		    "the session's worker sent what cannot be read");
		return true;
	}
	if (record.what == TRACE_REFUSED) {
		snprintf(reason, sizeof(reason), "%.*s",
		    (int)MIN(record.len, sizeof(reason) - 1), record.text);
		request_fail(request, "%s", wording_quote_short(reason));
		return true;
	}
	print_time(record.time_us, time);
	put_record(&record, time, request->out);
	return record.what == TRACE_ENDED;
}

static bool
step(struct request *request)
{
	static uint8_t bytes[TRACE_RECORD_MAX];
	unsigned turn;
	ssize_t got;

	for (turn = 0; turn < RECORDS_A_STEP && buf_len(request->out) < OUT_MAX;
	     turn++) {
		got = recv(request->act.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			return false;
		if (got <= 0) {
			request_fail(request, "the trace is over: the "
					      "session's worker has ended");
			return true;
		}
		if (take(request, bytes, (size_t)got))
			return true;
	}
	return false;
}

static void
log_trace(const struct commands_view *view, const char *id, uint32_t slot)
{
	char address[ENDPOINT_TEXT_MAX] = "-";
	struct session_view session;
	struct endpoint peer;

	if (directory_view(view->directory, slot, &session)) {
		endpoint_from_bytes(session.peer_address, session.peer_port,
		    &peer);
		(void)endpoint_print(&peer, address);
	}
	log_at(LOG_NOTICE,
	    "a client is traced by command session=%s address=%s",
	    log_escape(id, strlen(id)), address);
}

static bool
on_opened(struct request *request)
{
	static const struct report_table table = { .noun = "elements",
		.columns = columns,
		.count = ARRAY_LEN(columns) };
	const struct act *act = &request->act;

	if (act->error == -ESRCH) {
		request_fail(request,
		    "no such session: its worker has ended meanwhile");
	} else if (act->error || act->fd < 0) {
		request_fail(request, "the session cannot be traced: %s",
		    act->error ? strerror(-act->error)
			       : "the manager sent nothing to read");
	} else {
		log_trace(request->view, request_argument(request, 0),
		    act->slot);
		report_put_table(&table, request->out);
		request->step = step;
		request->waits = true;
	}
	return request->error != NULL;
}

void
command_trace_session(struct request *request)
{
	struct act act = { .operation = OPERATION_TRACE };

	if (request_find_session(request, &act.slot, &act.generation))
		request_act(request, act, on_opened);
}
