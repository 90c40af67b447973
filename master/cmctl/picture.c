/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/picture.h"

#include "common/base/buf.h"
#include "common/base/steady_clock.h"
#include "master/cmctl/colour.h"
#include "master/cmctl/printed.h"
#include "master/cmctl/process_use.h"
#include "master/cmctl/show.h"
#include "master/cmctl/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MEBIBYTE     1048576.
#define SESSIONS_MAX 10000u /* more the daemon refuses: cmctl(1), limit= */

static const struct rate process_rates[] = {
	{ "stanzas_up", "up/s", 1 },
	{ "stanzas_down", "down/s", 1 },
	{ "processor_s", "cpu%", 100 },
};
static const struct rate session_rates[] = {
	{ "stanzas_up", "up/s", 1 },
	{ "stanzas_down", "down/s", 1 },
};

/* --- what the daemon says --- */

struct answer {
	struct picture *picture;
	json_t *list; /* what the rows are; NULL: it is no list */
	json_t *rows; /* or one object */
};

static void
on_list(void *context, const json_t *list)
{
	struct answer *answer = context;

	json_decref(answer->list);
	answer->list = json_deep_copy(list);
}

static void
on_object(void *context, json_t *object, const char *line)
{
	struct answer *answer = context;

	(void)line;
	json_array_append(answer->rows, object);
}

static void
on_failure(void *context, const char *why)
{
	struct picture *picture = ((struct answer *)context)->picture;

	free(picture->why);
	picture->why = xstrdup(why);
}

/* An exit code; the answer is freed by the caller. */
static int
request(struct picture *picture, const char *const *words,
    struct answer *answer_out)
{
	*answer_out = (struct answer){ picture, NULL, json_array() };
	talk_send(picture->daemon, words);
	return talk_receive(picture->daemon,
	    &(struct talk_listener){ .context = answer_out,
		.on_list = on_list,
		.on_object = on_object,
		.on_failure = on_failure });
}

static void
free_answer(struct answer *answer)
{
	json_decref(answer->list);
	json_decref(answer->rows);
}

/* --- lines --- */

static void
put(struct picture *picture, const char *line, size_t len,
    const struct colour_span *span)
{
	static const struct colour_span nothing = { NULL, 0, 0 };

	if (picture->row >= picture->rows)
		return;
	printf("\033[%u;1H", ++picture->row);
	colour_print(line, len, picture->plain ? &nothing : span, stdout);
	fputs(COLOUR_END "\033[K", stdout);
}

static void
put_cut(struct picture *picture, const char *line, size_t len,
    const struct colour_span *span)
{
	put(picture, line, printed_fit(line, len, picture->columns), span);
}

static void
put_table(struct picture *picture, const struct answer *answer)
{
	struct table_look look = {
		.width = picture->columns, .bold = !picture->plain, .cut = true
	};
	char *text = NULL, *at;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);
	struct table *table;
	json_t *row;

	CHECK(out);
	table = table_new(answer->list, look, out);
	json_array_foreach(answer->rows, i, row)
	{
		table_add(table, row);
	}
	table_end(&table, true);
	fclose(out);
	for (at = text; *at; at += len + 1) {
		len = strcspn(at, "\n");
		put(picture, at, len, &(struct colour_span){ NULL, 0, 0 });
	}
	free(text);
}

/* --- parts --- */

/* Of what `show info` says that which says most. */
static void
put_state(struct picture *picture, const json_t *info)
{
	static const char *const keys[] = { "version", "uptime_s", "server",
		"links", "links_wanted", "clients", "workers" };
	struct colour_span span = { NULL, 0, 0 },
			   help = { COLOUR_FAINT, 0, strlen(picture->help) };
	struct buf line;
	size_t i;

	buf_init(&line, 0);
	for (i = 0; i < ARRAY_LEN(keys); i++) {
		const json_t *value = json_object_get(info, keys[i]);
		const char *code = colour_of(keys[i], value);
		size_t begin;

		buf_printf(&line, "%s%s: ", i > 0 ? "  " : "", keys[i]);
		begin = buf_len(&line);
		(void)printed_value(&line, value);
		if (code)
			span =
			    (struct colour_span){ code, begin, buf_len(&line) };
	}
	put_cut(picture, (const char *)buf_bytes(&line), buf_len(&line), &span);
	put_cut(picture, picture->help, help.end, &help);
	buf_destroy(&line);
}

