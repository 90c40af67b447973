/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/xmpp/safe_profile.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX    2048
#define PREFIXES_MAX 8192

struct span {
	const char *text;
	size_t len;
};

struct prefix {
	struct span name;
	unsigned depth;
};

struct judge {
	const char *at, *end;
	const char *breach; /* the first one */
	struct span open[DEPTH_MAX];
	unsigned depth;
	struct prefix prefixes[PREFIXES_MAX];
	unsigned prefix_count;
	/* Used by the tag that is read; judged at its end, for declarations
	 * may stand behind. */
	struct span used[PREFIXES_MAX];
	unsigned used_count;
};

static void
breach(struct judge *judge, const char *words)
{
	if (!judge->breach)
		judge->breach = words;
	judge->at = judge->end;
}

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static bool
take(struct judge *judge, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(judge->end - judge->at) < len ||
	    memcmp(judge->at, text, len) != 0)
		return false;
	judge->at += len;
	return true;
}

/* --- characters --- */

static unsigned
sequence_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead < 0xE0)
		return 2;
	if (lead >= 0xE0 && lead < 0xF0)
		return 3;
	return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/* One character of UTF-8 that XML 1.0 knows. */
static void
take_character(struct judge *judge)
{
	const uint8_t *at = (const uint8_t *)judge->at;
	unsigned len = sequence_len(*at), i;
	uint32_t point = len == 1 ? *at : *at & (0x7Fu >> len);

	if (len == 0 || (size_t)(judge->end - judge->at) < len) {
		breach(judge, "no UTF-8");
		return;
	}
	for (i = 1; i < len; i++) {
		if ((at[i] & 0xC0) != 0x80)
			breach(judge, "no UTF-8");
		point = point << 6 | (at[i] & 0x3Fu);
	}
	if ((len == 3 && point < 0x800) || (len == 4 && point < 0x10000) ||
	    point > 0x10FFFF)
		breach(judge, "no UTF-8");
	if ((point < 0x20 && point != '\t' && point != '\n') ||
	    (point >= 0xD800 && point < 0xE000) || point == 0xFFFE ||
	    point == 0xFFFF)
		breach(judge, "a character that XML does not know");
	if (!judge->breach)
		judge->at += len;
}

static bool
take_one_of(struct judge *judge, const char *const *references)
{
	for (; *references; references++)
		if (take(judge, *references))
			return true;
	return false;
}

static void
take_value(struct judge *judge)
{
	static const char *const references[] = { "&amp;", "&lt;", "&gt;",
		"&quot;", "&#9;", "&#10;", "&#13;", NULL };

	while (judge->at < judge->end && *judge->at != '"') {
		if (*judge->at == '&') {
			if (!take_one_of(judge, references))
				breach(judge, "a strange reference in a value");
		} else if (memchr("<>\t\n\r", *judge->at, 5)) {
			breach(judge, "a value with a character unescaped");
		} else {
			take_character(judge);
		}
	}
}

/* Of the text that begins at `start`. */
static bool
follows_brackets(const struct judge *judge, const char *start)
{
	return judge->at - start >= 2 && judge->at[-1] == ']' &&
	       judge->at[-2] == ']';
}

static void
take_text(struct judge *judge)
{
	static const char *const references[] = { "&amp;", "&lt;", "&#13;",
		NULL };
	const char *start = judge->at;

	while (judge->at < judge->end && *judge->at != '<') {
		if (follows_brackets(judge, start) && take(judge, "&gt;"))
			continue;
		if (*judge->at == '&') {
			if (!take_one_of(judge, references))
				breach(judge, "a strange reference in text");
		} else if (*judge->at == '>' &&
			   follows_brackets(judge, start)) {
			breach(judge, "]]> in text");
		} else {
			take_character(judge);
		}
	}
}

/* --- tags --- */

