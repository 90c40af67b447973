/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands on standard input, one line each; one line answers each: `ok`,
 * `error ...` or JSON.
 *
 *   stats | links | sessions | judge | numbers | deliveries   what there
 *                              is, as JSON
 *   silence                    the longest time between two numbered stanzas
 *                              since it was asked last, when it ended and when
 *                              the last of them came, in microseconds; moments
 *                              are those of CLOCK_MONOTONIC
 *   wait COUNTER =|<|> VALUE   answered when it is so (stats.def, or `load`)
 *   load COUNT [BYTES [RATE [FIRST]]]   numbered messages to every bound
 *                              session, at most so many a second; 0: as many
 *                              as links take
 *   cut N|all [rst]            ends links by FIN, or by RST
 *   retire N                   ends a link's stream, reads what is left
 *   shutdown [error|fin]       of the server, in the dialect's way or this
 *   refuse none|silent|error|close|secret|mute   the next links
 *   secret TEXT                what managers must know from now on
 *   stall N|all none|read|write|both
 *   poison none|fin|rst [TEXT [TEXT]]   ends a link at what holds the texts
 *   split BYTES                writes at most so many at a time; 0: all
 *   listen on|off
 *   resend on|off              numbered stanzas that a dead link's peer did not
 *                              acknowledge, by another link; off: `numbers`
 *                              calls them unreached
 *   raw ID TEXT                to a session as SASL and errors are sent
 *   packet ID TEXT             to a session as stanzas are sent
 *   push N TEXT                bytes on a link
 *   kick ID [CONDITION]        ends a session as the dialect does
 *   close ID [CONDITION]       only the close IQ
 *   configure [optional|required|disabled]   sends the configuration again
 *   heartbeat                  a blank on every link
 *   quit
 *
 * N is a link's number, ID a streamid or full JID.
 */
#include "tests/support/fake_openfire/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHUTDOWN \
	"<stream:error xmlns:stream=\"http://etherx.jabber.org/streams\">" \
	"<system-shutdown xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>" \
	"</stream:error></stream:stream>"

static void
answer(const char *text)
{
	puts(text);
	fflush(stdout);
}

static struct link *
link_numbered(struct fake *fake, const char *number)
{
	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (!link->dead && link->number == strtoul(number, NULL, 10))
			return link;
	}
	return NULL;
}

static struct session *
session_named(struct fake *fake, const char *name)
{
	list_each(at, &fake->by_id[hash_text(name)])
	{
		struct session *session =
		    container_of(at, struct session, in_id_row);

		if (!strcmp(session->streamid, name))
			return session;
	}
	return session_by_jid(fake, name);
}

static bool
do_load(struct fake *fake, char *rest)
{
	char *end;

	fake->job.count = strtol(rest, &end, 10);
	fake->job.size = strtoul(end, &end, 10);
	fake->job.interval = strtod(end, &end);
	fake->job.next = strtol(end, NULL, 10);
	fake->job.interval =
	    fake->job.interval > 0 ? 1 / fake->job.interval : 0;
	fake->job.next_at = 0;
	fake->job.active = fake->job.count > fake->job.next;
	return false;
}

static bool
do_cut(struct fake *fake, char *rest)
{
	bool reset = strstr(rest, "rst") != NULL;
	struct link *link = link_numbered(fake, rest);

	if (!strncmp(rest, "all", 3)) {
		list_each(at, &fake->links)
		    link_cut(container_of(at, struct link, in_fake), reset);
		return false;
	}
	if (!link) {
		answer("error no such link");
		return true;
	}
	link_cut(link, reset);
	return false;
}

static bool
do_retire(struct fake *fake, char *rest)
{
	struct link *link = link_numbered(fake, rest);

	if (!link) {
		answer("error no such link");
		return true;
	}
	manager_leave(link);
	link_printf(link, "</stream:stream>");
	return false;
}

static bool
do_shutdown(struct fake *fake, char *rest)
{
	bool error =
	    *rest ? !strcmp(rest, "error") : fake->dialect->says_shutdown;

	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (error)
			link_printf(link, "%s", SHUTDOWN);
		link_finish(link);
	}
	return false;
}

