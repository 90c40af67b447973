/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/login_claim.h"

#include "common/xmpp/element.h"
#include "common/xmpp/stream.h"

#include <string.h>
#include <strings.h>

enum { END = -1, MALFORMED = -2 };

/* --- base64 --- */

/* What it holds of what is not the name is wiped with it. */
struct reader {
	const char *at, *end; /* without padding */
	uint32_t bits;
	unsigned count; /* of bits that are not given out yet */
};

static int
digit_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

/* False: the text is no base64 (RFC 4648 section 4). "=" is the empty message
 * (RFC 6120 section 6.4.2). */
static bool
reader_begin(struct reader *reader, const char *text, size_t len)
{
	size_t i, digits = len;

	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	*reader = (struct reader){ .at = text, .end = text + digits };
	if (len == 1 && digits == 0)
		return true;
	if (len % 4 != 0)
		return false;
	for (i = 0; i < digits; i++)
		if (digit_value(text[i]) < 0)
			return false;
	return true;
}

/* The next byte of the message, or END. */
static int
reader_next(struct reader *reader)
{
	while (reader->count < 8) {
		if (reader->at == reader->end)
			return END;
		reader->bits =
		    reader->bits << 6 | (uint32_t)digit_value(*reader->at++);
		reader->count += 6;
	}
	reader->count -= 8;
	return (int)(reader->bits >> reader->count & 0xff);
}

/* Behind the next such byte; false: there is none. */
static bool
reader_skip(struct reader *reader, int byte)
{
	int got;

	do {
		got = reader_next(reader);
	} while (got >= 0 && got != byte);
	return got == byte;
}

static bool
reader_expects(struct reader *reader, const char *text)
{
	for (; *text; text++)
		if (reader_next(reader) != *text)
			return false;
	return true;
}

/* --- names --- */

static void
add(struct login_claim *claim, int byte)
{
	if (claim->name_len < LOGIN_NAME_MAX)
		claim->name[claim->name_len++] = (uint8_t)byte;
}

static bool
read_plain(struct login_claim *claim, struct reader *reader)
{
	int byte;

	if (!reader_skip(reader, '\0'))
		return false;
	while ((byte = reader_next(reader)) > '\0')
		add(claim, byte);
	return byte == '\0';
}

static bool
read_external(struct login_claim *claim, struct reader *reader)
{
	int byte;

	while ((byte = reader_next(reader)) >= 0)
		add(claim, byte);
	return true;
}

/* Behind '=': 2C or 3D. */
static int
read_escaped(struct reader *reader)
{
	int first = reader_next(reader), second = reader_next(reader);

	if (first == '2' && second == 'C')
		return ',';
	return first == '3' && second == 'D' ? '=' : MALFORMED;
}

/* gs2-cbind-flag "," [authzid] "," "n=" saslname "," */
static bool
read_scram(struct login_claim *claim, struct reader *reader)
{
	int byte, commas;

	for (commas = 0; commas < 2; commas++)
		if (!reader_skip(reader, ','))
			return false;
	if (!reader_expects(reader, "n="))
		return false;
	while ((byte = reader_next(reader)) >= 0 && byte != ',') {
		if (byte == '=')
			byte = read_escaped(reader);
		if (byte < 0)
			return false;
		add(claim, byte);
	}
	return byte == ',';
}

/* Behind the opening quote. */
static bool
read_quoted(struct login_claim *claim, struct reader *reader)
{
	int byte;

	while ((byte = reader_next(reader)) >= 0 && byte != '"') {
		if (byte == '\\')
			byte = reader_next(reader);
		if (byte < 0)
			return false;
		add(claim, byte);
	}
	return byte == '"';
}

/* Behind a quoted value, or one that is not quoted. */
static bool
skip_value(struct reader *reader)
{
	int byte;

	while ((byte = reader_next(reader)) >= 0 && byte != ',')
		if (byte == '"') {
			while ((byte = reader_next(reader)) >= 0 && byte != '"')
				if (byte == '\\')
					(void)reader_next(reader);
		}
	return byte == ',';
}

/* key=value or key="value", with commas between. */
static bool
read_digest(struct login_claim *claim, struct reader *reader)
{
	static const char name[] = "username";
	size_t matched;
	int byte;

	do {
		matched = 0;
		while ((byte = reader_next(reader)) >= 0 && byte != '=') {
			if (matched == 0 && byte == ' ')
				continue;
			matched =
			    matched < sizeof(name) && byte == name[matched]
				? matched + 1
				: sizeof(name);
		}
		if (byte == '=' && matched == sizeof(name) - 1)
			return reader_next(reader) == '"' &&
			       read_quoted(claim, reader);
	} while (byte == '=' && skip_value(reader));
	return false;
}

/* --- mechanisms --- */

typedef bool read_name(struct login_claim *claim, struct reader *reader);

/* NULL: of this mechanism no name is read. */
static read_name *
reader_of(const char *mechanism)
{
	static const struct {
		const char *name; /* or its beginning, up to a hyphen */
		read_name *read;
	} known[] = { { "PLAIN", read_plain }, { "SCRAM-", read_scram },
		{ "EXTERNAL", read_external }, { "DIGEST-MD5", read_digest } };
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(known); i++) {
		len = strlen(known[i].name);
		if (strncasecmp(mechanism, known[i].name, len) == 0 &&
		    (mechanism[len] == '\0' || known[i].name[len - 1] == '-'))
			return known[i].read;
	}
	return NULL;
}

