/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client made of libstrophe, under test control: commands are lines on
 * standard input, events are lines on standard output.
 *
 *   strophe_client --jid JID --password WORD --port PORT --authority FILE
 *                  [--direct]
 *
 * Commands: connect | disconnect | message JID TEXT | subscribe JID |
 * accept JID | show VALUE | roster | quit; the end of input is quit.
 * Events: connected JID tls|plain | disconnected STREAM-ERROR ERRNO |
 * message FROM TEXT | presence FROM TYPE SHOW | item JID SUBSCRIPTION |
 * roster COUNT. STREAM-ERROR is libstrophe's number, or -; ERRNO as well;
 * what is not there is -.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <strophe.h>

#include "common/base/base.h"

/* How long libstrophe may wait for its socket before commands are read. */
#define TURN_MS   10
#define LINE_SIZE 4096

struct options {
	const char *jid;
	const char *password;
	const char *authority;
	unsigned short port;
	bool direct;
};

struct driver {
	struct options options;
	xmpp_ctx_t *context;
	xmpp_conn_t *conn; /* NULL before the first `connect` */
	bool done;
	char line[LINE_SIZE];
	size_t used;
};

static const char *
or_dash(const char *text)
{
	return text ? text : "-";
}

static int
on_message(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	struct driver *driver = data;
	char *body = xmpp_message_get_body(stanza);

	(void)conn;
	if (body)
		printf("message %s %s\n", or_dash(xmpp_stanza_get_from(stanza)),
		    body);
	xmpp_free(driver->context, body);
	return 1;
}

static int
on_presence(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	struct driver *driver = data;
	xmpp_stanza_t *show = xmpp_stanza_get_child_by_name(stanza, "show");
	char *text = show ? xmpp_stanza_get_text(show) : NULL;

	(void)conn;
	printf("presence %s %s %s\n", or_dash(xmpp_stanza_get_from(stanza)),
	    or_dash(xmpp_stanza_get_type(stanza)), or_dash(text));
	if (text)
		xmpp_free(driver->context, text);
	return 1;
}

static int
on_roster(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	xmpp_stanza_t *query =
	    xmpp_stanza_get_child_by_ns(stanza, XMPP_NS_ROSTER);
	int count = 0;

	(void)conn;
	(void)data;
	if (!query) {
		printf("roster -\n");
		return 0;
	}
	for (xmpp_stanza_t *item = xmpp_stanza_get_children(query); item;
	     item = xmpp_stanza_get_next(item)) {
		printf("item %s %s\n",
		    or_dash(xmpp_stanza_get_attribute(item, "jid")),
		    or_dash(xmpp_stanza_get_attribute(item, "subscription")));
		count++;
	}
	printf("roster %d\n", count);
	return 0;
}

/* Sends and drops the caller's reference. */
static void
send_and_release(struct driver *driver, xmpp_stanza_t *stanza)
{
	xmpp_send(driver->conn, stanza);
	xmpp_stanza_release(stanza);
}

static void
on_connection(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
    xmpp_stream_error_t *stream_error, void *data)
{
	struct driver *driver = data;

	if (event == XMPP_CONN_CONNECT) {
		printf("connected %s %s\n",
		    or_dash(xmpp_conn_get_bound_jid(conn)),
		    xmpp_conn_is_secured(conn) ? "tls" : "plain");
		xmpp_handler_add(conn, on_message, NULL, "message", NULL,
		    driver);
		xmpp_handler_add(conn, on_presence, NULL, "presence", NULL,
		    driver);
		send_and_release(driver, xmpp_presence_new(driver->context));
	} else if (stream_error) {
		printf("disconnected %d %d\n", (int)stream_error->type, error);
	} else {
		printf("disconnected - %d\n", error);
	}
}

/* A connection object serves once: its handlers and state stay with it. */
static void
command_connect(struct driver *driver, char *unused)
{
	const struct options *options = &driver->options;
	long flags = options->direct ? XMPP_CONN_FLAG_LEGACY_SSL
				     : XMPP_CONN_FLAG_MANDATORY_TLS;

	(void)unused;
	if (driver->conn)
		xmpp_conn_release(driver->conn);
	driver->conn = xmpp_conn_new(driver->context);
	xmpp_conn_set_jid(driver->conn, options->jid);
	xmpp_conn_set_pass(driver->conn, options->password);
	xmpp_conn_set_cafile(driver->conn, options->authority);
	if (xmpp_conn_set_flags(driver->conn, flags) != XMPP_EOK ||
	    xmpp_connect_client(driver->conn, "127.0.0.1", options->port,
		on_connection, driver) != XMPP_EOK)
		printf("disconnected - -1\n");
}

static void
command_disconnect(struct driver *driver, char *unused)
{
	(void)unused;
	xmpp_disconnect(driver->conn);
}

static void
command_message(struct driver *driver, char *rest)
{
	char *text = strchr(rest, ' ');
	xmpp_stanza_t *message;

	if (text)
		*text++ = '\0';
	message = xmpp_message_new(driver->context, "chat", rest, NULL);
	xmpp_message_set_body(message, text ? text : "");
	send_and_release(driver, message);
}

