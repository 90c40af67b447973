/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/control_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at, *end;
	char *out;
};

/* One word with its NUL; 0, or -EINVAL. */
static int
read_word(struct reader *reader)
{
	bool quoted = false;

	for (; reader->at < reader->end; reader->at++) {
		char byte = *reader->at;

		if ((unsigned char)byte < ' ' || byte == 0x7f)
			return -EINVAL;
		if (byte == ' ' && !quoted)
			break;
		if (byte == '"') {
			quoted = !quoted;
			continue;
		}
		if (byte == '\\' && quoted) {
			if (++reader->at == reader->end ||
			    (unsigned char)*reader->at < ' ')
				return -EINVAL;
			byte = *reader->at;
		}
		*reader->out++ = byte;
	}
	*reader->out++ = '\0';
	return quoted ? -EINVAL : 0;
}

int
control_line_parse(const void *bytes, size_t len, struct control_line *line_out)
{
	struct reader reader = { bytes, (const char *)bytes + len,
		line_out->text };

	line_out->count = 0;
	if (len > 0 && reader.end[-1] == '\r')
		reader.end--;
	if (reader.end - reader.at > CONTROL_LINE_MAX)
		return -EMSGSIZE;
	for (;;) {
		while (reader.at < reader.end && *reader.at == ' ')
			reader.at++;
		if (reader.at == reader.end)
			return 0;
		if (line_out->count == CONTROL_WORDS_MAX)
			return -EMSGSIZE;
		line_out->words[line_out->count] = reader.out;
		if (read_word(&reader) != 0)
			return -EINVAL;
		line_out->count++;
	}
}

bool
control_word_number(const char *text, uint32_t *number_out)
{
	char *end;
	unsigned long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number > UINT32_MAX)
		return false;
	*number_out = (uint32_t)number;
	return true;
}