static int
draw_state(struct picture *picture, bool *here_out)
{
	static const char *const words[] = { "show", "info", NULL };
	struct answer answer;
	int code = request(picture, words, &answer);
	const json_t *info = json_array_get(answer.rows, 0);

	*here_out = process_use_is_here(fileno(picture->daemon),
	    (uint32_t)json_integer_value(json_object_get(info, "pid")));
	if (code == DONE)
		put_state(picture, info);
	free_answer(&answer);
	return code;
}

static json_t *
column(const char *name, const char *type, int rank)
{
	return json_pack("{s:s,s:s,s:i}", "name", name, "type", type, "rank",
	    rank);
}

/* Rates in the place of what has been counted since the start. */
static json_t *
process_list(void)
{
	return json_pack("{s:s,s:[o,o,o,o,o,o,o,o,o]}", "noun", "processes",
	    "columns", column("process", "text", 1),
	    column("worker", "number", 1), column("pid", "number", 4),
	    column("state", "text", 3), column("clients", "number", 2),
	    column("up/s", "number", 1), column("down/s", "number", 1),
	    column("cpu%", "number", 1), column("MiB", "number", 1));
}

static void
add_use(json_t *rows)
{
	struct process_use use;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *pid = json_object_get(row, "pid");

		if (!process_use_read((uint32_t)json_integer_value(pid), &use))
			continue;
		json_object_set_new(row, "processor_s",
		    json_real(use.processor_s));
		json_object_set_new(row, "MiB",
		    json_real((double)use.memory_bytes / MEBIBYTE));
	}
}

static int
draw_processes(struct picture *picture, bool here)
{
	static const char *const words[] = { "show", "workers", NULL };
	struct answer answer;
	int code = request(picture, words, &answer);

	if (here)
		add_use(answer.rows);
	rates_apply(&picture->processes, answer.rows, steady_clock_s());
	json_decref(answer.list);
	answer.list = process_list();
	if (code == DONE)
		put_table(picture, &answer);
	free_answer(&answer);
	return code;
}

static int
draw_links(struct picture *picture)
{
	static const char *const words[] = { "show", "links", NULL };
	struct answer answer;
	int code = request(picture, words, &answer);

	if (code == DONE)
		put_table(picture, &answer);
	free_answer(&answer);
	return code;
}

static int
draw_sessions(struct picture *picture)
{
	char sort[64], limit[32];
	const char *const words[] = { "show", "sessions", sort, limit, NULL };
	struct answer answer;
	json_t *columns;
	int code;

	if (picture->row + 1 >= picture->rows)
		return DONE;
	snprintf(sort, sizeof(sort), "sort=%s%s", picture->ascending ? "-" : "",
	    picture->sort);
	snprintf(limit, sizeof(limit), "limit=%u",
	    MIN(picture->rows - picture->row - 1, SESSIONS_MAX));
	code = request(picture, words, &answer);
	rates_apply(&picture->sessions, answer.rows, steady_clock_s());
	columns = json_object_get(answer.list, "columns");
	json_array_append_new(columns, column("up/s", "number", 2));
	json_array_append_new(columns, column("down/s", "number", 2));
	if (code == DONE)
		put_table(picture, &answer);
	free_answer(&answer);
	return code;
}

/* --- whole --- */

static void
measure(struct picture *picture)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){ 0 };
	picture->rows = size.ws_row > 0 ? size.ws_row : 24;
	picture->columns = size.ws_col > 0 ? size.ws_col : 80;
	picture->row = 0;
}

void
picture_init(struct picture *picture)
{
	picture->plain = !show_look(STDOUT_FILENO).bold;
	picture->processes = (struct rates){ .key = "pid",
		.rates = process_rates,
		.count = ARRAY_LEN(process_rates) };
	picture->sessions = (struct rates){ .key = "id",
		.rates = session_rates,
		.count = ARRAY_LEN(session_rates) };
	rates_init(&picture->processes);
	rates_init(&picture->sessions);
}

int
picture_draw(struct picture *picture)
{
	bool here;
	int code;

	measure(picture);
	code = draw_state(picture, &here);
	if (code == DONE)
		code = draw_processes(picture, here);
	if (code == DONE)
		code = draw_links(picture);
	if (code == DONE)
		code = draw_sessions(picture);
	printf("\033[J");
	fflush(stdout);
	return code;
}

void
picture_destroy(struct picture *picture)
{
	rates_destroy(&picture->processes);
	rates_destroy(&picture->sessions);
	free(picture->why);
}
