/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain - workers out of service and back at an operator's word, and waiting
 * for it.
 */
#include "worker/control/commands.h"

#include "common/process/config.h"
#include "common/process/text_file.h"
#include "common/shm/stats.h"
#include "worker/control/state_facts.h"
#include "worker/control/usage.h"
#include "worker/control/wording.h"
#include "worker/control/worker_list.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX_S 86400u

struct order {
	uint32_t partition; /* of the worker, or ACT_ALL */
	uint32_t window_s;
	uint32_t delay_s; /* before it; drain.delay */
	bool waits;
	uint64_t clients; /* there when it was given */
	uint32_t workers; /* of whom it speaks */
};

/* --- what is asked --- */

static void
count_clients(struct region *region, struct order *order)
{
	struct master_process *workers;
	uint32_t count = worker_list_read(region, &workers), i;

	for (i = 0; i < count; i++) {
		if (order->partition != ACT_ALL &&
		    order->partition != workers[i].partition)
			continue;
		order->workers++;
		order->clients +=
		    stats_read(region, workers[i].partition, STAT_CLIENTS_OPEN);
	}
	free(workers);
}

/* The worker's partition, or ACT_ALL. */
static bool
find_whom(struct request *request, uint32_t *partition_out)
{
	const char *word = request_argument(request, 0);
	struct region *region = request->view->region;
	char state[16];
	struct buf why;
	bool number;

	*partition_out = ACT_ALL;
	if (strcmp(word, "all") == 0)
		return true;
	number = control_word_number(word, partition_out);
	if (number && worker_list_find(region, *partition_out, state))
		return true;
	buf_init(&why, 0);
	buf_printf(&why, "there is no worker '%s'; ",
	    wording_quote_short(word));
	worker_list_append(region, &why);
	buf_append_str(&why,
	    number ? ", or give all; instead of one that was drained and has"
		     " ended, cmctl undrain all starts another"
		   : ", or give all");
	request_fail_with(request, &why);
	return false;
}

/* From this argument on. */
static void
refuse_excess(struct request *request, unsigned at)
{
	struct buf why;
	unsigned first;

	buf_init(&why, 0);
	usage_refuse_excess(usage_find(&request->line, &first), &request->line,
	    request->first + at, &why);
	request_fail_with(request, &why);
}

/* What follows the worker: [SECONDS] [wait]. */
static bool
read_manner(struct request *request, struct order *order)
{
	const char *word = request_argument(request, 1);
	unsigned at = 1;

	if (word && strcmp(word, "wait") != 0) {
		if (!control_word_number(word, &order->window_s) ||
		    order->window_s > WINDOW_MAX_S) {
			request_fail(request,
			    "'%s' is no time to drain in: 0 to %u seconds, 0:"
			    " until the clients leave; or wait",
			    wording_quote_short(word), WINDOW_MAX_S);
			return false;
		}
		word = request_argument(request, ++at);
	}
	order->waits = word && strcmp(word, "wait") == 0;
	if (!word || (order->waits && !request_argument(request, at + 1)))
		return true;
	refuse_excess(request, at + order->waits);
	return false;
}

/* --- waiting --- */

static bool
step_drained(struct request *request)
{
	struct master_summary master;

	if (!master_state_read(request->view->region, &master) ||
	    master.workers_draining > 0)
		return false;
	request->answer = json_pack("{s:b}", "drained", 1);
	request_report(request, "no worker is being drained");
	return true;
}

static bool
step_ready(struct request *request)
{
	const struct commands_view *view = request->view;
	unsigned links = view->config->server.link_count;
	struct master_summary master;
	char workers[WORDING_COUNT_MAX], links_up[WORDING_COUNT_MAX];

	if (!master_state_read(view->region, &master) || !master.complete ||
	    stats_sum(view->region, STAT_LINKS_UP) < links ||
	    state_trouble(view))
		return false;
	request->answer = json_pack("{s:b}", "ready", 1);
	request_report(request, "%s, and %s up",
	    wording_count(master.workers_wanted, "worker serves",
		"workers serve", workers),
	    wording_count(links, "link to the server is",
		"links to the server are", links_up));
	return true;
}

void
command_wait_ready(struct request *request)
{
	request->waits = true;
	request->step = step_ready;
}

void
command_wait_drained(struct request *request)
{
	request->waits = true;
	request->step = step_drained;
}

/* --- drain --- */

/* "worker 1", "2 workers". */
static const char *
name_workers(const struct order *order, char text_out[WORDING_COUNT_MAX])
{
	if (order->partition == ACT_ALL)
		return wording_count(order->workers, "worker", "workers",
		    text_out);
	snprintf(text_out, WORDING_COUNT_MAX, "worker %u", order->partition);
	return text_out;
}

static void
set_answer(struct request *request, const struct order *order)
{
	request->answer = json_object();
	json_object_set_new(request->answer, "worker",
	    order->partition == ACT_ALL
		? json_string("all")
		: json_integer((json_int_t)order->partition));
	json_object_set_new(request->answer, "clients",
	    json_integer((json_int_t)order->clients));
}

static void
explain_drain(struct request *request)
{
	const struct order *order = request->state;
	int error = request->act.error;

	if (error == -ESRCH)
		request_fail(request, "worker %u does not serve now",
		    order->partition);
	else if (error == -EBUSY)
		request_fail(request,
		    "worker %u is the only one that is to serve; cmctl drain"
		    " all drains it and closes the ports",
		    order->partition);
	else if (error)
		request_fail(request, "nothing is drained: %s",
		    strerror(-error));
}

