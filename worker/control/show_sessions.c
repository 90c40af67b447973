/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show_sessions - clients, as the control socket shows them.
 */
#include "worker/control/commands.h"

#include "common/base/steady_clock.h"
#include "common/net/endpoint.h"
#include "common/process/stream_id.h"
#include "common/shm/region.h"
#include "worker/control/report.h"
#include "worker/control/session_scan.h"
#include "worker/control/wording.h"
#include "worker/control/worker_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100u
#define LIMIT_MAX     10000u

static const char *
tls_name(const struct session_view *view)
{
	if (view->transport & TRANSPORT_OFFLOADED)
		return "proxy";
	if (view->transport & TRANSPORT_DIRECT_TLS)
		return "direct";
	return view->transport & TRANSPORT_STARTTLS ? "starttls" : "no";
}

static json_t *
describe(const struct request *request, const struct session_view *view,
    uint32_t now_s)
{
	char id[STREAMID_MAX + 1], stream_id[STREAMID_MAX + 1];
	char address[ENDPOINT_TEXT_MAX];
	struct endpoint peer;
	json_t *session = json_object();

	directory_streamid(request->view->directory, view->slot, id);
	(void)stream_id_print(request->view->directory, view->slot, stream_id);
	endpoint_from_bytes(view->peer_address, view->peer_port, &peer);
#define TEXT(key, value) json_object_set_new(session, key, report_string(value))
#define NUMBER(key, value) \
	json_object_set_new(session, key, json_integer((json_int_t)(value)))
	TEXT("id", id);
	TEXT("jid", view->jid);
	TEXT("address", endpoint_print(&peer, address));
	NUMBER("worker", view->owner);
	NUMBER("lane", view->lane);
	TEXT("state", session_phase_name((enum session_phase)view->phase));
	TEXT("tls", tls_name(view));
	NUMBER("age_s", steady_clock_age_s(view->since_s, now_s));
	NUMBER("idle_s", steady_clock_age_s(view->active_s, now_s));
	NUMBER("bytes_up", view->bytes_up);
	NUMBER("bytes_down", view->bytes_down);
	NUMBER("stanzas_up", view->stanzas_up);
	NUMBER("stanzas_down", view->stanzas_down);
	TEXT("stream_id", stream_id); /* last: seldom looked for */
#undef TEXT
#undef NUMBER
	return session;
}

static const struct report_column columns[] = {
	{ "id", REPORT_TEXT, 1 },
	{ "jid", REPORT_TEXT, 1 },
	{ "address", REPORT_TEXT, 2 },
	{ "worker", REPORT_NUMBER, 5 },
	{ "lane", REPORT_NUMBER, 9 },
	{ "state", REPORT_TEXT, 3 },
	{ "tls", REPORT_TEXT, 7 },
	{ "age_s", REPORT_NUMBER, 4 },
	{ "idle_s", REPORT_NUMBER, 4 },
	{ "bytes_up", REPORT_NUMBER, 8 },
	{ "bytes_down", REPORT_NUMBER, 8 },
	{ "stanzas_up", REPORT_NUMBER, 6 },
	{ "stanzas_down", REPORT_NUMBER, 6 },
	{ "stream_id", REPORT_TEXT, 10 },
};

/* --- many --- */

static const struct {
	const char *name;   /* in a request */
	const char *column; /* in the answer */
} sort_fields[] = { { "age", "age_s" }, { "idle", "idle_s" },
	{ "bytes_up", "bytes_up" }, { "bytes_down", "bytes_down" },
	{ "stanzas_up", "stanzas_up" }, { "stanzas_down", "stanzas_down" } };

/* Those that are shown, as a heap: what goes first when a better one comes is
 * at its root. */
struct entry {
	uint64_t key;
	uint32_t slot;
};

struct listing {
	struct session_scan scan;
	int field; /* of sort_fields; -1: none */
	bool ascending;
	uint32_t limit, count;
	struct entry entries[];
};

static uint64_t
key_of(const struct listing *listing, const struct session_view *view)
{
	uint32_t now_s = listing->scan.now_s;
	uint64_t key;

	switch (listing->field) {
	case 0:
		key = steady_clock_age_s(view->since_s, now_s);
		break;
	case 1:
		key = steady_clock_age_s(view->active_s, now_s);
		break;
	case 2:
		key = view->bytes_up;
		break;
	case 3:
		key = view->bytes_down;
		break;
	case 4:
		key = view->stanzas_up;
		break;
	case 5:
		key = view->stanzas_down;
		break;
	default:
		return UINT64_MAX - view->slot; /* in their order */
	}
	return listing->ascending ? UINT64_MAX - key : key;
}

static void
sink(struct listing *listing, uint32_t at)
{
	struct entry *entries = listing->entries;

	for (;;) {
		uint32_t least = at, child = 2 * at + 1;
		struct entry moved = entries[at];

		if (child < listing->count &&
		    entries[child].key < entries[least].key)
			least = child;
		if (child + 1 < listing->count &&
		    entries[child + 1].key < entries[least].key)
			least = child + 1;
		if (least == at)
			return;
		entries[at] = entries[least];
		entries[least] = moved;
		at = least;
	}
}

static void
take(void *context, const struct session_view *view)
{
	struct listing *listing = context;
	struct entry entry = { key_of(listing, view), view->slot };
	uint32_t at = listing->count, above;

	if (listing->count == listing->limit) {
		if (entry.key <= listing->entries[0].key)
			return;
		listing->entries[0] = entry;
		sink(listing, 0);
		return;
	}
	for (listing->count++; at > 0; at = above) {
		above = (at - 1) / 2;
		if (listing->entries[above].key <= entry.key)
			break;
		listing->entries[at] = listing->entries[above];
	}
	listing->entries[at] = entry;
}

