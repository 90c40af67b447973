/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/transcript.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_LEN 13 /* "00:46:36.124 " */

struct line {
	const char *text;
	size_t len;
};

static bool
has_time(struct line line)
{
	static const char pattern[] = "00:00:00.000 ";
	size_t i;

	if (line.len < TIME_LEN)
		return false;
	for (i = 0; i < TIME_LEN; i++)
		if (pattern[i] == '0' ? !isdigit((unsigned char)line.text[i])
				      : line.text[i] != pattern[i])
			return false;
	return true;
}

static bool
skip(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (line->len < len || memcmp(line->text, text, len) != 0)
		return false;
	line->text += len;
	line->len -= len;
	return true;
}

static struct record *
add(struct transcript *transcript, unsigned number)
{
	struct record *record;

	transcript->records = xrealloc(transcript->records,
	    (transcript->count + 1) * sizeof(*transcript->records));
	record = &transcript->records[transcript->count++];
	memset(record, 0, sizeof(*record));
	record->line = number;
	record->way = WAY_OTHER;
	buf_init(&record->bytes, 0);
	return record;
}

static void
take_connection(struct line *line, struct record *record)
{
	size_t len = 0;

	while (len < line->len && (isalnum((unsigned char)line->text[len]) ||
				      line->text[len] == '#'))
		len++;
	CHECK(len < sizeof(record->connection));
	memcpy(record->connection, line->text, len);
	line->text += len;
	line->len -= len;
	/* "#13 CM->OF": here the name of a side follows. */
	if (record->connection[0] == '#')
		(void)skip(line, " ");
}

static bool
take_way(struct line *line, enum way *way_out)
{
	static const struct {
		const char *text;
		enum way way;
	} ways[] = {
		{ "CM->OF ", WAY_UP },
		{ "OF->CM ", WAY_DOWN },
		{ "->OF ", WAY_UP },
		{ "<-OF ", WAY_DOWN },
		{ "->CM ", WAY_FROM_CLIENT },
		{ "<-CM ", WAY_TO_CLIENT },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(ways); i++)
		if (skip(line, ways[i].text)) {
			*way_out = ways[i].way;
			return true;
		}
	return false;
}

static enum way
event(struct line line)
{
	if (skip(&line, "[connected") || skip(&line, "[CM connected"))
		return WAY_CONNECTED;
	return skip(&line, "[TLS") ? WAY_TLS : WAY_OTHER;
}

/* b'...' as Python writes it. */
static bool
take_literal(struct line line, struct buf *out)
{
	const char *at = line.text + 2, *end = line.text + line.len - 1;
	unsigned value;

	if (line.len < 3 || line.text[0] != 'b' ||
	    (line.text[1] != '\'' && line.text[1] != '"') ||
	    *end != line.text[1])
		return false;
	while (at < end) {
		if (*at != '\\') {
			buf_append_char(out, *at++);
		} else if (at[1] == 'x') {
			CHECK(sscanf(at + 2, "%2x", &value) == 1);
			buf_append_char(out, (char)value);
			at += 4;
		} else {
			buf_append_char(out, at[1] == 'n'   ? '\n'
					     : at[1] == 'r' ? '\r'
							    : at[1]);
			at += 2;
		}
	}
	return true;
}

static void
take_line(struct transcript *transcript, struct line line, unsigned number)
{
	struct record *record = add(transcript, number);

	line.text += TIME_LEN;
	line.len -= TIME_LEN;
	if (line.text[0] == '[') {
		record->way = event(line);
		return;
	}
	take_connection(&line, record);
	if (!take_way(&line, &record->way)) {
		(void)skip(&line, " ");
		CHECK(line.len > 0 && line.text[0] == '[');
		record->way = event(line);
	} else if (line.len > 1 && line.text[0] == '[') {
		record->way = WAY_OTHER; /* [EOF] */
	} else if (!take_literal(line, &record->bytes)) {
		buf_append(&record->bytes, line.text, line.len);
	}
}

/* A line that goes on with the bytes above it. */
static void
take_rest(struct transcript *transcript, struct line line, unsigned number)
{
	struct record *last;

	if (transcript->count == 0 || line.len == 0 || line.text[0] == '#')
		return;
	last = &transcript->records[transcript->count - 1];
	CHECK(last->way != WAY_OTHER && number > last->line);
	buf_append_char(&last->bytes, '\n');
	buf_append(&last->bytes, line.text, line.len);
}

static int
read_file(const char *path, struct buf *out)
{
	char block[4096];
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file)
		return -errno;
	while ((len = fread(block, 1, sizeof(block), file)) > 0)
		buf_append(out, block, len);
	(void)fclose(file);
	return 0;
}

int
transcript_read(const char *path, struct transcript *transcript)
{
	struct buf file;
	struct line line;
	const char *end;
	unsigned number = 0;
	int error;

	memset(transcript, 0, sizeof(*transcript));
	buf_init(&file, 0);
	error = read_file(path, &file);
	while (!error && buf_len(&file) > 0) {
		line.text = (const char *)buf_bytes(&file);
		end = memchr(line.text, '\n', buf_len(&file));
		CHECK(end);
		line.len = (size_t)(end - line.text);
		number++;
		if (has_time(line))
			take_line(transcript, line, number);
		else if (line.len < 4 || memcmp(line.text, "====", 4) != 0)
			take_rest(transcript, line, number);
		buf_consume(&file, (size_t)(end - line.text) + 1);
	}
	buf_destroy(&file);
	return error;
}

void
transcript_free(struct transcript *transcript)
{
	size_t i;

	for (i = 0; i < transcript->count; i++)
		buf_destroy(&transcript->records[i].bytes);
	free(transcript->records);
	transcript->records = NULL;
	transcript->count = 0;
}