/* What the order says of the clients. */
static void
append_manner(const struct order *order, struct buf *out)
{
	const char *verb = order->workers == 1 ? "s" : "";
	char clients[WORDING_COUNT_MAX];

	(void)wording_count(order->clients, "client", "clients", clients);
	if (order->delay_s > 0)
		buf_printf(out, "still accept%s for %u s and then ", verb,
		    order->delay_s);
	if (order->clients == 0)
		buf_printf(out, "accept%s no more clients and end%s", verb,
		    verb);
	else if (order->window_s == 0)
		buf_printf(out, "accept%s no more and end%s when %s left", verb,
		    verb,
		    wording_count(order->clients, "client has", "clients have",
			clients));
	else
		buf_printf(out, "close%s %s within %u s and end%s", verb,
		    clients, order->window_s, verb);
}

static bool
on_drained(struct request *request)
{
	const struct order *order = request->state;
	char workers[WORDING_COUNT_MAX];
	struct buf out;

	if (request->act.error) {
		explain_drain(request);
		return true;
	}
	set_answer(request, order);
	json_object_set_new(request->answer, "window_s",
	    json_integer((json_int_t)order->window_s));
	buf_init(&out, 0);
	append_manner(order, &out);
	if (order->partition == ACT_ALL)
		request_report(request,
		    "%s %.*s, and the ports are closed; cmctl undrain all"
		    " opens them and takes the workers back",
		    name_workers(order, workers), (int)buf_len(&out),
		    (const char *)buf_bytes(&out));
	else
		request_report(request,
		    "%s %.*s; until then cmctl undrain %u takes it back, later"
		    " cmctl undrain all starts another",
		    name_workers(order, workers), (int)buf_len(&out),
		    (const char *)buf_bytes(&out), order->partition);
	buf_destroy(&out);
	return true;
}

/* It had been begun. */
static bool
step_ended(struct request *request)
{
	const struct order *order = request->state;
	char workers[WORDING_COUNT_MAX];
	struct master_summary master;

	if (!master_state_read(request->view->region, &master) ||
	    master.workers_draining > 0)
		return false;
	set_answer(request, order);
	json_object_set_new(request->answer, "window_s",
	    json_integer((json_int_t)order->window_s));
	request_report(request, "%s %s ended; cmctl undrain all starts %s",
	    name_workers(order, workers), order->workers == 1 ? "has" : "have",
	    order->workers == 1 ? "another" : "others");
	return true;
}

static bool
on_drained_wait(struct request *request)
{
	explain_drain(request);
	request->waits = !request->act.error;
	request->step = step_ended;
	return request->act.error != 0;
}

static struct order *
new_order(struct request *request)
{
	struct order *order = xcalloc(1, sizeof(*order));

	request->state = order;
	return order;
}

/* Of one worker others take the place, and who leaves already has it behind. */
static uint32_t
find_delay_s(const struct commands_view *view, uint32_t partition)
{
	struct master_summary master;

	if (partition != ACT_ALL || !master_state_read(view->region, &master) ||
	    master.closed)
		return 0;
	return (uint32_t)ceil(view->config->drain_delay_s);
}

void
command_drain(struct request *request)
{
	struct order *order = new_order(request);

	order->window_s = (uint32_t)ceil(request->view->config->drain_window_s);
	if (!find_whom(request, &order->partition) ||
	    !read_manner(request, order))
		return;
	order->delay_s = find_delay_s(request->view, order->partition);
	count_clients(request->view->region, order);
	request_act(request,
	    (struct act){ .operation = OPERATION_DRAIN,
		.partition = order->partition,
		.number = order->window_s },
	    order->waits ? on_drained_wait : on_drained);
}

/* --- undrain --- */

static void
explain_undrain(struct request *request, const char *why)
{
	const struct order *order = request->state;
	int error = request->act.error;
	char state[16] = "";

	if (*why)
		request_fail(request, "%s", why);
	else if (error == -EBUSY)
		request_fail(request,
		    "all workers are drained and the ports are closed; use"
		    " cmctl undrain all");
	else if (error == -ERANGE)
		request_fail(request,
		    "there are as many workers as workers.max allows: %u",
		    request->view->config->worker_max);
	else if (error != -ESRCH)
		request_fail(request, "the workers stay as they are: %s",
		    strerror(-error));
	else if (worker_list_find(request->view->region, order->partition,
		     state))
		request_fail(request,
		    "worker %u is not being drained: it is %s",
		    order->partition, state);
	else
		request_fail(request,
		    "worker %u has ended; cmctl undrain all starts another",
		    order->partition);
}

static void
report_undrained(struct request *request, const struct order *order)
{
	const struct config *config = request->view->config;
	char clients[WORDING_COUNT_MAX], workers[WORDING_COUNT_MAX];

	set_answer(request, order);
	if (order->partition != ACT_ALL)
		request_report(request, "worker %u serves again, with %s",
		    order->partition,
		    wording_count(order->clients, "client", "clients",
			clients));
	else
		request_report(request,
		    "the ports are open, and %s as workers.count has it; cmctl"
		    " wait ready returns when all do",
		    wording_count(config->worker_count, "worker is to serve",
			"workers are to serve", workers));
}

static bool
on_undrained(struct request *request)
{
	char *why;

	text_file_read(request->act.fd, 1, &why);
	if (request->act.error)
		explain_undrain(request, why);
	else
		report_undrained(request, request->state);
	free(why);
	return true;
}

void
command_undrain(struct request *request)
{
	struct order *order = new_order(request);

	if (!find_whom(request, &order->partition))
		return;
	count_clients(request->view->region, order);
	request_act(request,
	    (struct act){
		.operation = OPERATION_UNDRAIN, .partition = order->partition },
	    on_undrained);
}
