/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log_line.h"

#include "common/base/printable.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FACILITY_DAEMON 3
#define STAMP_MAX       40

/* Severities: RFC 5424 section 6.2.1 and sd-daemon(3). */
static const struct {
	const char *name;
	int severity;
} levels[] = {
	[LOG_ERROR] = { "error", 3 },
	[LOG_WARNING] = { "warning", 4 },
	[LOG_NOTICE] = { "notice", 5 },
	[LOG_INFO] = { "info", 6 },
	[LOG_DEBUG] = { "debug", 7 },
};

const char *
log_level_name(enum log_level level)
{
	return levels[level].name;
}

/* --- what is written to --- */

struct sheet {
	char *out;
	size_t len, cap;
	bool full; /* something was left out */
};

static struct sheet
sheet_of(char *out, size_t cap)
{
	out[0] = '\0';
	return (struct sheet){ .out = out, .cap = cap };
}

static void
put(struct sheet *sheet, const char *bytes, size_t len)
{
	size_t room = sheet->cap - sheet->len;

	if (len > room) {
		sheet->full = true;
		len = room;
	}
	memcpy(sheet->out + sheet->len, bytes, len);
	sheet->len += len;
}

PRINTF_LIKE(2, 3)
static void
put_format(struct sheet *sheet, const char *format, ...)
{
	char text[128];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > 0)
		put(sheet, text, MIN((size_t)len, sizeof(text) - 1));
}

static void
put_plain(struct sheet *sheet, const char *text, size_t len)
{
	size_t i, wide;
	bool shown;

	for (i = 0; i < len; i += wide) {
		wide = printable_next(text + i, len - i, &shown);
		put(sheet, shown ? text + i : " ", shown ? wide : 1);
	}
}

/* --- phrase and pairs --- */

struct pair {
	const char *key, *value;
	size_t key_len, value_len;
};

static size_t
key_len(const char *text)
{
	size_t len = 0;

	while (islower((unsigned char)text[len]) ||
	       (len > 0 &&
		   (isdigit((unsigned char)text[len]) || text[len] == '_')))
		len++;
	return text[len] == '=' ? len : 0;
}

/* Where the next pair begins: after a blank; NULL: no more. */
static const char *
next_pair(const char *text)
{
	for (; *text; text++)
		if (text[0] == ' ' && key_len(text + 1) > 0)
			return text + 1;
	return NULL;
}

/* The pair at *text, which moves behind it. */
static bool
take_pair(const char **text, struct pair *pair_out)
{
	const char *at = *text, *end;

	if (!at || !*at)
		return false;
	pair_out->key = at;
	pair_out->key_len = key_len(at);
	at += pair_out->key_len + 1;
	end = *at == '"' ? strchr(at + 1, '"') : NULL;
	if (end) {
		at++;
		*text = next_pair(end);
	} else {
		*text = next_pair(at);
		end = *text ? *text - 1 : at + strlen(at);
	}
	pair_out->value = at;
	pair_out->value_len = (size_t)(end - at);
	return true;
}

static const char *
first_pair(const char *body)
{
	return key_len(body) > 0 ? body : next_pair(body);
}

static size_t
phrase_len(const char *body)
{
	const char *at;

	if (key_len(body) > 0)
		return 0;
	for (at = body; *at; at++)
		if (at[0] == ' ' && key_len(at + 1) > 0)
			break;
	return (size_t)(at - body);
}

/* --- text, syslog, journal --- */

