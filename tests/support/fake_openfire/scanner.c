/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/scanner.h"

#include <string.h>

enum {
	BETWEEN,  /* no chunk begun */
	NAME,     /* in the first tag's name */
	IN_TAG,   /* between '<' and '>' of some tag */
	IN_VALUE, /* in a double-quoted value */
	SLASHED,  /* behind a '/' in a tag */
	IN_TEXT,  /* behind a tag */
	OPENED,   /* behind a '<' in the text */
	CLOSING,  /* behind "</" */
	IN_CDATA,
};

static const char cdata_start[] = "<![CDATA[";
static const char cdata_end[] = "]]>";

void
scanner_init(struct scanner *scanner, size_t limit)
{
	*scanner = (struct scanner){ .limit = limit };
	buf_init(&scanner->chunk, 0);
}

void
scanner_destroy(struct scanner *scanner)
{
	buf_destroy(&scanner->chunk);
}

static void
begin(struct scanner *scanner)
{
	scanner->state = BETWEEN;
	scanner->depth = 0;
	scanner->matched = 0;
	scanner->cdata = 0;
	scanner->name_len = 0;
	scanner->in_root_tag = false;
}

void
scanner_reset(struct scanner *scanner)
{
	begin(scanner);
	buf_reset(&scanner->chunk);
	scanner->broken = NULL;
}

static enum scanner_step
found(struct scanner *scanner)
{
	begin(scanner);
	return SCANNER_CHUNK;
}

static bool
opens_stream(const struct scanner *scanner)
{
	static const char *const names[] = { "stream:stream>", "?xml>",
		"flash:stream>", "/stream:stream>" };

	for (size_t at = 0; at < ARRAY_LEN(names); at++)
		if (strlen(names[at]) == scanner->name_len &&
		    !memcmp(names[at], scanner->name, scanner->name_len))
			return true;
	return false;
}

static enum scanner_step
tag_ends(struct scanner *scanner)
{
	bool root = scanner->in_root_tag;

	scanner->in_root_tag = false;
	scanner->state = IN_TEXT;
	return root && opens_stream(scanner) ? found(scanner) : SCANNER_MORE;
}

static bool
ends_name(const struct scanner *scanner, char byte)
{
	if (byte == ' ' || byte == '>')
		return true;
	return !scanner->strict_space &&
	       (byte == '\t' || byte == '\n' || byte == '\r');
}

static enum scanner_step
in_name(struct scanner *scanner, char byte)
{
	bool ended = ends_name(scanner, byte);

	if (byte == '/' && scanner->name_len > 0) {
		scanner->in_root_tag = true;
		scanner->state = SLASHED;
		return SCANNER_MORE;
	}
	if (scanner->name_len < sizeof(scanner->name))
		scanner->name[scanner->name_len++] = ended ? '>' : byte;
	if (!ended)
		return SCANNER_MORE;
	scanner->in_root_tag = true;
	scanner->state = IN_TAG;
	return byte == '>' ? tag_ends(scanner) : SCANNER_MORE;
}

static enum scanner_step
in_tag(struct scanner *scanner, char byte)
{
	if (byte == '"')
		scanner->state = IN_VALUE;
	else if (byte == '/')
		scanner->state = SLASHED;
	else if (byte == '>')
		return tag_ends(scanner);
	return SCANNER_MORE;
}

static enum scanner_step
slashed(struct scanner *scanner, char byte)
{
	if (byte == '>') {
		scanner->state = IN_TEXT;
		scanner->in_root_tag = false;
		return --scanner->depth < 1 ? found(scanner) : SCANNER_MORE;
	}
	scanner->state = byte == '<' ? OPENED : IN_TAG;
	return SCANNER_MORE;
}

static enum scanner_step
opened(struct scanner *scanner, char byte)
{
	if (byte == cdata_start[scanner->cdata]) {
		scanner->cdata++;
		if (scanner->cdata == sizeof(cdata_start) - 1) {
			scanner->state = IN_CDATA;
			scanner->cdata = 0;
		}
		return SCANNER_MORE;
	}
	scanner->cdata = 0;
	scanner->state = IN_TAG;
	if (byte == '/') {
		scanner->state = CLOSING;
		scanner->depth--;
		scanner->matched = 0;
	} else {
		scanner->depth++;
	}
	return SCANNER_MORE;
}

static enum scanner_step
closing(struct scanner *scanner, char byte)
{
	if (scanner->depth >= 1 || scanner->matched >= scanner->name_len ||
	    byte != scanner->name[scanner->matched]) {
		scanner->matched = 0;
		scanner->state = IN_TAG;
		return SCANNER_MORE;
	}
	if (++scanner->matched == scanner->name_len)
		return found(scanner);
	return SCANNER_MORE;
}

static enum scanner_step
in_cdata(struct scanner *scanner, char byte)
{
	if (byte == cdata_end[scanner->cdata])
		scanner->cdata++;
	else if (!(byte == ']' && scanner->cdata == 2))
		scanner->cdata = 0;
	if (scanner->cdata == sizeof(cdata_end) - 1) {
		scanner->cdata = 0;
		scanner->state = IN_TEXT;
	}
	return SCANNER_MORE;
}

static const char *
refusal(const struct scanner *scanner, char byte)
{
	unsigned char value = (unsigned char)byte;

	if (value == 0)
		return scanner->allow_nul ? NULL : "NUL";
	if (value < 0x20 && value != '\t' && value != '\n' && value != '\r')
		return "control character";
	if (buf_len(&scanner->chunk) > scanner->limit)
		return "Maximum stanza length exceeded";
	return NULL;
}

static enum scanner_step
advance(struct scanner *scanner, char byte)
{
	switch (scanner->state) {
	case NAME:
		return in_name(scanner, byte);
	case IN_TAG:
		return in_tag(scanner, byte);
	case IN_VALUE:
		scanner->state = byte == '"' ? IN_TAG : IN_VALUE;
		return SCANNER_MORE;
	case SLASHED:
		return slashed(scanner, byte);
	case OPENED:
		return opened(scanner, byte);
	case CLOSING:
		return closing(scanner, byte);
	case IN_CDATA:
		return in_cdata(scanner, byte);
	default:
		if (byte == '<') {
			scanner->state = OPENED;
			scanner->cdata = 1;
		}
		return SCANNER_MORE;
	}
}

enum scanner_step
scanner_byte(struct scanner *scanner, char byte)
{
	if (scanner->broken)
		return SCANNER_BROKEN;
	scanner->broken = refusal(scanner, byte);
	if (scanner->broken)
		return SCANNER_BROKEN;
	if (scanner->state == BETWEEN) {
		if (byte != '<')
			return SCANNER_MORE;
		scanner->state = NAME;
		scanner->depth = 1;
		(void)buf_append_char(&scanner->chunk, byte);
		return SCANNER_MORE;
	}
	(void)buf_append_char(&scanner->chunk, byte);
	return advance(scanner, byte);
}
