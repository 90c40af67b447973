/* SPDX-License-Identifier: Apache-2.0 */
/* control_line: any bytes are words or refused; words lie within the text, and
 * quoted again they are the same words. */
#include "worker/control/control_line.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct control_line line, again;
	char text[2 * CONTROL_LINE_MAX + 4 * CONTROL_WORDS_MAX + 8];
	size_t out = 0;
	const char *at;
	unsigned i;

	if (control_line_parse(bytes, len, &line) != 0)
		return 0;
	for (i = 0; i < line.count; i++) {
		CHECK(line.words[i] >= line.text &&
		      line.words[i] + strlen(line.words[i]) <
			  line.text + sizeof(line.text));
		text[out++] = ' ';
		text[out++] = '"';
		for (at = line.words[i]; *at; at++) {
			if (*at == '"' || *at == '\\')
				text[out++] = '\\';
			text[out++] = *at;
		}
		text[out++] = '"';
	}
	if (out > CONTROL_LINE_MAX)
		return 0;
	CHECK(control_line_parse(text, out, &again) == 0);
	CHECK(again.count == line.count);
	for (i = 0; i < line.count; i++)
		CHECK(strcmp(line.words[i], again.words[i]) == 0);
	return 0;
}
