/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/proxy_header.h"

#include "common/net/proxy_v2.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define V1_START   "PROXY "
#define V1_MAX     107u /* with CR LF */
#define PORT_CHARS 5u

void
proxy_reader_init(struct proxy_reader *reader)
{
	reader->len = reader->need = 0;
}

/* --- version 1 --- */

/* The next word of the line, behind one blank; NULL: there is none, or more
 * blanks than one. */
static char *
next_word(char **at)
{
	char *word = *at, *end;

	if (!word || *word == '\0' || *word == ' ')
		return NULL;
	end = strchr(word, ' ');
	if (end)
		*end++ = '\0';
	*at = end;
	return word;
}

static bool
parse_port(const char *text, uint16_t *port_out)
{
	size_t len = text ? strlen(text) : 0;
	unsigned long port;

	if (len == 0 || len > PORT_CHARS || strspn(text, "0123456789") != len ||
	    (len > 1 && text[0] == '0'))
		return false;
	port = strtoul(text, NULL, 10);
	*port_out = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool
parse_v1_address(const char *text, int family, uint16_t port,
    struct endpoint *endpoint_out)
{
	return text && text[0] != '[' &&
	       endpoint_parse(text, port, endpoint_out) == 0 &&
	       endpoint_out->addr.ss_family == family;
}

static const char *
parse_v1_addresses(char *at, int family, struct proxy_header *header)
{
	const char *source = next_word(&at), *destination = next_word(&at);
	const char *source_text = next_word(&at);
	const char *destination_text = next_word(&at);
	uint16_t source_port, destination_port;
	struct endpoint ignored;

	if (at || !parse_port(source_text, &source_port) ||
	    !parse_port(destination_text, &destination_port))
		return "its ports are none";
	if (!parse_v1_address(source, family, source_port, &header->source) ||
	    !parse_v1_address(destination, family, destination_port, &ignored))
		return "its addresses are none";
	header->has_address = true;
	return NULL;
}

/* `line` is changed. NULL, or what is wrong. */
static const char *
parse_v1(char *line, struct proxy_header *header)
{
	char *at = line + strlen(V1_START);
	const char *family = next_word(&at);

	if (family && strcmp(family, "TCP4") == 0)
		return parse_v1_addresses(at, AF_INET, header);
	if (family && strcmp(family, "TCP6") == 0)
		return parse_v1_addresses(at, AF_INET6, header);
	/* What follows UNKNOWN is to be ignored. */
	if (family && strcmp(family, "UNKNOWN") == 0)
		return NULL;
	return "its protocol is neither TCP4 nor TCP6 nor UNKNOWN";
}

static enum proxy_result
finish_v1(const struct proxy_reader *reader, struct proxy_header *header,
    const char **why_out)
{
	char line[V1_MAX + 1];

	memcpy(line, reader->bytes, reader->len);
	line[reader->len - 2] = '\0'; /* CR LF */
	*why_out = strlen(line) == reader->len - 2 ? parse_v1(line, header)
						   : "it holds a NUL byte";
	return *why_out ? PROXY_BAD : PROXY_DONE;
}

/* --- bytes --- */

/* The first `len` bytes are those of a header of either version, as far as they
 * go. */
static bool
begins_well(const uint8_t *bytes, size_t len)
{
	return memcmp(bytes, V1_START, MIN(len, strlen(V1_START))) == 0 ||
	       memcmp(bytes, proxy_v2_signature,
		   MIN(len, PROXY_V2_SIGNATURE_BYTES)) == 0;
}

static bool
is_v1(const struct proxy_reader *reader)
{
	return reader->bytes[0] == V1_START[0];
}

static enum proxy_result
step_v1(const struct proxy_reader *reader, struct proxy_header *header,
    const char **why_out)
{
	if (reader->bytes[reader->len - 1] != '\n') {
		*why_out = "its line has no end";
		return reader->len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	}
	if (reader->len <= strlen(V1_START) ||
	    reader->bytes[reader->len - 2] != '\r') {
		*why_out = "its line does not end in CR LF";
		return PROXY_BAD;
	}
	return finish_v1(reader, header, why_out);
}

static enum proxy_result
step_v2(struct proxy_reader *reader, struct proxy_header *header,
    const char **why_out)
{
	if (reader->len == PROXY_V2_FIXED_BYTES)
		reader->need = proxy_v2_length(reader->bytes);
	if (reader->need > PROXY_HEADER_MAX) {
		*why_out = "it is too long";
		return PROXY_BAD;
	}
	if (reader->need == 0 || reader->len < reader->need)
		return PROXY_MORE;
	*why_out = proxy_v2_parse(reader->bytes, reader->need, header);
	return *why_out ? PROXY_BAD : PROXY_DONE;
}

static enum proxy_result
step(struct proxy_reader *reader, struct proxy_header *header,
    const char **why_out)
{
	if (!begins_well(reader->bytes, reader->len)) {
		*why_out = "there is none";
		return PROXY_BAD;
	}
	return is_v1(reader) ? step_v1(reader, header, why_out)
			     : step_v2(reader, header, why_out);
}

enum proxy_result
proxy_reader_take(struct proxy_reader *reader, const uint8_t *bytes, size_t len,
    size_t *taken_out, struct proxy_header *header_out, const char **why_out)
{
	enum proxy_result result = PROXY_MORE;

	*taken_out = 0;
	*why_out = NULL;
	memset(header_out, 0, sizeof(*header_out));
	while (result == PROXY_MORE && *taken_out < len) {
		reader->bytes[reader->len++] = bytes[(*taken_out)++];
		result = step(reader, header_out, why_out);
	}
	if (result != PROXY_BAD)
		*why_out = NULL;
	return result;
}
