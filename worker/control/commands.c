/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/commands.h"

#include "common/base/log_line.h"
#include "common/process/text_file.h"
#include "worker/control/report.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *words;
	enum operation operation;
	command_fn *handler;
	const char *arguments, *help;
} table[] = {
#define COMMAND(words, operation, handler, arguments, help) \
	{ words, OPERATION_##operation, command_##handler, arguments, help },
#include "worker/control/commands.def"
#undef COMMAND
};

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
		if (right < access_needed(table[i].operation))
			request_fail(request, "not permitted");
		else
			table[i].handler(request);
		return;
	}
	request_fail(request, "no such command; help lists them");
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

static bool
on_level_set(struct request *request)
{
	if (request->act.error)
		request_fail(request, "%s", strerror(-request->act.error));
	return true;
}

void
command_log_level(struct request *request)
{
	const char *name = request_argument(request, 0);
	int level;

	for (level = LOG_ERROR; name && level <= LOG_DEBUG; level++) {
		if (strcmp(name, log_level_name((enum log_level)level)) != 0)
			continue;
		request_act(request,
		    (struct act){ .operation = OPERATION_LOG_LEVEL,
			.number = (uint32_t)level },
		    on_level_set);
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

static bool
on_reloaded(struct request *request)
{
	char *texts[3]; /* applied, needs a restart, problems */

	text_file_read(request->act.fd, ARRAY_LEN(texts), texts);
	join_lines(texts[2]);
	if (request->act.error) {
		request_fail(request, "%s",
		    *texts[2] ? texts[2] : strerror(-request->act.error));
	} else {
		request->answer = json_object();
		json_object_set_new(request->answer, "applied",
		    report_string(texts[0]));
		json_object_set_new(request->answer, "needs_restart",
		    report_string(texts[1]));
		json_object_set_new(request->answer, "warnings",
		    report_string(texts[2]));
	}
	free(texts[0]);
	return true;
}

void
command_reload(struct request *request)
{
	request_act(request, (struct act){ .operation = OPERATION_RELOAD },
	    on_reloaded);
}