static void
put_stamp(struct sheet *sheet, const struct timespec *time)
{
	struct tm utc;
	char stamp[STAMP_MAX];

	(void)gmtime_r(&time->tv_sec, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	put_format(sheet, "%s.%03ldZ", stamp, time->tv_nsec / 1000000);
}

static void
put_message(struct sheet *sheet, const struct log_line *line)
{
	put_format(sheet, "%s: ", line->process);
	put_plain(sheet, line->body, strlen(line->body));
}

size_t
log_line_text(const struct log_line *line, char out[LOG_LINE_MAX])
{
	struct sheet sheet = sheet_of(out, LOG_LINE_MAX - 1);

	put_stamp(&sheet, &line->time);
	put_format(&sheet, " %s ", log_level_name(line->level));
	put_message(&sheet, line);
	out[sheet.len] = '\n';
	return sheet.len + 1;
}

/* The stamp is the local time, as syslog(3) has it. */
size_t
log_line_syslog(const struct log_line *line, char out[LOG_LINE_MAX])
{
	struct sheet sheet = sheet_of(out, LOG_LINE_MAX);
	struct tm local;
	char stamp[STAMP_MAX];

	(void)localtime_r(&line->time.tv_sec, &local);
	(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &local);
	put_format(&sheet, "<%d>%s cmanagerd[%d]: ",
	    FACILITY_DAEMON << 3 | levels[line->level].severity, stamp,
	    line->pid);
	put_message(&sheet, line);
	return sheet.len;
}

static void
put_journal_key(struct sheet *sheet, const struct pair *pair)
{
	size_t i;

	put(sheet, "CM_", 3);
	for (i = 0; i < pair->key_len; i++) {
		char byte = (char)toupper((unsigned char)pair->key[i]);

		put(sheet, &byte, 1);
	}
	put(sheet, "=", 1);
}

size_t
log_line_journal(const struct log_line *line, char out[LOG_LINE_MAX])
{
	struct sheet sheet = sheet_of(out, LOG_LINE_MAX);
	const char *at = first_pair(line->body);
	struct pair pair;
	size_t whole;

	put_format(&sheet, "PRIORITY=%d\nSYSLOG_IDENTIFIER=cmanagerd\n",
	    levels[line->level].severity);
	put_format(&sheet, "CM_SOURCE=%s\nMESSAGE=", line->process);
	put_message(&sheet, line);
	put(&sheet, "\n", 1);
	whole = sheet.len;
	while (take_pair(&at, &pair)) {
		put_journal_key(&sheet, &pair);
		put_plain(&sheet, pair.value, pair.value_len);
		put(&sheet, "\n", 1);
		if (sheet.full)
			break;
		whole = sheet.len;
	}
	return whole;
}

/* --- JSON --- */

static void
put_string(struct sheet *sheet, const char *text, size_t len)
{
	size_t i, wide;
	bool shown;

	put(sheet, "\"", 1);
	for (i = 0; i < len; i += wide) {
		wide = printable_next(text + i, len - i, &shown);
		if (text[i] == '"' || text[i] == '\\')
			put_format(sheet, "\\%c", text[i]);
		else if (shown)
			put(sheet, text + i, wide);
		else if (wide > 1) /* none beyond U+FFFF is not shown */
			put_format(sheet, "\\u%04x",
			    (unsigned)utf8_char_number(text + i, wide));
		else if ((unsigned char)text[i] < 0x80)
			put(sheet, " ", 1);
		else
			put(sheet, "\\ufffd", 6);
	}
	put(sheet, "\"", 1);
}

static void
put_member(struct sheet *sheet, const char *key, size_t key_bytes,
    const char *value, size_t len)
{
	put(sheet, ",\"", 2);
	put(sheet, key, key_bytes);
	put(sheet, "\":", 2);
	put_string(sheet, value, len);
}

size_t
log_line_json(const struct log_line *line, char out[LOG_LINE_MAX])
{
	struct sheet sheet = sheet_of(out, LOG_LINE_MAX - 2);
	const char *at = first_pair(line->body);
	const char *level = log_level_name(line->level);
	struct pair pair;
	size_t whole;

	put(&sheet, "{\"time\":\"", 9);
	put_stamp(&sheet, &line->time);
	put_format(&sheet,
	    "\",\"level\":\"%s\",\"source\":\"%s\",\"source_pid\":%d", level,
	    line->process, line->pid);
	put_member(&sheet, "message", 7, line->body, phrase_len(line->body));
	whole = sheet.len;
	while (take_pair(&at, &pair)) {
		put_member(&sheet, pair.key, pair.key_len, pair.value,
		    pair.value_len);
		if (sheet.full)
			break;
		whole = sheet.len;
	}
	sheet.len = whole;
	sheet.cap = LOG_LINE_MAX;
	put(&sheet, "}\n", 2);
	return sheet.len;
}
