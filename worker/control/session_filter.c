/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/session_filter.h"

#include "common/base/near_word.h"
#include "common/base/steady_clock.h"
#include "common/shm/region.h"
#include "worker/control/control_line.h"
#include "worker/control/wording.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

void
session_filter_init(struct session_filter *filter)
{
	*filter =
	    (struct session_filter){ .worker = -1, .lane = -1, .tls = -1 };
}

static int
set_number(int64_t *field, const char *value, uint32_t max)
{
	uint32_t number;

	if (!control_word_number(value, &number) || number > max)
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
set_address(struct session_filter *filter, const char *value)
{
	filter->address = value;
	return *value && value[strspn(value, "0123456789abcdef.:[]")] == '\0'
		   ? 0
		   : -EINVAL;
}

static int
set_worker(struct session_filter *filter, const char *value)
{
	return set_number(&filter->worker, value, UINT32_MAX);
}

static int
set_lane(struct session_filter *filter, const char *value)
{
	return set_number(&filter->lane, value, LANE_COUNT - 1);
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

static int
set_age(struct session_filter *filter, const char *value)
{
	return control_word_number(value, &filter->age_s) ? 0 : -EINVAL;
}

static int
set_idle(struct session_filter *filter, const char *value)
{
	return control_word_number(value, &filter->idle_s) ? 0 : -EINVAL;
}

#define TEXT_OF(number) #number
#define IN_TEXT(number) TEXT_OF(number)

static const struct filter {
	const char *name;
	int (*set)(struct session_filter *filter, const char *value);
	const char *takes; /* NULL: the names of the states */
} filters[] = {
	{ "jid", set_jid,
	    "a pattern of the shell, such as alice@*, of " IN_TEXT(
		SESSION_PATTERN_MAX) " bytes at most" },
	{ "address", set_address,
	    "the beginning of an IP address, such as 192.0.2. or 2001:db8:" },
	{ "worker", set_worker, "a worker's number" },
	{ "lane", set_lane, "the number of a lane, 0 to 15" },
	{ "state", set_state, NULL },
	{ "tls", set_tls, "yes or no" },
	{ "age", set_age, "a whole number of seconds, at least so old" },
	{ "idle", set_idle, "a whole number of seconds, at least so long" },
};
_Static_assert(LANE_COUNT == 16, "as the text says");

static const struct filter *
find(const char *argument)
{
	const char *value = strchr(argument, '=');
	size_t len = value ? (size_t)(value - argument) : 0, i;

	for (i = 0; value && i < ARRAY_LEN(filters); i++)
		if (strlen(filters[i].name) == len &&
		    memcmp(filters[i].name, argument, len) == 0)
			return &filters[i];
	return NULL;
}

int
session_filter_add(struct session_filter *filter, const char *argument)
{
	const struct filter *found = find(argument);

	if (!found)
		return -ENOENT;
	return found->set(filter, argument + strlen(found->name) + 1);
}

/* --- what there is --- */

static void
append_states(struct buf *out)
{
	const char *names[SESSION_CLOSING - SESSION_OPENING + 1];
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		names[i] =
		    session_phase_name((enum session_phase)(SESSION_OPENING +
							    i));
	wording_join(out, names, ARRAY_LEN(names), "or");
}

static void
append_filters(const char *argument, struct buf *out)
{
	const char *names[ARRAY_LEN(filters)], *near = NULL;
	char written[32];
	size_t i;

	snprintf(written, sizeof(written), "%.*s",
	    (int)MIN(strcspn(argument, "="), sizeof(written) - 1), argument);
	for (i = 0; i < ARRAY_LEN(filters); i++) {
		names[i] = filters[i].name;
		if (!near && near_word_is_slip(written, names[i]))
			near = names[i];
	}
	if (near)
		buf_printf(out, "; did you mean %s=?", near);
	buf_append_str(out, "; the filters are, each followed by =VALUE, ");
	wording_join(out, names, ARRAY_LEN(names), "and");
	buf_append_str(out, "; and sort=FIELD, limit=N");
}

void
session_filter_explain(const char *argument, struct buf *out)
{
	const struct filter *found = find(argument);

	if (!found) {
		buf_printf(out, "'%s' is no filter",
		    wording_quote_short(argument));
		append_filters(argument, out);
		return;
	}
	buf_printf(out, "%s= cannot be '%s'; it is ", found->name,
	    wording_quote_short(argument + strlen(found->name) + 1));
	if (found->takes) {
		buf_append_str(out, found->takes);
	} else {
		buf_append_str(out, "one of ");
		append_states(out);
	}
}

/* --- addresses --- */

/* Where the port begins, at its colon; NULL: there is none. */
static const char *
find_port(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (!colon || (text[0] == '[' && colon[-1] != ']') ||
	    (text[0] != '[' && strchr(text, ':') != colon))
		return NULL;
	return colon;
}

bool
session_filter_normalise(const char *text, char address_out[ENDPOINT_TEXT_MAX])
{
	const char *port = find_port(text);
	size_t len = port ? (size_t)(port - text) : strlen(text);
	struct endpoint endpoint;
	uint32_t number = 0;

	if (port &&
	    (!control_word_number(port + 1, &number) || number > UINT16_MAX))
		return false;
	if (len >= ENDPOINT_TEXT_MAX)
		return false;
	memcpy(address_out, text, len);
	address_out[len] = '\0';
	if (endpoint_parse(address_out, (uint16_t)number, &endpoint) != 0)
		return false;
	if (port)
		endpoint_print(&endpoint, address_out);
	else
		endpoint_print_address(&endpoint, address_out);
	return true;
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
	bool tls =
	    (view->transport & (TRANSPORT_STARTTLS | TRANSPORT_DIRECT_TLS |
				   TRANSPORT_OFFLOADED)) != 0;

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
