/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill - ends clients' streams at an operator's word; their workers do it.
 */
#include "master/commands.h"

#include "common/base/log.h"
#include "common/process/stream_id.h"
#include "common/xmpp/close.h"
#include "master/children.h"
#include "master/session_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct killing {
	struct session_scan scan;
	struct children *children;
	enum close_reason reason;
	const char *jid; /* bare or full; NULL: the filter selects */
	unsigned count;
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

static void
order(struct killing *killing, uint32_t worker, uint32_t slot,
    uint32_t generation)
{
	killing->count += children_kill_client(killing->children, worker, slot,
	    generation, (unsigned)killing->reason);
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
on_session(void *context, const struct session_view *session)
{
	struct killing *killing = context;

	if (is_meant(killing, session->jid))
		order(killing, session->owner, session->slot,
		    session->generation);
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

	if (!session_scan_step(&killing->scan, request->view, on_session,
		killing))
		return false;
	conclude(request, killing);
	return true;
}

static struct killing *
begin(struct request *request)
{
	struct killing *killing = xcalloc(1, sizeof(*killing));

	request->state = killing;
	session_scan_init(&killing->scan);
	killing->children = request->view->children;
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
		order(killing, directory_owner(directory, slot), slot,
		    generation);
	conclude(request, killing);
}

void
command_kill_jid(struct request *request)
{
	struct killing *killing = begin(request);

	if (!killing)
		return;
	killing->jid = request_argument(request, 0);
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
	request->step = step;
}
