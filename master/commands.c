/* SPDX-License-Identifier: Apache-2.0 */
#include "master/commands.h"

#include "common/base/buf.h"
#include "common/base/log_line.h"
#include "common/net/fd.h"
#include "master/children.h"
#include "master/reload.h"
#include "master/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *words;
	enum right right;
	command_fn *handler;
	const char *arguments, *help;
} table[] = {
#define COMMAND(words, right, handler, arguments, help) \
	{ words, RIGHT_##right, command_##handler, arguments, help },
#include "master/commands.def"
#undef COMMAND
};

const char *
request_argument(const struct request *request, unsigned number)
{
	unsigned at = request->first + number;

	return at < request->line.count ? request->line.words[at] : NULL;
}

void
request_fail(struct request *request, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(request->error, sizeof(request->error), format, arguments);
	va_end(arguments);
}

/* How many words of the line the row takes; 0: it is another command. */
static unsigned
match(const struct control_line *line, const char *words)
{
	unsigned count = 0;
	size_t len;

	for (;; words += len + 1) {
		len = strcspn(words, " ");
		if (count == line->count || strlen(line->words[count]) != len ||
		    memcmp(line->words[count], words, len) != 0)
			return 0;
		count++;
		if (words[len] == '\0')
			return count;
	}
}

void
commands_begin(struct request *request, enum right right)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		request->first = match(&request->line, table[i].words);
		if (request->first == 0)
			continue;
		if (right < table[i].right)
			request_fail(request, "not permitted");
		else
			table[i].handler(request);
		return;
	}
	request_fail(request, "no such command; help lists them");
}

bool
commands_step(struct request *request)
{
	return request->error[0] || !request->step || request->step(request);
}

void
commands_end(struct request *request)
{
	json_decref(request->answer);
	free(request->state);
	fd_close(&request->fd);
	request->answer = NULL;
	request->state = NULL;
}

/* --- small ones --- */

void
command_help(struct request *request)
{
	size_t i;

	request->answer = json_array();
	for (i = 0; i < ARRAY_LEN(table); i++)
		json_array_append_new(request->answer,
		    json_pack("{s:s,s:s,s:s}", "command", table[i].words,
			"arguments", table[i].arguments, "help",
			table[i].help));
}

void
command_log_level(struct request *request)
{
	const char *name = request_argument(request, 0);
	int level;

	for (level = LOG_ERROR; name && level <= LOG_DEBUG; level++) {
		if (strcmp(name, log_level_name((enum log_level)level)) != 0)
			continue;
		log_set_level((enum log_level)level);
		children_send_log_level(request->view->children);
		return;
	}
	request_fail(request,
	    "a level is one of error, warning, notice, info, debug");
}

static void
join_lines(char *problems)
{
	size_t len = strlen(problems);
	char *at;

	if (len > 0 && problems[len - 1] == '\n')
		problems[len - 1] = '\0';
	for (at = problems; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ';';
}

void
command_reload(struct request *request)
{
	const struct commands_view *view = request->view;
	struct reload_report report;
	bool done = view->reload(view->context, &report);

	join_lines(report.problems);
	if (done) {
		request->answer = json_object();
		json_object_set_new(request->answer, "applied",
		    report_string(report.applied));
		json_object_set_new(request->answer, "needs_restart",
		    report_string(report.restart));
		json_object_set_new(request->answer, "warnings",
		    report_string(report.problems));
	} else {
		request_fail(request, "%s", report.problems);
	}
	reload_report_free(&report);
}
