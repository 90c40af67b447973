/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill - ends clients' streams at an operator's word; their workers do it.
 */
#include "worker/control/commands.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/stream_id.h"
#include "common/xmpp/close.h"
#include "worker/control/session_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many acts are on their way at once. */
#define ACTS_MAX 64u

struct killing {
	struct session_scan scan;
	bool scanned;
	enum close_reason reason;
	const char *jid; /* bare or full; NULL: the filter selects */
	unsigned count;  /* whose worker was notified */
	struct act acts[ACTS_MAX];
	unsigned act_count; /* begun, or to be begun again */
};

static const enum close_reason reasons[] = { CLOSE_KILLED_POLICY,
	CLOSE_KILLED_CONFLICT, CLOSE_KILLED_RESET, CLOSE_KILLED_SHUTDOWN,
	CLOSE_KILLED_NOT_AUTHORIZED };

static bool
find_reason(struct request *request, enum close_reason *reason_out)
{
	const char *name = request_argument(request, 1);
	size_t i;

	*reason_out = CLOSE_KILLED_POLICY;
	for (i = 0; name && i < ARRAY_LEN(reasons); i++) {
		*reason_out = reasons[i];
		if (strcmp(close_info(reasons[i])->stream_error, name) == 0)
			return true;
	}
	if (name)
		request_fail(request,
		    "a stream error is one of policy-violation, conflict, "
		    "reset, system-shutdown, not-authorized");
	return !name;
}

/* A bare JID means all its resources. */
static bool
is_meant(const struct killing *killing, const char *jid)
{
	size_t len;

	if (!killing->jid)
		return true;
	len = strlen(killing->jid);
	return strncmp(jid, killing->jid, len) == 0 &&
	       (jid[len] == '\0' ||
		   (jid[len] == '/' && !strchr(killing->jid, '/')));
}

static void
begin_act(struct request *request, struct act *act, uint32_t slot,
    uint32_t generation)
{
	const struct acts *acts = request->view->acts;
	const struct killing *killing = request->state;

	*act = (struct act){ .operation = OPERATION_KILL,
		.slot = slot,
		.generation = generation,
		.number = killing->reason,
		.asker = request->asker,
		.fd = -1 };
	acts->begin(acts->context, act);
}

static void
kill_slot(struct request *request, uint32_t slot, uint32_t generation)
{
	struct killing *killing = request->state;

	begin_act(request, &killing->acts[killing->act_count++], slot,
	    generation);
}

static void
on_session(void *context, const struct session_view *session)
{
	struct request *request = context;

	if (is_meant(request->state, session->jid))
		kill_slot(request, session->slot, session->generation);
}

static bool
are_done(const struct killing *killing)
{
	unsigned i;

	for (i = 0; i < killing->act_count; i++)
		if (!killing->acts[i].done)
			return false;
	return true;
}

/* All are done; those stay that were refused for now. */
static void
take_answers(struct request *request)
{
	struct killing *killing = request->state;
	unsigned i, kept = 0;

	for (i = 0; i < killing->act_count; i++) {
		struct act *act = &killing->acts[i];

		(void)request_is_denied(request, act);
		killing->count += act->error == 0;
		fd_close(&act->fd);
		if (act->error == -EAGAIN)
			killing->acts[kept++] = *act;
	}
	killing->act_count = kept;
}

static void
begin_again(struct request *request)
{
	struct killing *killing = request->state;
	unsigned i;

	for (i = 0; i < killing->act_count; i++)
		begin_act(request, &killing->acts[i], killing->acts[i].slot,
		    killing->acts[i].generation);
}

static void
forget_acts(struct request *request)
{
	const struct acts *acts = request->view->acts;
	struct killing *killing = request->state;
	unsigned i;

	for (i = 0; i < killing->act_count; i++) {
		if (!killing->acts[i].done)
			acts->forget(acts->context, &killing->acts[i]);
		fd_close(&killing->acts[i].fd);
	}
}

static void
conclude(struct request *request, const struct killing *killing)
{
	if (killing->count == 0) {
		request_fail(request, "no such session");
		return;
	}
	request->answer = json_pack("{s:i}", "notified", killing->count);
	log_at(LOG_NOTICE, "clients closed by command count=%u error=%s",
	    killing->count, close_info(killing->reason)->stream_error);
}

static bool
step(struct request *request)
{
	struct killing *killing = request->state;

	if (request->waits)
		begin_again(request);
	request->waits = false;
	request->awaits_act = !are_done(killing);
	if (request->awaits_act)
		return false;
	take_answers(request);
	if (request->error[0])
		return true;
	request->waits = killing->act_count > 0; /* a worker is busy */
	if (request->waits)
		return false;
	if (killing->scanned) {
		conclude(request, killing);
		return true;
	}
	killing->scanned = session_scan_step(&killing->scan, request->view,
	    on_session, request);
	request->scans = !killing->scanned;
	return false;
}

static struct killing *
begin(struct request *request)
{
	struct killing *killing = xcalloc(1, sizeof(*killing));

	request->state = killing;
	request->on_end = forget_acts;
	session_scan_init(&killing->scan);
	killing->scan.taken_max = ACTS_MAX;
	if (!request_argument(request, 0))
		request_fail(request, "whom?");
	else if (find_reason(request, &killing->reason))
		return killing;
	return NULL;
}

void
command_kill_session(struct request *request)
{
	struct directory *directory = request->view->directory;
	struct killing *killing = begin(request);
	const char *id = request_argument(request, 0);
	uint32_t slot, generation;

	if (!killing)
		return;
	if (stream_id_find(directory, id, strlen(id), &slot, &generation) == 0)
		kill_slot(request, slot, generation);
	killing->scanned = true;
	request->step = step;
}

void
command_kill_jid(struct request *request)
{
	struct killing *killing = begin(request);

	if (!killing)
		return;
	killing->jid = request_argument(request, 0);
	request->scans = true;
	request->step = step;
}

/* With a port one client, else all of that address. */
void
command_kill_address(struct request *request)
{
	struct killing *killing = begin(request);

	if (!killing)
		return;
	killing->scan.filter.address_exact = true;
	killing->scan.filter.address = request_argument(request, 0);
	request->scans = true;
	request->step = step;
}