/* Best first. */
static int
compare(const void *a, const void *b)
{
	uint64_t x = ((const struct entry *)a)->key;
	uint64_t y = ((const struct entry *)b)->key;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Made when it is written: ten thousand at once would be large. NULL when the
 * client has gone meanwhile. */
static json_t *
describe_entry(void *context, size_t at)
{
	const struct request *request = context;
	const struct commands_view *view = request->view;
	struct listing *listing = request->state;
	struct session_view *session = &listing->scan.view;

	if (!directory_view(view->directory, listing->entries[at].slot,
		session))
		return NULL;
	return describe(request, session, listing->scan.now_s);
}

static bool
step_listing(struct request *request)
{
	struct listing *listing = request->state;

	if (!session_scan_step(&listing->scan, request->view, take, listing))
		return false;
	qsort(listing->entries, listing->count, sizeof(*listing->entries),
	    compare);
	request->scans = false;
	request->rows =
	    (struct report_rows){ describe_entry, request, listing->count };
	return true;
}

struct order {
	int field;
	bool ascending;
	uint32_t limit;
};

static bool
begins(const char *argument, const char *key)
{
	return strncmp(argument, key, strlen(key)) == 0;
}

static bool
parse_order(const char *argument, struct order *order)
{
	size_t i;

	if (begins(argument, "limit="))
		return control_word_number(argument + 6, &order->limit) &&
		       order->limit >= 1 && order->limit <= LIMIT_MAX;
	if (!begins(argument, "sort="))
		return false;
	argument += 5;
	order->field = -1;
	order->ascending = argument[0] == '-';
	for (i = 0; i < ARRAY_LEN(sort_fields); i++)
		if (strcmp(argument + order->ascending, sort_fields[i].name) ==
		    0)
			order->field = (int)i;
	return order->field >= 0;
}

static void
join_fields(struct buf *why)
{
	const char *names[ARRAY_LEN(sort_fields)];
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		names[i] = sort_fields[i].name;
	wording_join(why, names, ARRAY_LEN(names), "or");
}

static void
refuse(struct request *request, const char *argument)
{
	struct buf why;

	buf_init(&why, 0);
	if (begins(argument, "limit=")) {
		buf_printf(&why, "limit= cannot be '%s'; it is 1 to %u",
		    wording_quote_short(argument + 6), LIMIT_MAX);
	} else if (begins(argument, "sort=")) {
		buf_printf(&why, "sort= cannot be '%s'; it is one of ",
		    wording_quote_short(argument + 5));
		join_fields(&why);
		buf_append_str(&why, ", with a - before it smallest first");
	} else if (begins(argument, "worker=")) {
		buf_printf(&why, "worker= cannot be '%s'; ",
		    wording_quote_short(argument + 7));
		worker_list_append(request->view->region, &why);
	} else {
		session_filter_explain(argument, &why);
	}
	request_fail_with(request, &why);
}

/* Or had, and its sessions may still be there. */
static bool
has_worker(const struct request *request, const struct session_filter *filter)
{
	struct region *region = request->view->region;
	char state[16];

	return filter->worker < 0 ||
	       worker_list_find(region, (uint32_t)filter->worker, state) ||
	       (filter->worker < region_geometry(region)->partition_count &&
		   master_state_partition_is_used(region,
		       (uint32_t)filter->worker));
}

/* False when the request has failed. */
static bool
parse_arguments(struct request *request, struct session_filter *filter,
    struct order *order)
{
	const char *argument;
	unsigned i;
	int error;

	for (i = 0; (argument = request_argument(request, i)); i++) {
		error = session_filter_add(filter, argument);
		if (error == -ENOENT && parse_order(argument, order))
			continue;
		if (error || !has_worker(request, filter)) {
			refuse(request, argument);
			return false;
		}
	}
	return true;
}

void
command_show_sessions(struct request *request)
{
	struct order order = { .field = -1, .limit = LIMIT_DEFAULT };
	struct session_filter filter;
	struct listing *listing;

	session_filter_init(&filter);
	if (!parse_arguments(request, &filter, &order))
		return;
	listing = xcalloc(1,
	    sizeof(*listing) + order.limit * sizeof(*listing->entries));
	session_scan_init(&listing->scan);
	listing->scan.filter = filter;
	listing->field = order.field;
	listing->ascending = order.ascending;
	listing->limit = order.limit;
	request->state = listing;
	request->table = (struct report_table){ .noun = "sessions",
		.columns = columns,
		.count = ARRAY_LEN(columns),
		.sorted_by =
		    order.field < 0 ? NULL : sort_fields[order.field].column,
		.ascending = order.ascending };
	request->scans = true;
	request->step = step_listing;
}

/* --- one --- */

void
command_show_session(struct request *request)
{
	const struct commands_view *view = request->view;
	struct session_scan *scan;
	uint32_t slot, generation;

	if (!request_find_session(request, &slot, &generation))
		return;
	scan = xcalloc(1, sizeof(*scan));
	session_scan_init(scan);
	if (directory_view(view->directory, slot, &scan->view))
		request->answer = describe(request, &scan->view, scan->now_s);
	else
		request_fail(request, "no such session: it has just ended");
	free(scan);
}
