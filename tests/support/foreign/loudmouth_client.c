/* SPDX-License-Identifier: Apache-2.0 */
/* A client made of loudmouth; lines.py says what it reads and writes. */
#include <glib-unix.h>
#include <glib.h>
#include <loudmouth/loudmouth.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static GMainLoop *loop;
static LmConnection *connection;
static char *jid, *password, *authority;
static int port;
static gboolean direct;

static const GOptionEntry entries[] = {
	{ "jid", 0, 0, G_OPTION_ARG_STRING, &jid, NULL, NULL },
	{ "password", 0, 0, G_OPTION_ARG_STRING, &password, NULL, NULL },
	{ "authority", 0, 0, G_OPTION_ARG_FILENAME, &authority, NULL, NULL },
	{ "port", 0, 0, G_OPTION_ARG_INT, &port, NULL, NULL },
	{ "direct", 0, 0, G_OPTION_ARG_NONE, &direct, NULL, NULL },
	{ 0 },
};

static void
leave(const char *why)
{
	if (why)
		printf("failed %s\n", why);
	g_main_loop_quit(loop);
}

/* --- what comes --- */

static LmHandlerResult
on_message(LmMessageHandler *handler, LmConnection *on, LmMessage *message,
    gpointer context)
{
	LmMessageNode *body = lm_message_node_get_child(message->node, "body");

	(void)handler;
	(void)on;
	(void)context;
	if (body)
		printf("message %s %s\n",
		    lm_message_node_get_attribute(message->node, "from"),
		    lm_message_node_get_value(body));
	return LM_HANDLER_RESULT_REMOVE_MESSAGE;
}

static LmHandlerResult
on_answer(LmMessageHandler *handler, LmConnection *on, LmMessage *answer,
    gpointer is_ping)
{
	LmMessageNode *query = lm_message_node_get_child(answer->node, "query");
	LmMessageNode *item = query ? query->children : NULL;
	unsigned count = 0;

	(void)handler;
	(void)on;
	for (; item; item = item->next)
		count++;
	if (is_ping)
		printf("pong\n");
	else
		printf("roster %u\n", count);
	return LM_HANDLER_RESULT_REMOVE_MESSAGE;
}

/* --- what is asked --- */

static void
query(const char *payload, const char *namespace, gboolean is_ping)
{
	LmMessage *iq = lm_message_new(is_ping ? strchr(jid, '@') + 1 : NULL,
	    LM_MESSAGE_TYPE_IQ);
	LmMessageNode *child =
	    lm_message_node_add_child(iq->node, payload, NULL);

	lm_message_node_set_attribute(child, "xmlns", namespace);
	lm_connection_send_with_reply(connection, iq,
	    lm_message_handler_new(on_answer, GINT_TO_POINTER(is_ping), NULL),
	    NULL);
	lm_message_unref(iq);
}

static void
send_to(const char *to, const char *body)
{
	LmMessage *message = lm_message_new_with_sub_type(to,
	    LM_MESSAGE_TYPE_MESSAGE, LM_MESSAGE_SUB_TYPE_CHAT);

	lm_message_node_add_child(message->node, "body", body);
	lm_connection_send(connection, message, NULL);
	lm_message_unref(message);
}

static void
obey(char **words)
{
	if (strcmp(words[0], "message") == 0)
		send_to(words[1], words[2]);
	else if (strcmp(words[0], "ping") == 0)
		query("ping", "urn:xmpp:ping", TRUE);
	else if (strcmp(words[0], "roster") == 0)
		query("query", "jabber:iq:roster", FALSE);
	else if (strcmp(words[0], "quit") == 0)
		leave(NULL);
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer context)
{
	static GString *kept;
	char bytes[4096], *end;
	ssize_t got = read(fd, bytes, sizeof(bytes));

	(void)condition;
	(void)context;
	if (got <= 0) {
		leave(NULL);
		return FALSE;
	}
	if (!kept)
		kept = g_string_new(NULL);
	g_string_append_len(kept, bytes, got);
	while ((end = strchr(kept->str, '\n'))) {
		char **words;

		*end = '\0';
		words = g_strsplit(kept->str, " ", 3);
		obey(words);
		g_strfreev(words);
		g_string_erase(kept, 0, end + 1 - kept->str);
	}
	return TRUE;
}

/* --- the log-in --- */

static void
on_authenticated(LmConnection *on, gboolean success, gpointer context)
{
	LmMessage *presence;

	(void)context;
	if (!success) {
		leave("auth");
		return;
	}
	presence = lm_message_new(NULL, LM_MESSAGE_TYPE_PRESENCE);
	lm_connection_send(on, presence, NULL);
	lm_message_unref(presence);
	printf("connected %s\n", lm_connection_get_full_jid(on));
	g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, NULL);
}

static void
on_open(LmConnection *on, gboolean success, gpointer context)
{
	const char *slash = strchr(jid, '/');
	char *user = g_strndup(jid, strcspn(jid, "@"));

	(void)context;
	if (!success || !lm_connection_authenticate(on, user, password,
			    slash + 1, on_authenticated, NULL, NULL, NULL))
		leave("connect");
	g_free(user);
}

static void
on_disconnect(LmConnection *on, LmDisconnectReason reason, gpointer context)
{
	(void)on;
	(void)context;
	if (reason != LM_DISCONNECT_REASON_OK)
		leave("stream");
}

static LmSSLResponse
on_tls_trouble(LmSSL *ssl, LmSSLStatus status, gpointer context)
{
	(void)ssl;
	(void)status;
	(void)context;
	return LM_SSL_RESPONSE_STOP;
}

static LmConnection *
make_connection(void)
{
	LmConnection *made = lm_connection_new("127.0.0.1");
	LmSSL *ssl = lm_ssl_new(NULL, on_tls_trouble, NULL, NULL);
	char *bare = g_strndup(jid, strcspn(jid, "/"));

	lm_ssl_set_ca(ssl, authority);
	if (!direct)
		lm_ssl_use_starttls(ssl, TRUE, TRUE);
	lm_connection_set_ssl(made, ssl);
	lm_ssl_unref(ssl);
	lm_connection_set_jid(made, bare);
	g_free(bare);
	lm_connection_set_port(made, (guint)port);
	lm_connection_set_disconnect_function(made, on_disconnect, NULL, NULL);
	lm_connection_register_message_handler(made,
	    lm_message_handler_new(on_message, NULL, NULL),
	    LM_MESSAGE_TYPE_MESSAGE, LM_HANDLER_PRIORITY_NORMAL);
	return made;
}

int
main(int argc, char **argv)
{
	GOptionContext *context = g_option_context_new(NULL);

	setvbuf(stdout, NULL, _IOLBF, 0);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || !jid ||
	    !strchr(jid, '/') || !password || !authority)
		return 2;
	g_option_context_free(context);
	loop = g_main_loop_new(NULL, FALSE);
	connection = make_connection();
	if (lm_connection_open(connection, on_open, NULL, NULL, NULL))
		g_main_loop_run(loop);
	else
		printf("failed connect\n");
	lm_connection_close(connection, NULL);
	printf("ended\n");
	return 0;
}
