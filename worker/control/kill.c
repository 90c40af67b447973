/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill - ends clients' streams at an operator's word; their workers do it.
 */
#include "worker/control/act_client.h"
#include "worker/control/commands.h"

#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/xmpp/close.h"
#include "common/xmpp/jid.h"
#include "worker/control/session_scan.h"
#include "worker/control/wording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many acts are on their way at once. */
#define ACTS_MAX 64u

struct killing {
	struct session_scan scan;
	const char *what; /* it is that selects */
	bool scanned;
	enum close_reason reason;
	const char *jid; /* bare or full; NULL: the filter selects */
	char address[ENDPOINT_TEXT_MAX];
	unsigned count; /* whose worker was notified */
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
	const char *names[ARRAY_LEN(reasons)];
	struct buf why;
	size_t i;

	*reason_out = CLOSE_KILLED_POLICY;
	if (!name)
		return true;
	for (i = 0; i < ARRAY_LEN(reasons); i++) {
		*reason_out = reasons[i];
		names[i] = close_info(reasons[i])->stream_error;
		if (strcmp(names[i], name) == 0)
			return true;
	}
	buf_init(&why, 0);
	buf_printf(&why, "'%s' is no stream error; one is ",
	    wording_quote_short(name));
	wording_join(&why, names, ARRAY_LEN(names), "or");
	request_fail_with(request, &why);
	return false;
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
	const struct killing *killing = request->state;

	*act = (struct act){ .operation = OPERATION_KILL,
		.slot = slot,
		.generation = generation,
		.number = killing->reason,
		.asker = request->asker,
		.fd = -1 };
	act_client_begin(request->view->acts, act);
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
	struct killing *killing = request->state;
	unsigned i;

	for (i = 0; i < killing->act_count; i++) {
		if (!killing->acts[i].done)
			act_client_forget(request->view->acts,
			    &killing->acts[i]);
		fd_close(&killing->acts[i].fd);
	}
}

static void
conclude(struct request *request, const struct killing *killing)
{
	const char *error = close_info(killing->reason)->stream_error;
	char count[WORDING_COUNT_MAX];

	if (killing->count == 0) {
		request_fail(request, "no such session: nobody has the %s %s",
		    killing->what, wording_quote(request_argument(request, 0)));
		return;
	}
	request->answer = json_pack("{s:i}", "notified", killing->count);
	request_report(request, "%s closed with the stream error %s",
	    wording_count(killing->count, "client is", "clients are", count),
	    error);
	log_at(LOG_NOTICE, "clients closed by command count=%u error=%s",
	    killing->count, error);
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
	if (request->error)
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

/* NULL when it has failed. */
static struct killing *
begin(struct request *request, const char *what)
{
	enum close_reason reason;
	struct killing *killing;

	if (!find_reason(request, &reason))
		return NULL;
	killing = xcalloc(1, sizeof(*killing));
	killing->what = what;
	killing->reason = reason;
	request->state = killing;
	request->on_end = forget_acts;
	request->step = step;
	session_scan_init(&killing->scan);
	killing->scan.taken_max = ACTS_MAX;
	return killing;
}

void
command_kill_session(struct request *request)
{
	struct killing *killing = begin(request, "session id");
	uint32_t slot, generation;

	if (!killing)
		return;
	if (request_find_session(request, &slot, &generation))
		kill_slot(request, slot, generation);
	killing->scanned = true;
}

void
command_kill_jid(struct request *request)
{
	const char *jid = request_argument(request, 0);
	char prepared[JID_MAX + 1];
	struct killing *killing;

	if (jid_prepare(jid, prepared) == -EINVAL) {
		request_fail(request,
		    "'%s' is no JID; one is user@domain or"
		    " user@domain/resource",
		    wording_quote(jid));
		return;
	}
	killing = begin(request, "JID");
	if (!killing)
		return;
	killing->jid = jid;
	request->scans = true;
}

/* With a port one client, else all of that address. */
void
command_kill_address(struct request *request)
{
	const char *address = request_argument(request, 0);
	char normal[ENDPOINT_TEXT_MAX];
	struct killing *killing;

	if (!session_filter_normalise(address, normal)) {
		request_fail(request,
		    "'%s' is no IP address; one is 192.0.2.7, 192.0.2.7:5222,"
		    " 2001:db8::7 or [2001:db8::7]:5222",
		    wording_quote_short(address));
		return;
	}
	killing = begin(request, "address");
	if (!killing)
		return;
	killing->scan.filter.address_exact = true;
	memcpy(killing->address, normal, sizeof(normal));
	killing->scan.filter.address = killing->address;
	request->scans = true;
}