static struct span
take_name(struct judge *judge)
{
	struct span name = { judge->at, 0 };

	while (judge->at < judge->end &&
	       !memchr(" \t\r\n/>=\"'<&!?", *judge->at, 14))
		take_character(judge);
	name.len = (size_t)(judge->at - name.text);
	if (name.len == 0)
		breach(judge, "no name where one is due");
	return name;
}

static struct span
prefix_of(struct span name)
{
	const char *colon = memchr(name.text, ':', name.len);

	return (struct span){ name.text,
		colon ? (size_t)(colon - name.text) : 0 };
}

static void
use(struct judge *judge, struct span name)
{
	struct span prefix = prefix_of(name);

	if (prefix.len == 0 || same(prefix, span_of("xml")))
		return;
	if (judge->used_count == PREFIXES_MAX)
		breach(judge, "too many prefixes for this judge");
	else
		judge->used[judge->used_count++] = prefix;
}

static void
declare(struct judge *judge, struct span prefix, unsigned depth)
{
	if (judge->prefix_count == PREFIXES_MAX)
		breach(judge, "too many prefixes for this judge");
	else
		judge->prefixes[judge->prefix_count++] =
		    (struct prefix){ prefix, depth };
}

static void
take_attribute(struct judge *judge)
{
	struct span name = take_name(judge), own = prefix_of(name);

	if (!take(judge, "=\"")) {
		breach(judge, "an attribute without =\"");
		return;
	}
	if (same(own, span_of("xmlns")))
		declare(judge, (struct span){ name.text + 6, name.len - 6 },
		    judge->depth);
	else
		use(judge, name);
	take_value(judge);
	if (!take(judge, "\""))
		breach(judge, "a value without end");
}

static bool
is_declared(const struct judge *judge, struct span prefix)
{
	unsigned i;

	for (i = 0; i < judge->prefix_count; i++)
		if (same(judge->prefixes[i].name, prefix))
			return true;
	return false;
}

static void
judge_prefixes(struct judge *judge)
{
	unsigned i;

	for (i = 0; i < judge->used_count; i++)
		if (!is_declared(judge, judge->used[i]))
			breach(judge, "a prefix that is not declared");
	judge->used_count = 0;
}

static void
leave(struct judge *judge)
{
	while (judge->prefix_count > 0 &&
	       judge->prefixes[judge->prefix_count - 1].depth == judge->depth)
		judge->prefix_count--;
	judge->depth--;
}

static void
take_start_tag(struct judge *judge)
{
	struct span name = take_name(judge);

	if (judge->depth + 1 == DEPTH_MAX) {
		breach(judge, "too deep for this judge");
		return;
	}
	judge->open[++judge->depth] = name;
	use(judge, name);
	while (take(judge, " "))
		take_attribute(judge);
	judge_prefixes(judge);
	if (take(judge, "/>"))
		leave(judge);
	else if (!take(judge, ">"))
		breach(judge, "a start tag with anything else inside");
}

static void
take_end_tag(struct judge *judge)
{
	struct span name = take_name(judge);

	if (judge->depth == 0 || !same(name, judge->open[judge->depth]) ||
	    !take(judge, ">"))
		breach(judge, "an end tag that is not its start tag's");
	else
		leave(judge);
}

const char *
safe_profile_breach(const void *bytes, size_t len, const char *known)
{
	static struct judge judge;

	memset(&judge, 0, sizeof(judge));
	judge.at = bytes;
	judge.end = judge.at + len;
	if (known)
		declare(&judge, span_of(known), 0);
	if (!take(&judge, "<"))
		return "does not begin with an element";
	take_start_tag(&judge);
	while (!judge.breach && judge.depth > 0 && judge.at < judge.end) {
		take_text(&judge);
		if (take(&judge, "</"))
			take_end_tag(&judge);
		else if (take(&judge, "<"))
			take_start_tag(&judge);
	}
	if (!judge.breach && judge.depth > 0)
		return "an element without end";
	if (!judge.breach && judge.at < judge.end)
		return "something behind the element";
	return judge.breach;
}