static void
send_presence(struct driver *driver, const char *type, const char *to)
{
	xmpp_stanza_t *presence = xmpp_presence_new(driver->context);

	xmpp_stanza_set_type(presence, type);
	xmpp_stanza_set_to(presence, to);
	send_and_release(driver, presence);
}

static void
command_subscribe(struct driver *driver, char *rest)
{
	send_presence(driver, "subscribe", rest);
}

static void
command_accept(struct driver *driver, char *rest)
{
	send_presence(driver, "subscribed", rest);
}

static void
command_show(struct driver *driver, char *rest)
{
	xmpp_stanza_t *presence = xmpp_presence_new(driver->context);
	xmpp_stanza_t *show = xmpp_stanza_new(driver->context);
	xmpp_stanza_t *text = xmpp_stanza_new(driver->context);

	xmpp_stanza_set_name(show, "show");
	xmpp_stanza_set_text(text, rest);
	xmpp_stanza_add_child(show, text);
	xmpp_stanza_add_child(presence, show);
	xmpp_stanza_release(text);
	xmpp_stanza_release(show);
	send_and_release(driver, presence);
}

static void
command_roster(struct driver *driver, char *unused)
{
	xmpp_stanza_t *iq = xmpp_iq_new(driver->context, "get", "roster-1");
	xmpp_stanza_t *query = xmpp_stanza_new(driver->context);

	(void)unused;
	xmpp_stanza_set_name(query, "query");
	xmpp_stanza_set_ns(query, XMPP_NS_ROSTER);
	xmpp_stanza_add_child(iq, query);
	xmpp_stanza_release(query);
	xmpp_id_handler_add(driver->conn, on_roster, "roster-1", driver);
	send_and_release(driver, iq);
}

static void
command_quit(struct driver *driver, char *unused)
{
	(void)unused;
	driver->done = true;
}

static const struct command {
	const char *name;
	void (*run)(struct driver *driver, char *rest);
	bool needs_connection;
} commands[] = {
	{ "connect", command_connect, false },
	{ "disconnect", command_disconnect, true },
	{ "message", command_message, true },
	{ "subscribe", command_subscribe, true },
	{ "accept", command_accept, true },
	{ "show", command_show, true },
	{ "roster", command_roster, true },
	{ "quit", command_quit, false },
};

static void
run(struct driver *driver, char *line)
{
	char *rest = strchr(line, ' ');
	bool connected = driver->conn && xmpp_conn_is_connected(driver->conn);

	if (rest)
		*rest++ = '\0';
	for (size_t at = 0; at < ARRAY_LEN(commands); at++) {
		if (strcmp(commands[at].name, line) != 0)
			continue;
		if (commands[at].needs_connection && !connected)
			printf("refused %s\n", line);
		else
			commands[at].run(driver,
			    rest ? rest : line + strlen(line));
		return;
	}
	printf("refused %s\n", line);
}

/* Takes what lies on standard input and runs the complete lines in it. */
static void
read_commands(struct driver *driver)
{
	ssize_t got = read(STDIN_FILENO, driver->line + driver->used,
	    LINE_SIZE - driver->used);
	char *end;

	if (got < 0)
		return;
	driver->used += (size_t)got;
	while ((end = memchr(driver->line, '\n', driver->used))) {
		size_t length = (size_t)(end - driver->line) + 1;

		*end = '\0';
		run(driver, driver->line);
		driver->used -= length;
		memmove(driver->line, driver->line + length, driver->used);
	}
	if (got == 0 || driver->used == LINE_SIZE)
		driver->done = true;
}

static bool
read_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "jid", required_argument, NULL, 'j' },
		{ "password", required_argument, NULL, 'p' },
		{ "port", required_argument, NULL, 'P' },
		{ "authority", required_argument, NULL, 'a' },
		{ "direct", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'j')
			options->jid = optarg;
		else if (option == 'p')
			options->password = optarg;
		else if (option == 'P')
			options->port =
			    (unsigned short)strtoul(optarg, NULL, 10);
		else if (option == 'a')
			options->authority = optarg;
		else if (option == 'd')
			options->direct = true;
		else
			return false;
	}
	return options->jid && options->password && options->port &&
	       options->authority;
}

int
main(int argc, char **argv)
{
	struct driver driver = { 0 };
	bool verbose = getenv("STROPHE_DEBUG") != NULL;

	if (!read_options(&driver.options, argc, argv)) {
		fprintf(stderr, "usage: strophe_client --jid JID --password "
				"WORD --port PORT --authority FILE "
				"[--direct]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0)
		return 1;
	xmpp_initialize();
	driver.context = xmpp_ctx_new(NULL,
	    verbose ? xmpp_get_default_logger(XMPP_LEVEL_DEBUG) : NULL);
	while (!driver.done) {
		read_commands(&driver);
		xmpp_run_once(driver.context, TURN_MS);
		if (!driver.conn)
			usleep(TURN_MS * 1000);
	}
	if (driver.conn)
		xmpp_conn_release(driver.conn);
	xmpp_ctx_free(driver.context);
	xmpp_shutdown();
	return 0;
}
