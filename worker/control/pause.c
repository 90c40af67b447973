/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause - clients held over a restart of the server, at an operator's word.
 */
#include "worker/control/commands.h"

#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "worker/control/state_facts.h"
#include "worker/control/wording.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Upstream needs five at most until nothing more goes to the server. */
#define PAUSE_WAIT_S 10.0
/* A server that is there is served before. */
#define RESUME_WAIT_S 3.0

struct order {
	uint32_t seconds;
	uint32_t until_s;  /* a pause that was ordered ends then, or later */
	double wait_until; /* for what comes of it */
};

static void
begin(struct request *request, enum operation operation, uint32_t seconds,
    bool (*on_done)(struct request *))
{
	struct order *order = xcalloc(1, sizeof(*order));

	order->seconds = seconds;
	order->until_s = steady_clock_coarse_s() + seconds;
	request->state = order;
	request_act(request,
	    (struct act){ .operation = operation, .number = seconds }, on_done);
}

/* True when the order was given: now its effect is waited for. */
static bool
is_given(struct request *request, double wait_s, bool (*step)(struct request *))
{
	struct order *order = request->state;
	int error = request->act.error;

	if (error == -ESRCH)
		request_fail(request,
		    "the process that holds the links is being started; try"
		    " again");
	else if (error)
		request_fail(request, "the server is not paused or resumed: %s",
		    strerror(-error));
	order->wait_until = steady_clock_s() + wait_s;
	request->waits = !error;
	request->step = step;
	return !error;
}

static bool
is_late(const struct request *request)
{
	const struct order *order = request->state;

	return steady_clock_s() >= order->wait_until;
}

/* --- pause --- */

static void
report_paused(struct request *request, uint64_t unconfirmed)
{
	const struct order *order = request->state;
	char stanzas[WORDING_COUNT_MAX];

	if (unconfirmed > 0)
		request_report(request,
		    "clients are held for at most %u s, but the server has not"
		    " confirmed %s: if it stops now, the senders of messages"
		    " and requests among them get errors",
		    order->seconds,
		    wording_count(unconfirmed, "stanza", "stanzas", stanzas));
	else
		request_report(request,
		    "clients are held for at most %u s, and the server has"
		    " confirmed all that was sent: it may be restarted now;"
		    " when it is back they go on, without a restart cmctl"
		    " resume has them go on",
		    order->seconds);
}

/* What is under way has gone out; or the links have gone already. */
static bool
step_paused(struct request *request)
{
	const struct commands_view *view = request->view;
	const struct order *order = request->state;
	uint64_t unconfirmed, links;
	uint32_t until_s;

	/* What is there may be of an order before. */
	if (state_pause(view, &until_s) < PAUSE_HOLDING ||
	    until_s < order->until_s) {
		if (is_late(request))
			request_fail(request,
			    "the pause has not begun: the process that holds"
			    " the links does not answer");
		return request->error != NULL;
	}
	unconfirmed = stats_sum(view->region, STAT_PAUSE_UNCONFIRMED);
	links = stats_sum(view->region, STAT_LINKS_UP);
	request->answer = json_pack("{s:b,s:I,s:I,s:I}", "paused", 1, "seconds",
	    (json_int_t)order->seconds, "unconfirmed", (json_int_t)unconfirmed,
	    "links", (json_int_t)links);
	if (links > 0)
		report_paused(request, unconfirmed);
	else
		request_report(request,
		    "no link to the server is up; clients are held for at most"
		    " %u s, until one is",
		    order->seconds);
	return true;
}

static bool
on_paused(struct request *request)
{
	return !is_given(request, PAUSE_WAIT_S, step_paused);
}

void
command_pause(struct request *request)
{
	const struct commands_view *view = request->view;
	const char *word = request_argument(request, 0);
	uint32_t seconds = (uint32_t)ceil(view->config->server.pause_s);

	if (word && (!control_word_number(word, &seconds) || seconds == 0 ||
			seconds > SERVER_PAUSE_MAX_S))
		request_fail(request,
		    "'%s' is no time to pause for: 1 to %u seconds",
		    wording_quote_short(word), SERVER_PAUSE_MAX_S);
	else if (strcmp(state_server_phase(view), "unknown") == 0)
		request_fail(request,
		    "the server has not been reached since the start: there is"
		    " nothing to pause");
	else
		begin(request, OPERATION_PAUSE, seconds, on_paused);
}

/* --- resume --- */

static bool
step_resumed(struct request *request)
{
	const struct commands_view *view = request->view;
	bool paused;
	uint32_t until_s;

	paused = state_pause(view, &until_s) != PAUSE_NONE;
	if (paused && !is_late(request))
		return false;
	request->answer = json_pack("{s:b,s:s}", "paused", paused, "server",
	    state_server_phase(view));
	if (paused)
		request_report(request,
		    "the server is not reached yet; clients go on as soon as it"
		    " is, and are held for at most %u s more",
		    steady_clock_age_s(steady_clock_coarse_s(), until_s));
	else
		request_report(request, "the pause is over; the server is %s",
		    state_server_phase(view));
	return true;
}

static bool
on_resumed(struct request *request)
{
	return !is_given(request, RESUME_WAIT_S, step_resumed);
}

void
command_resume(struct request *request)
{
	uint32_t until_s;

	if (state_pause(request->view, &until_s) == PAUSE_NONE)
		request_fail(request, "the server is not paused");
	else
		begin(request, OPERATION_RESUME, 0, on_resumed);
}
