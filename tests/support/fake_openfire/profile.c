/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the bytes of a chunk, not their meaning: the one way of writing XML
 * that every version of the server's scanner survives (PROTOCOL.md §6.6).
 */
#include "tests/support/fake_openfire/chunk.h"

#include <string.h>

struct reader {
	const char *at;
	const char *end;
};

static bool
is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool
starts(const struct reader *reader, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(reader->end - reader->at) >= len &&
	       !memcmp(reader->at, with, len);
}

static const char *
check_value(struct reader *reader)
{
	for (reader->at++; reader->at < reader->end; reader->at++) {
		if (*reader->at == '"') {
			reader->at++;
			return NULL;
		}
		if (*reader->at == '<' || *reader->at == '>')
			return "raw < or > in a value";
		if (strchr("\t\r\n", *reader->at))
			return "raw white space in a value";
	}
	return "unfinished value";
}

static const char *
check_attributes(struct reader *reader)
{
	const char *bad = NULL;

	while (!bad && reader->at < reader->end && *reader->at == ' ') {
		reader->at++;
		while (reader->at < reader->end && *reader->at != '=' &&
		       !is_space(*reader->at) && *reader->at != '>' &&
		       *reader->at != '/')
			reader->at++;
		if (reader->end - reader->at < 3 || reader->at[0] != '=' ||
		    reader->at[1] != '"')
			return "attribute not as name=\"value\"";
		reader->at++;
		bad = check_value(reader);
	}
	return bad;
}

static const char *
check_tag(struct reader *reader)
{
	const char *bad;

	reader->at++;
	if (reader->at < reader->end && strchr("!?", *reader->at))
		return "comment, CDATA, declaration or instruction";
	if (reader->at < reader->end && *reader->at == '/')
		reader->at++;
	while (reader->at < reader->end && !is_space(*reader->at) &&
	       *reader->at != '>' && *reader->at != '/')
		reader->at++;
	bad = check_attributes(reader);
	if (bad)
		return bad;
	if (reader->at < reader->end && *reader->at == '/')
		reader->at++;
	if (reader->at >= reader->end || *reader->at != '>')
		return "white space or noise in a tag";
	reader->at++;
	return NULL;
}

const char *
chunk_profile(const void *bytes, size_t len)
{
	struct reader reader = { bytes, (const char *)bytes + len };
	const char *bad = NULL;

	while (!bad && reader.at < reader.end) {
		if (*reader.at == '<')
			bad = check_tag(&reader);
		else if (starts(&reader, "]]>"))
			bad = "]]> in text";
		else if (*reader.at == '\r')
			bad = "raw CR in text";
		else if (*reader.at == '\0')
			bad = "NUL";
		else
			reader.at++;
	}
	return bad;
}
