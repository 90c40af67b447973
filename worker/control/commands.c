/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/commands.h"

#include "common/base/log_line.h"
#include "common/process/text_file.h"
#include "worker/control/report.h"
#include "worker/control/usage.h"
#include "worker/control/wording.h"

#include <stdlib.h>
#include <string.h>

/* Beside each row of usage.h. */
static const struct {
	enum operation operation;
	command_fn *handler;
} actions[] = {
#define COMMAND(words, operation, handler, arguments, help) \
	{ OPERATION_##operation, command_##handler },
#include "worker/control/commands.def"
#undef COMMAND
};

void
commands_begin(struct request *request, enum right right)
{
	const struct usage *usage = usage_find(&request->line, &request->first);
	size_t row = usage ? (size_t)(usage - usages) : 0;
	struct buf why;

	buf_init(&why, 0);
	if (!usage)
		usage_explain(&request->line, 0, &why);
	else if (right < access_needed(actions[row].operation))
		buf_append_str(&why, "not permitted");
	else if (usage_fits(usage, &request->line, request->first, &why))
		actions[row].handler(request);
	if (buf_len(&why) > 0)
		request_fail_with(request, &why);
	buf_destroy(&why);
}

/* --- small ones --- */

void
command_help(struct request *request)
{
	static const struct report_column columns[] = {
		{ "command", REPORT_TEXT, 1 },
		{ "arguments", REPORT_TEXT, 1 },
		{ "help", REPORT_LONG, 1 },
	};
	unsigned count = request->line.count - request->first;
	json_t *rows = request->answer = json_array();
	struct buf why;
	size_t i;

	request->table = (struct report_table){ .noun = "commands",
		.columns = columns,
		.count = ARRAY_LEN(columns) };
	for (i = 0; i < usage_count; i++)
		if (usage_begins(&usages[i], &request->line, request->first,
			count))
			json_array_append_new(rows,
			    json_pack("{s:s,s:s,s:s}", "command",
				usages[i].words, "arguments",
				usages[i].arguments, "help", usages[i].help));
	if (json_array_size(rows) > 0)
		return;
	buf_init(&why, 0);
	usage_explain(&request->line, request->first, &why);
	request_fail_with(request, &why);
}

/* --- the log's level --- */

static bool
on_level_set(struct request *request)
{
	const char *name = request_argument(request, 0);

	if (request->act.error) {
		request_fail(request, "the log level could not be set: %s",
		    strerror(-request->act.error));
		return true;
	}
	request->answer = json_pack("{s:s}", "level", name);
	request_report(request,
	    "all processes log at level %s; a reload sets log.level again",
	    name);
	return true;
}

static void
refuse_level(struct request *request, const char *name)
{
	const char *names[LOG_DEBUG + 1];
	struct buf why;
	int level;

	for (level = LOG_ERROR; level <= LOG_DEBUG; level++)
		names[level] = log_level_name((enum log_level)level);
	buf_init(&why, 0);
	buf_printf(&why, "'%s' is no log level; a level is one of ",
	    wording_quote_short(name));
	wording_join(&why, names, ARRAY_LEN(names), "or");
	request_fail_with(request, &why);
}

void
command_log_level(struct request *request)
{
	const char *name = request_argument(request, 0);
	int level;

	for (level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		if (strcmp(name, log_level_name((enum log_level)level)) != 0)
			continue;
		request_act(request,
		    (struct act){ .operation = OPERATION_LOG_LEVEL,
			.number = (uint32_t)level },
		    on_level_set);
		return;
	}
	refuse_level(request, name);
}

/* --- reload --- */

static void
join_lines(char *problems)
{
	for (; *problems; problems++)
		if ((unsigned char)*problems < ' ')
			*problems = ';';
}

/* Options with blanks between, and a line for people. */
static void
append_options(struct buf *out, const char *phrase, const char *options)
{
	if (buf_len(out) > 0 && *options)
		buf_append_char(out, '\n');
	if (*options)
		buf_printf(out, "%s: %s", phrase, options);
}

static void
report_reload(struct request *request, char *const texts[3])
{
	struct buf out;

	buf_init(&out, 0);
	append_options(&out, "applied", texts[0]);
	append_options(&out, "kept until a restart", texts[1]);
	if (buf_len(&out) == 0)
		buf_append_str(&out,
		    "the configuration was read again; nothing has changed");
	append_options(&out, "warnings", texts[2]);
	request_report(request, "%.*s", (int)buf_len(&out),
	    (const char *)buf_bytes(&out));
	buf_destroy(&out);
}

static void
answer_reload(struct request *request, char *const texts[3])
{
	json_t *answer = request->answer = json_object();

	report_reload(request, texts);
	join_lines(texts[2]);
	json_object_set_new(answer, "applied", report_string(texts[0]));
	json_object_set_new(answer, "needs_restart", report_string(texts[1]));
	json_object_set_new(answer, "warnings", report_string(texts[2]));
}

static bool
on_reloaded(struct request *request)
{
	char *texts[3]; /* applied, needs a restart, problems */
	size_t len;

	text_file_read(request->act.fd, ARRAY_LEN(texts), texts);
	len = strlen(texts[2]);
	if (len > 0 && texts[2][len - 1] == '\n')
		texts[2][len - 1] = '\0';
	if (!request->act.error)
		answer_reload(request, texts);
	else if (*texts[2])
		request_fail(request, "%s", texts[2]);
	else
		request_fail(request, "the configuration could not be read: %s",
		    strerror(-request->act.error));
	free(texts[0]);
	return true;
}

void
command_reload(struct request *request)
{
	request_act(request, (struct act){ .operation = OPERATION_RELOAD },
	    on_reloaded);
}
