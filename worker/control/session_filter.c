/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/session_filter.h"

#include "common/base/steady_clock.h"
#include "common/net/endpoint.h"
#include "worker/control/control_line.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

void
session_filter_init(struct session_filter *filter)
{
	*filter =
	    (struct session_filter){ .worker = -1, .lane = -1, .tls = -1 };
}

static int
set_number(int64_t *field, const char *value)
{
	uint32_t number;

	if (!control_word_number(value, &number))
		return -EINVAL;
	*field = number;
	return 0;
}

static int
set_jid(struct session_filter *filter, const char *value)
{
	filter->jid = value;
	return strlen(value) > SESSION_PATTERN_MAX ? -EMSGSIZE : 0;
}

static int
set_tls(struct session_filter *filter, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -EINVAL;
	filter->tls = value[0] == 'y';
	return 0;
}

static int
set_state(struct session_filter *filter, const char *value)
{
	int phase;

	filter->state = value;
	for (phase = SESSION_OPENING; phase <= SESSION_CLOSING; phase++)
		if (strcmp(value,
			session_phase_name((enum session_phase)phase)) == 0)
			return 0;
	return -EINVAL;
}

int
session_filter_add(struct session_filter *filter, const char *argument)
{
	const char *value = strchr(argument, '=');
	size_t len = value ? (size_t)(value++ - argument) : 0;
	bool good = true;

#define IS(name) (len == sizeof(name) - 1 && memcmp(argument, name, len) == 0)
	if (IS("jid"))
		return set_jid(filter, value);
	else if (IS("address"))
		filter->address = value;
	else if (IS("state"))
		return set_state(filter, value);
	else if (IS("worker"))
		return set_number(&filter->worker, value);
	else if (IS("lane"))
		return set_number(&filter->lane, value);
	else if (IS("tls"))
		return set_tls(filter, value);
	else if (IS("age"))
		good = control_word_number(value, &filter->age_s);
	else if (IS("idle"))
		good = control_word_number(value, &filter->idle_s);
	else
		return -ENOENT;
#undef IS
	return good ? 0 : -EINVAL;
}

/* An IPv6 address may be given without its brackets. */
static bool
address_fits(const struct session_filter *filter,
    const struct session_view *view)
{
	size_t len = strlen(filter->address);
	char buffer[ENDPOINT_TEXT_MAX];
	const char *text = buffer;
	struct endpoint peer;

	endpoint_from_bytes(view->peer_address, view->peer_port, &peer);
	endpoint_print(&peer, buffer);
	if (text[0] == '[' && filter->address[0] != '[')
		text++;
	if (strncmp(text, filter->address, len) != 0)
		return false;
	if (!filter->address_exact || text[len] == '\0')
		return true;
	return text[len] == ']' ||
	       (text[len] == ':' && strchr(text + len + 1, ':') == NULL &&
		   (text == buffer || filter->address[0] == '['));
}

bool
session_filter_takes(const struct session_filter *filter,
    const struct session_view *view, uint32_t now_s)
{
	bool tls = (view->transport &
		       (TRANSPORT_STARTTLS | TRANSPORT_DIRECT_TLS)) != 0;

	if ((filter->worker >= 0 && filter->worker != view->owner) ||
	    (filter->lane >= 0 && filter->lane != view->lane) ||
	    (filter->tls >= 0 && (filter->tls != 0) != tls) ||
	    steady_clock_age_s(view->since_s, now_s) < filter->age_s ||
	    steady_clock_age_s(view->active_s, now_s) < filter->idle_s)
		return false;
	if (filter->state &&
	    strcmp(filter->state,
		session_phase_name((enum session_phase)view->phase)) != 0)
		return false;
	if (filter->jid && fnmatch(filter->jid, view->jid, 0) != 0)
		return false;
	return !filter->address || address_fits(filter, view);
}
