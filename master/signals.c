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

	(void)loop;
	(void)events;
	signals->came[watcher - signals->watchers] = true;
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

bool
signals_take(struct signals *signals, enum signal_event *event_out,
    const char **name_out)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		if (!signals->came[i])
			continue;
		signals->came[i] = false;
		*event_out = table[i].event;
		*name_out = table[i].name;
		return true;
	}
	return false;
}

void
signals_stop(struct signals *signals)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(table); i++)
		ev_signal_stop(signals->loop, &signals->watchers[i]);
}
