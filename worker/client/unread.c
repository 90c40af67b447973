/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/unread.h"

#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/filter.h"
#include "worker/client/state.h"

#include <string.h>

/* The client could not have known better. */
static const bool is_ours[CLOSE_REASON_COUNT] = {
	[CLOSE_SHUTDOWN] = true,
	[CLOSE_SERVER_SHUTDOWN] = true,
	[CLOSE_SERVER_CLOSED] = true,
	[CLOSE_SERVER_ERROR] = true,
	[CLOSE_NOT_FOUND] = true,
	[CLOSE_REFUSED] = true,
	[CLOSE_UPSTREAM_LOST] = true,
	[CLOSE_DRAINED] = true,
	[CLOSE_SEE_OTHER_HOST] = true,
	[CLOSE_KILLED_POLICY] = true,
	[CLOSE_KILLED_CONFLICT] = true,
	[CLOSE_KILLED_RESET] = true,
	[CLOSE_KILLED_SHUTDOWN] = true,
	[CLOSE_KILLED_NOT_AUTHORIZED] = true,
	[CLOSE_INTERNAL] = true,
};

bool
unread_matters(enum close_reason reason)
{
	return is_ours[reason];
}

/* --- what is sent to them --- */

const struct stanza_fault unread_fault = { "wait", "remote-server-timeout",
	"It came when the stream was about to end, and was not passed on; send "
	"it again." };

static bool
is_answered(const struct element *stanza)
{
	const char *type = element_attribute(stanza, "type");

	if (strcmp(stanza->namespace, NS_CLIENT) != 0)
		return false;
	if (strcmp(stanza->name, "message") == 0)
		return !type || strcmp(type, "error") != 0;
	return strcmp(stanza->name, "iq") == 0 && type &&
	       (strcmp(type, "get") == 0 || strcmp(type, "set") == 0);
}

static uint8_t
kind_of(const struct element *element)
{
	if (strcmp(element->name, "message") == 0)
		return FRAME_MESSAGE;
	if (strcmp(element->name, "presence") == 0)
		return FRAME_PRESENCE;
	if (strcmp(element->name, "iq") == 0)
		return is_answered(element) ? FRAME_IQ_REQUEST
					    : FRAME_IQ_ANSWER;
	return FRAME_OTHER;
}

/* --- reading them --- */

bool
unread_is_of(const struct client *client)
{
	return worker_of(client)->unread.client == client;
}

void
unread_take(struct client *client, const struct element *element)
{
	uint8_t kind = kind_of(element);

	if (!is_answered(element)) {
		client_note_dropped(client, STAT_UNREAD_DROPPED, kind);
		return;
	}
	client_note_dropped(client, STAT_UNREAD_ANSWERED, kind);
	filter_answer_error(client, element, &unread_fault);
}

/* What comes behind the end of our stream, or was too much. */
void
unread_note_bytes(const struct client *client, size_t len)
{
	if (is_ours[client->reason])
		stats_add(STAT_UNREAD_BYTES, len);
}
