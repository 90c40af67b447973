/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/lexer.h"

#include <string.h>

enum state {
	/* with long runs of bytes that mean nothing: see skip() */
	IN_TEXT,
	IN_TAG,    /* <a or </ */
	IN_SINGLE, /* a value in ' */
	IN_DOUBLE, /* a value in " */
	/* others */
	IN_REFERENCE,   /* & */
	BEHIND_OPEN,    /* < */
	BEHIND_BANG,    /* <! */
	BEHIND_DASH,    /* <!- */
	IN_CDATA_START, /* <![ */
	IN_CDATA,
	IN_INSTRUCTION, /* <? */
	IN_DECLARATION, /* <?xml */
	STATE_COUNT,
};

static const char byte_order_mark[] = "\xEF\xBB\xBF";
static const char cdata_start[] = "CDATA[";
static const char declaration[] = "xml";

void
lexer_init(struct lexer *lexer, bool expects_header)
{
	memset(lexer, 0, sizeof(*lexer));
	lexer->prolog = expects_header;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What a name or the number in a reference is made of, and bytes that only a
 * parser can judge. */
static bool
is_name(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == ':' ||
	       c == '.' || c == '-' || c == '#' || c >= 0x80;
}

static void
enter(struct lexer *lexer, enum state state)
{
	lexer->state = (uint8_t)state;
	lexer->matched = 0;
}

static bool
whole_text(struct lexer *lexer)
{
	lexer->due |= lexer->depth == 0;
	return true;
}

/* Something else, though not always well-formed. */
static bool
whole(struct lexer *lexer)
{
	lexer->due = true;
	return true;
}

/* A parser finds out what is wrong here. */
static bool
wrong(struct lexer *lexer)
{
	enter(lexer, IN_TEXT);
	return whole(lexer);
}

static bool
refuse(struct lexer *lexer, enum lexer_fault fault)
{
	lexer->fault = (uint8_t)fault;
	lexer->due = true;
	return false;
}

/* --- a step for each state: true when the byte ends something --- */

static bool
step_prolog(struct lexer *lexer, uint8_t c)
{
	if (lexer->matched < sizeof(byte_order_mark) - 1 &&
	    c == (uint8_t)byte_order_mark[lexer->matched]) {
		lexer->matched++;
		return true;
	}
	/* Nothing but blanks once it cannot be the mark any more. */
	lexer->matched = sizeof(byte_order_mark) - 1;
	return is_blank(c) ? true : refuse(lexer, LEXER_NO_HEADER);
}

static bool
step_text(struct lexer *lexer, uint8_t c)
{
	if (c == '<') {
		enter(lexer, BEHIND_OPEN);
		return false;
	}
	if (lexer->prolog)
		return step_prolog(lexer, c);
	if (c == '&') {
		enter(lexer, IN_REFERENCE);
		return false;
	}
	return whole_text(lexer);
}

static bool
step_reference(struct lexer *lexer, uint8_t c)
{
	if (is_name(c))
		return false;
	if (c != ';')
		return wrong(lexer);
	enter(lexer, IN_TEXT);
	return whole(lexer);
}

static bool
end_tag(struct lexer *lexer)
{
	if (lexer->is_end)
		lexer->depth -= lexer->depth > 0;
	else if (!lexer->slash && !lexer->prolog)
		lexer->depth++;
	lexer->prolog = false;
	enter(lexer, IN_TEXT);
	return whole(lexer);
}

static bool
step_tag(struct lexer *lexer, uint8_t c)
{
	if (c == '>')
		return end_tag(lexer);
	if (c == '\'')
		enter(lexer, IN_SINGLE);
	else if (c == '"')
		enter(lexer, IN_DOUBLE);
	lexer->slash = c == '/';
	return c == '<' ? wrong(lexer) : false;
}

static bool
step_single(struct lexer *lexer, uint8_t c)
{
	if (c == '\'')
		enter(lexer, IN_TAG);
	return c == '<' ? wrong(lexer) : false;
}

static bool
step_double(struct lexer *lexer, uint8_t c)
{
	if (c == '"')
		enter(lexer, IN_TAG);
	return c == '<' ? wrong(lexer) : false;
}

static bool
step_open(struct lexer *lexer, uint8_t c)
{
	if (c == '!') {
		enter(lexer, BEHIND_BANG);
		return false;
	}
	if (c == '?') {
		enter(lexer, IN_INSTRUCTION);
		return false;
	}
	enter(lexer, IN_TAG);
	lexer->is_end = c == '/';
	lexer->slash = false;
	return lexer->is_end ? false : step_tag(lexer, c);
}

static bool
step_bang(struct lexer *lexer, uint8_t c)
{
	if (c == '-') {
		enter(lexer, BEHIND_DASH);
		return false;
	}
	if (c == '[') {
		enter(lexer, IN_CDATA_START);
		return false;
	}
	return is_letter(c) ? refuse(lexer, LEXER_RESTRICTED) : wrong(lexer);
}

static bool
step_dash(struct lexer *lexer, uint8_t c)
{
	return c == '-' ? refuse(lexer, LEXER_RESTRICTED) : wrong(lexer);
}

static bool
step_cdata_start(struct lexer *lexer, uint8_t c)
{
	if (c != (uint8_t)cdata_start[lexer->matched])
		return wrong(lexer);
	if (++lexer->matched < sizeof(cdata_start) - 1)
		return false;
	enter(lexer, IN_CDATA);
	return whole(lexer);
}

static bool
step_cdata(struct lexer *lexer, uint8_t c)
{
	if (c == ']')
		lexer->matched = (uint8_t)MIN(lexer->matched + 1, 2);
	else if (c == '>' && lexer->matched == 2)
		enter(lexer, IN_TEXT);
	else
		lexer->matched = 0;
	return whole_text(lexer);
}

static bool
step_instruction(struct lexer *lexer, uint8_t c)
{
	if (lexer->matched < sizeof(declaration) - 1 &&
	    c == (uint8_t)declaration[lexer->matched]) {
		lexer->matched++;
		return false;
	}
	if (lexer->matched < sizeof(declaration) - 1 ||
	    !(is_blank(c) || c == '?'))
		return refuse(lexer, LEXER_RESTRICTED);
	enter(lexer, IN_DECLARATION);
	lexer->matched = c == '?';
	return false;
}

static bool
step_declaration(struct lexer *lexer, uint8_t c)
{
	bool ends = lexer->matched && c == '>';

	lexer->matched = c == '?';
	if (!ends)
		return false;
	enter(lexer, IN_TEXT);
	return lexer->prolog ? true : whole(lexer);
}

/* --- many bytes --- */

static bool (*const steps[STATE_COUNT])(struct lexer *, uint8_t) = {
	[IN_TEXT] = step_text,
	[IN_REFERENCE] = step_reference,
	[BEHIND_OPEN] = step_open,
	[IN_TAG] = step_tag,
	[IN_SINGLE] = step_single,
	[IN_DOUBLE] = step_double,
	[BEHIND_BANG] = step_bang,
	[BEHIND_DASH] = step_dash,
	[IN_CDATA_START] = step_cdata_start,
	[IN_CDATA] = step_cdata,
	[IN_INSTRUCTION] = step_instruction,
	[IN_DECLARATION] = step_declaration,
};

/* The states in which a byte means something, as bits. */
static const uint8_t meanings[256] = {
	['<'] =
	    1u << IN_TEXT | 1u << IN_TAG | 1u << IN_SINGLE | 1u << IN_DOUBLE,
	['&'] = 1u << IN_TEXT,
	['>'] = 1u << IN_TAG,
	['/'] = 1u << IN_TAG,
	['\''] = 1u << IN_TAG | 1u << IN_SINGLE,
	['"'] = 1u << IN_TAG | 1u << IN_DOUBLE,
};

/* The first of the bytes that means something where the lexer is. */
static const uint8_t *
skip(struct lexer *lexer, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *start = at;
	uint8_t bit;

	if (lexer->state > IN_DOUBLE ||
	    (lexer->state == IN_TEXT && lexer->prolog))
		return at;
	bit = (uint8_t)(1u << lexer->state);
	while (at < end && !(meanings[*at] & bit))
		at++;
	if (lexer->state == IN_TAG && at > start)
		lexer->slash = false;
	return at;
}

size_t
lexer_take(struct lexer *lexer, const void *bytes, size_t len)
{
	const uint8_t *start = bytes, *end = start + len, *at = start, *to;
	size_t taken = 0;

	while (at < end && !lexer->fault) {
		to = skip(lexer, at, end);
		if (to > at && lexer->state == IN_TEXT) {
			taken = (size_t)(to - start);
			whole_text(lexer);
		}
		at = to;
		if (at < end && steps[lexer->state](lexer, *at++))
			taken = (size_t)(at - start);
	}
	return taken;
}
