/* SPDX-License-Identifier: Apache-2.0 */
#include "master/signals.h"

#include <signal.h>

static const struct {
	int number;
	const char *name;
	enum signal_event event;
} table[] = {
	{ SIGTERM, "TERM", SIGNAL_STOP },
	{ SIGINT, "INT", SIGNAL_STOP },
	{ SIGQUIT, "QUIT", SIGNAL_DRAIN },
	{ SIGCHLD, "CHLD", SIGNAL_CHILD },
	{ SIGHUP, "HUP", SIGNAL_RELOAD },
	{ SIGUSR1, "USR1", SIGNAL_REOPEN },
	{ SIGUSR2, "USR2", SIGNAL_UNSUPPORTED },
	{ SIGTTIN, "TTIN", SIGNAL_MORE },
	{ SIGTTOU, "TTOU", SIGNAL_FEWER },
};

_Static_assert(ARRAY_LEN(table) <= SIGNALS_MAX, "a watcher each");

static void
on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct signals *signals = watcher->data;
	size_t row = (size_t)(watcher - signals->watchers);

	(void)loop;
	(void)events;
	signals->on_event(signals->context, table[row].event, table[row].name);
}

void
signals_ignore(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a full log is an error of a write */
}

void
signals_start(struct signals *signals, struct ev_loop *loop)
{
	size_t i;

	signals_ignore();
	signals->loop = loop;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		ev_signal_init(&signals->watchers[i], on_signal,
		    table[i].number);
		signals->watchers[i].data = signals;
		ev_signal_start(loop, &signals->watchers[i]);
	}
}

void
signals_stop(struct signals *signals)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(table); i++)
		ev_signal_stop(signals->loop, &signals->watchers[i]);
}
