/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/show.h"

#include "common/base/buf.h"
#include "master/cmctl/printed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct shown {
	enum show_form form;
	struct table_look look;
	FILE *out;
	struct table *table; /* NULL: no list has come */
	struct buf line;
	struct buf kept; /* lines to be printed at the end */
};

static void
print_line(struct shown *shown)
{
	buf_append_char(&shown->line, '\n');
	fwrite(buf_bytes(&shown->line), 1, buf_len(&shown->line), shown->out);
	buf_reset(&shown->line);
}

/* --- what comes --- */

static void
on_list(void *context, const json_t *list)
{
	struct shown *shown = context;

	if (shown->form != SHOW_PEOPLE)
		return;
	table_end(&shown->table, true);
	shown->table = table_new(list, shown->look, shown->out);
}

/* Kept until it is known whether a message comes instead. */
static void
keep_members(struct shown *shown, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		(void)printed_text(&shown->kept, key, strlen(key));
		buf_append_str(&shown->kept, ": ");
		(void)printed_value(&shown->kept, value);
		buf_append_char(&shown->kept, '\n');
	}
}

/* It may have lines. */
static void
on_message(void *context, const char *message)
{
	struct shown *shown = context;
	size_t len;

	if (shown->form == SHOW_JSON)
		return;
	buf_reset(&shown->kept);
	while (*message) {
		len = strcspn(message, "\n");
		(void)printed_text(&shown->kept, message, len);
		buf_append_char(&shown->kept, '\n');
		message += len + (message[len] == '\n');
	}
}

/* An element of a trace, and how many found no room before it. */
static void
print_element(struct shown *shown, const json_t *element)
{
	const json_t *time = json_object_get(element, "time");
	json_int_t lost =
	    json_integer_value(json_object_get(element, "lost_before"));
	json_int_t left =
	    json_integer_value(json_object_get(element, "left_out"));
	struct buf *line = &shown->line;
	const json_t *text = json_object_get(element, "text");
	size_t width;

	if (lost > 0) {
		(void)printed_value(line, time);
		buf_printf(line, " %" JSON_INTEGER_FORMAT " lost", lost);
		print_line(shown);
	}
	(void)printed_value(line, time);
	buf_append_char(line, ' ');
	width = printed_value(line, json_object_get(element, "direction"));
	buf_printf(line, "%*s ", width < 5 ? (int)(5 - width) : 0, "");
	if (json_string_length(text) > 0)
		(void)printed_value(line, text);
	if (left > 0)
		buf_printf(line, " (%" JSON_INTEGER_FORMAT " bytes more)",
		    left);
	print_line(shown);
}

static void
on_object(void *context, json_t *object, const char *line)
{
	struct shown *shown = context;

	if (shown->form == SHOW_JSON) {
		(void)printed_text(&shown->line, line, strcspn(line, "\n"));
		print_line(shown);
	} else if (shown->form == SHOW_TRACE) {
		print_element(shown, object);
	} else if (shown->table) {
		table_add(shown->table, object);
	} else {
		keep_members(shown, object);
	}
}

static void
on_text(void *context, const char *line)
{
	struct shown *shown = context;
	size_t len = strcspn(line, "\n");
	json_t *string;
	char *text;

	if (shown->form != SHOW_JSON) {
		(void)printed_text(&shown->line, line, len);
		print_line(shown);
		return;
	}
	string = json_stringn(line, len);
	text = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	buf_append_str(&shown->line, text ? text : "null");
	print_line(shown);
	free(text);
	json_decref(string);
}

int
show_answer(FILE *daemon, enum show_form form, struct table_look look,
    FILE *out)
{
	struct shown shown = { .form = form, .look = look, .out = out };
	int code;

	buf_init(&shown.line, 0);
	buf_init(&shown.kept, 0);
	code = talk_receive(daemon, &(struct talk_listener){ .context = &shown,
					.on_list = on_list,
					.on_object = on_object,
					.on_text = on_text,
					.on_message = on_message });
	if (buf_len(&shown.kept) > 0)
		fwrite(buf_bytes(&shown.kept), 1, buf_len(&shown.kept), out);
	table_end(&shown.table, code == DONE);
	buf_destroy(&shown.line);
	buf_destroy(&shown.kept);
	return code;
}

/* --- where --- */

static bool
is_plain(void)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return (no_color && *no_color) ||
	       (terminal && strcmp(terminal, "dumb") == 0);
}

struct table_look
show_look(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		return (struct table_look){ .width = 0 };
	return (struct table_look){ .width = size.ws_col, .bold = !is_plain() };
}