static bool
do_refuse(struct fake *fake, char *rest)
{
	static const char *const ways[] = { "none", "silent", "error", "close",
		"secret", "mute" };

	for (size_t at = 0; at < ARRAY_LEN(ways); at++) {
		if (!strcmp(ways[at], rest)) {
			fake->refuse = (enum refuse)at;
			return false;
		}
	}
	answer("error none, silent, error, close, secret or mute");
	return true;
}

static bool
do_stall(struct fake *fake, char *rest)
{
	bool read = strstr(rest, "read") || strstr(rest, "both");
	bool write = strstr(rest, "write") || strstr(rest, "both");
	bool all = !strncmp(rest, "all", 3);

	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (!all && link->number != strtoul(rest, NULL, 10))
			continue;
		link->stall_read = read;
		link->stall_write = write;
		link_watch(link);
	}
	return false;
}

static bool
do_poison(struct fake *fake, char *rest)
{
	char way[8] = "";

	fake->poison[0][0] = fake->poison[1][0] = '\0';
	(void)sscanf(rest, "%7s %255s %255s", way, fake->poison[0],
	    fake->poison[1]);
	fake->poison_resets = !strcmp(way, "rst");
	return false;
}

static bool
to_session(struct fake *fake, char *rest, bool raw)
{
	char *text = strchr(rest, ' ');
	struct session *session;

	if (text)
		*text++ = '\0';
	session = session_named(fake, rest);
	if (!session || !text) {
		answer("error no such session");
		return true;
	}
	if (raw)
		session_raw(fake, session, text);
	else
		session_send(fake, session, text, strlen(text));
	return false;
}

static bool
do_raw(struct fake *fake, char *rest)
{
	return to_session(fake, rest, true);
}

static bool
do_packet(struct fake *fake, char *rest)
{
	return to_session(fake, rest, false);
}

static bool
do_push(struct fake *fake, char *rest)
{
	struct link *link = link_numbered(fake, rest);
	char *text = strchr(rest, ' ');

	if (!link || !text) {
		answer("error no such link");
		return true;
	}
	link_send_item(link, text + 1, strlen(text + 1));
	return false;
}

/* Of "NAME CONDITION"; the condition may be missing. NULL: has said so. */
static struct session *
session_and_condition(struct fake *fake, char *rest, char **condition_out)
{
	struct session *session;

	*condition_out = strchr(rest, ' ');
	if (*condition_out)
		*(*condition_out)++ = '\0';
	session = session_named(fake, rest);
	if (!session)
		answer("error no such session");
	return session;
}

static bool
do_kick(struct fake *fake, char *rest)
{
	char *condition;
	struct session *session = session_and_condition(fake, rest, &condition);

	if (!session)
		return true;
	session_kick(fake, session, condition ? condition : "");
	return false;
}

static bool
do_close(struct fake *fake, char *rest)
{
	char *condition;
	struct session *session = session_and_condition(fake, rest, &condition);

	if (!session)
		return true;
	session_close_iq(fake, session, condition);
	return false;
}

static bool
do_configure(struct fake *fake, char *rest)
{
	if (!strcmp(rest, "required"))
		fake->starttls = "required";
	else if (!strcmp(rest, "disabled"))
		fake->starttls = "disabled";
	else
		fake->starttls = "optional";
	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (!link->dead && link->phase == LINK_READY)
			send_configuration(link);
	}
	return false;
}

static bool
do_heartbeat(struct fake *fake, char *rest)
{
	(void)rest;
	list_each(at, &fake->links)
	    link_send(container_of(at, struct link, in_fake), " ", 1);
	return false;
}

static bool
do_secret(struct fake *fake, char *rest)
{
	static char secret[256];

	snprintf(secret, sizeof(secret), "%s", rest);
	fake->secret = secret;
	return false;
}

static bool
do_split(struct fake *fake, char *rest)
{
	fake->split = (unsigned)strtoul(rest, NULL, 10);
	return false;
}