static bool
is_mechanism(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && len <= LOGIN_MECHANISM_MAX && text[len] == '\0';
}

void
login_claim_begin(struct login_claim *claim, const char *mechanism)
{
	*claim = (struct login_claim){ .mechanism = "-" };
	if (mechanism && is_mechanism(mechanism))
		memcpy(claim->mechanism, mechanism, strlen(mechanism) + 1);
}

void
login_claim_read(struct login_claim *claim, const char *text, size_t len)
{
	read_name *read = reader_of(claim->mechanism);
	struct reader reader;

	if (claim->is_read || len == 0)
		return;
	claim->is_read = true;
	if (!read)
		return;
	if (!reader_begin(&reader, text, len) || !read(claim, &reader))
		claim->name_len = 0;
	explicit_bzero(&reader, sizeof(reader));
}

/* --- canonical text --- */

bool
login_claim_is_iq(const struct element *element)
{
	const char *type = element_attribute(element, "type");

	return strcmp(element->name, "iq") == 0 && type &&
	       strcmp(type, "set") == 0 && element->child_namespace &&
	       strcmp(element->child_namespace, NS_IQ_AUTH) == 0;
}

/* At a start tag: inside of it. *plain_out: it is <query> with its namespace
 * and no other attribute. */
static bool
enter_query(struct canonical_reader *reader, bool *plain_out)
{
	bool is_query = canonical_is(reader->name, "query");
	unsigned attributes = 0, right = 0;

	while (canonical_next(reader) == CANONICAL_ATTRIBUTE) {
		attributes++;
		right += canonical_is(reader->name, "xmlns") &&
			 canonical_is(reader->value, NS_IQ_AUTH);
	}
	*plain_out = is_query && attributes == 1 && right == 1;
	return reader->token == CANONICAL_OPEN;
}

/* The place of such a field; NULL: of none that is kept. */
static struct canonical_span *
field_of(struct login_fields *fields, struct canonical_span name,
    bool *plain_out)
{
	*plain_out = true;
	if (canonical_is(name, "username"))
		return &fields->username;
	if (canonical_is(name, "resource"))
		return &fields->resource;
	*plain_out =
	    canonical_is(name, "password") || canonical_is(name, "digest");
	return NULL;
}

/* At a child of the query; false when it is no plain field. */
static bool
read_field(struct login_fields *fields, struct canonical_reader *reader)
{
	bool is_plain;
	struct canonical_span *field =
	    field_of(fields, reader->name, &is_plain);
	struct canonical_span content;

	while (canonical_next(reader) == CANONICAL_ATTRIBUTE)
		is_plain = false;
	if (!canonical_read_content(reader, &content)) {
		is_plain = false;
		content.len = 0;
	}
	if (field && field->text)
		is_plain = false;
	else if (field)
		*field = content;
	return is_plain;
}

void
login_fields_read(struct login_fields *fields, const struct element *iq)
{
	struct canonical_reader reader;
	bool is_plain;

	*fields = (struct login_fields){ .is_plain = false };
	canonical_begin(&reader, iq->bytes, iq->len);
	if (canonical_next(&reader) != CANONICAL_START ||
	    !canonical_enter(&reader) || !canonical_next_child(&reader, 1) ||
	    !enter_query(&reader, &is_plain))
		return;
	while (canonical_next_child(&reader, 2))
		is_plain &= read_field(fields, &reader);
	fields->is_plain = is_plain && reader.token == CANONICAL_CLOSE;
}

void
login_claim_of_iq(struct login_claim *claim, const struct login_fields *fields)
{
	struct canonical_span name;
	size_t width;

	*claim =
	    (struct login_claim){ .mechanism = "iq:auth", .is_read = true };
	for (name = fields->username; name.len > 0; name.len -= width) {
		add(claim, stream_unescape_next(name.text, name.len, &width));
		name.text += width;
	}
}

/* Into the <failure/>, or into the <error/> of an <iq/>. */
static bool
enter_fault(struct canonical_reader *reader)
{
	if (canonical_next(reader) != CANONICAL_START)
		return false;
	if (!canonical_is(reader->name, "iq"))
		return canonical_enter(reader);
	if (!canonical_enter(reader))
		return false;
	while (canonical_next_child(reader, 1))
		if (canonical_is(reader->name, "error"))
			return canonical_enter(reader);
	return false;
}

static bool
is_condition(struct canonical_span name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (name.text[i] != '-' &&
		    (name.text[i] < 'a' || name.text[i] > 'z'))
			return false;
	return name.len > 0 && name.len <= LOGIN_CONDITION_MAX;
}

void
login_condition_read(const void *answer, size_t len,
    char condition_out[LOGIN_CONDITION_MAX + 1])
{
	struct canonical_reader reader;
	int64_t depth;

	memcpy(condition_out, "-", 2);
	canonical_begin(&reader, answer, len);
	if (!enter_fault(&reader))
		return;
	depth = reader.depth;
	do {
		if (!canonical_next_child(&reader, depth))
			return;
	} while (canonical_is(reader.name, "text"));
	if (!is_condition(reader.name))
		return;
	memcpy(condition_out, reader.name.text, reader.name.len);
	condition_out[reader.name.len] = '\0';
}