static bool
do_listen(struct fake *fake, char *rest)
{
	fake_listen(fake, strcmp(rest, "off") != 0);
	return false;
}

static bool
do_resend(struct fake *fake, char *rest)
{
	fake->forgets = !strcmp(rest, "off");
	return false;
}

static bool
do_silence(struct fake *fake, char *rest)
{
	struct silence silence = numbers_take_silence(fake);
	char text[96];

	(void)rest;
	snprintf(text, sizeof(text), "%llu %llu %llu",
	    (unsigned long long)silence.length_us,
	    (unsigned long long)silence.end_us,
	    (unsigned long long)fake->numbered_at_us);
	answer(text);
	return true;
}

static bool
do_wait(struct fake *fake, char *rest)
{
	char op;
	long value;

	if (sscanf(rest, "%63s %c %ld", fake->wait_for, &op, &value) != 3 ||
	    (strcmp(fake->wait_for, "load") != 0 &&
		!fake_counter(fake, fake->wait_for))) {
		answer("error wait COUNTER =|<|> VALUE");
		return true;
	}
	fake->wait_op = op;
	fake->wait_value = value;
	fake->waiting = true;
	return true;
}

static bool
do_quit(struct fake *fake, char *rest)
{
	(void)rest;
	ev_break(fake->loop, EVBREAK_ALL);
	return false;
}

static const struct {
	const char *name;
	bool (*run)(struct fake *, char *); /* true: it has answered */
} commands[] = {
	{ "stats", report_stats },
	{ "links", report_links },
	{ "sessions", report_sessions },
	{ "judge", report_judge },
	{ "numbers", report_numbers },
	{ "deliveries", report_deliveries },
	{ "load", do_load },
	{ "cut", do_cut },
	{ "retire", do_retire },
	{ "shutdown", do_shutdown },
	{ "refuse", do_refuse },
	{ "secret", do_secret },
	{ "stall", do_stall },
	{ "poison", do_poison },
	{ "raw", do_raw },
	{ "packet", do_packet },
	{ "push", do_push },
	{ "kick", do_kick },
	{ "close", do_close },
	{ "configure", do_configure },
	{ "heartbeat", do_heartbeat },
	{ "split", do_split },
	{ "listen", do_listen },
	{ "resend", do_resend },
	{ "silence", do_silence },
	{ "wait", do_wait },
	{ "quit", do_quit },
};

static void
run(struct fake *fake, char *line)
{
	char *rest = line + strcspn(line, " ");

	if (*rest)
		*rest++ = '\0';
	fake->waiting = false;
	for (size_t at = 0; at < ARRAY_LEN(commands); at++) {
		if (strcmp(commands[at].name, line) != 0)
			continue;
		if (!commands[at].run(fake, rest))
			answer("ok");
		return;
	}
	answer("error unknown command");
}

void
control_check(struct fake *fake)
{
	int64_t value;

	if (!fake->waiting)
		return;
	value = fake_counter(fake, fake->wait_for)
		    ? *fake_counter(fake, fake->wait_for)
		    : fake->job.active;
	if (fake->wait_op == '='   ? value == fake->wait_value
	    : fake->wait_op == '<' ? value < fake->wait_value
				   : value > fake->wait_value) {
		fake->waiting = false;
		answer("ok");
	}
}

static void
on_command(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct fake *fake = watcher->data;
	struct buf *line = &fake->command_line;
	char bytes[4096];
	ssize_t got = read(watcher->fd, bytes, sizeof(bytes));

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	for (ssize_t at = 0; at < got; at++) {
		(void)buf_append_char(line,
		    bytes[at] == '\n' ? '\0' : bytes[at]);
		if (bytes[at] != '\n')
			continue;
		run(fake, (char *)line->data);
		buf_reset(line);
	}
}

void
control_start(struct fake *fake)
{
	ev_io_init(&fake->commands, on_command, STDIN_FILENO, EV_READ);
	fake->commands.data = fake;
	ev_io_start(fake->loop, &fake->commands);
}
