/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/stream.h"

#include <ctype.h>
#include <string.h>

/* --- escaping --- */

enum place { IN_TEXT, IN_VALUE };

static const char *
escape_of(char byte, enum place place)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return place == IN_VALUE ? "&gt;" : NULL;
	case '\r':
		return "&#13;";
	case '"':
		return place == IN_VALUE ? "&quot;" : NULL;
	case '\t':
		return place == IN_VALUE ? "&#9;" : NULL;
	case '\n':
		return place == IN_VALUE ? "&#10;" : NULL;
	default:
		return NULL;
	}
}

/* The byte that stands `back` before text[at], in the text or at the end of
 * `out`; 0: there is none. */
static uint8_t
byte_before(const struct buf *out, const char *text, size_t at, size_t back)
{
	if (back <= at)
		return (uint8_t)text[at - back];
	back -= at;
	if (back > buf_len(out))
		return 0;
	return buf_bytes(out)[buf_len(out) - back];
}

/* "]]>" may not stand in text (XML 1.0 §2.4), whichever pieces it comes in. A
 * ']' is copied only with what follows it, so `out` still ends before the text
 * when that begins with the brackets. */
static bool
ends_section(const struct buf *out, const char *text, size_t at)
{
	return text[at] == '>' && byte_before(out, text, at, 1) == ']' &&
	       byte_before(out, text, at, 2) == ']';
}

static void
escape(struct buf *out, const char *text, size_t len, enum place place)
{
	const char *replacement;
	size_t i, from = 0;

	for (i = 0; i < len; i++) {
		/* Nearly all bytes are letters or parts of UTF-8. */
		if ((uint8_t)text[i] > '>')
			continue;
		replacement = escape_of(text[i], place);
		if (place == IN_TEXT && ends_section(out, text, i))
			replacement = "&gt;";
		if (!replacement)
			continue;
		buf_append(out, text + from, i - from);
		buf_append_str(out, replacement);
		from = i + 1;
	}
	buf_append(out, text + from, len - from);
}

void
stream_escape_text(struct buf *out, const char *text, size_t len)
{
	escape(out, text, len, IN_TEXT);
}

void
stream_escape_value(struct buf *out, const char *text, size_t len)
{
	escape(out, text, len, IN_VALUE);
}

char
stream_unescape_next(const char *text, size_t len, size_t *width_out)
{
	static const struct {
		const char *reference;
		char byte;
	} known[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&#13;", '\r' } };
	size_t i, width;

	for (i = 0; *text == '&' && i < ARRAY_LEN(known); i++) {
		width = strlen(known[i].reference);
		if (len < width || memcmp(text, known[i].reference, width) != 0)
			continue;
		*width_out = width;
		return known[i].byte;
	}
	*width_out = 1;
	return *text;
}

void
stream_unescape(struct buf *out, const char *text, size_t len)
{
	size_t at, width;

	for (at = 0; at < len; at += width)
		buf_append_char(out,
		    stream_unescape_next(text + at, len - at, &width));
}

void
stream_attribute(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_append_char(out, ' ');
	buf_append_str(out, name);
	buf_append_str(out, "=\"");
	stream_escape_value(out, value, strlen(value));
	buf_append_char(out, '"');
}

/* --- header and features --- */

void
stream_render_header(struct buf *out, const struct stream_header *header)
{
	buf_append_str(out, "<?xml version='1.0' encoding='UTF-8'?>"
			    "<stream:stream xmlns:stream=\"" NS_STREAM
			    "\" xmlns=\"" NS_CLIENT "\"");
	stream_attribute(out, "from", header->from);
	stream_attribute(out, "to", header->to);
	stream_attribute(out, "id", header->id);
	stream_attribute(out, "xml:lang",
	    header->language ? header->language : "en");
	if (header->version)
		stream_attribute(out, "version", "1.0");
	buf_append_char(out, '>');
}

static void
render_mechanisms(struct buf *out, const char *mechanisms)
{
	size_t len;

	buf_append_str(out, "<mechanisms xmlns=\"" NS_SASL "\">");
	while (*mechanisms) {
		len = strcspn(mechanisms, " ");
		buf_append_str(out, "<mechanism>");
		stream_escape_text(out, mechanisms, len);
		buf_append_str(out, "</mechanism>");
		mechanisms += len;
		mechanisms += strspn(mechanisms, " ");
	}
	buf_append_str(out, "</mechanisms>");
}

static void
render_limits(struct buf *out, const struct stream_features *features)
{
	if (features->max_stanza_bytes == 0 && features->idle_s == 0)
		return;
	buf_append_str(out, "<limits xmlns=\"urn:xmpp:stream-limits:0\">");
	if (features->max_stanza_bytes)
		buf_printf(out, "<max-bytes>%zu</max-bytes>",
		    features->max_stanza_bytes);
	if (features->idle_s)
		buf_printf(out, "<idle-seconds>%u</idle-seconds>",
		    features->idle_s);
	buf_append_str(out, "</limits>");
}

static void
render_before_auth(struct buf *out, const struct stream_features *features)
{
	if (features->starttls)
		buf_append_str(out, features->starttls_required
					? "<starttls xmlns=\"" NS_TLS
					  "\"><required/></starttls>"
					: "<starttls xmlns=\"" NS_TLS "\"/>");
	if (features->starttls_required)
		return;
	if (features->mechanisms && features->mechanisms[0])
		render_mechanisms(out, features->mechanisms);
	if (features->non_sasl_auth)
		buf_append_str(out,
		    "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>");
	if (features->in_band_register)
		buf_append_str(out,
		    "<register xmlns=\"http://jabber.org/features/"
		    "iq-register\"/>");
}

void
stream_render_features(struct buf *out, const struct stream_features *features)
{
	buf_append_str(out, "<stream:features>");
	if (features->stage == STAGE_BEFORE_AUTH) {
		render_before_auth(out, features);
	} else {
		buf_append_str(out,
		    "<bind xmlns=\"" NS_BIND "\"/>"
		    "<session xmlns=\"" NS_SESSION "\"><optional/></session>");
		if (features->roster_versioning)
			buf_append_str(out,
			    "<ver xmlns=\"urn:xmpp:features:rosterver\"/>");
	}
	render_limits(out, features);
	buf_append_str(out, "</stream:features>");
}

/* --- errors --- */

void
stream_render_text(struct buf *out, const char *namespace, const char *text)
{
	if (!text)
		return;
	buf_append_str(out, "<text xmlns=\"");
	buf_append_str(out, namespace);
	buf_append_str(out, "\" xml:lang=\"en\">");
	stream_escape_text(out, text, strlen(text));
	buf_append_str(out, "</text>");
}

void
stream_render_error(struct buf *out, const char *condition, const char *text)
{
	buf_printf(out, "<stream:error><%s xmlns=\"" NS_STREAMS "\"/>",
	    condition);
	stream_render_text(out, NS_STREAMS, text);
	buf_append_str(out, "</stream:error>");
}

void
stream_render_other_host(struct buf *out, const char *host, const char *text)
{
	buf_append_str(out,
	    "<stream:error><see-other-host xmlns=\"" NS_STREAMS "\">");
	stream_escape_text(out, host, strlen(host));
	buf_append_str(out, "</see-other-host>");
	stream_render_text(out, NS_STREAMS, text);
	buf_append_str(out, "</stream:error>");
}

void
stream_render_end(struct buf *out)
{
	buf_append_str(out, "</stream:stream>");
}

void
stream_render_fault(struct buf *out, const struct stanza_fault *fault)
{
	buf_append_str(out, "<error type=\"");
	buf_append_str(out, fault->type);
	buf_append_str(out, "\"><");
	buf_append_str(out, fault->condition);
	buf_append_str(out, " xmlns=\"" NS_STANZAS "\"/>");
	stream_render_text(out, NS_STANZAS, fault->text);
	buf_append_str(out, "</error>");
}

void
stream_render_stanza_error(struct buf *out, const struct stanza_error *error)
{
	buf_append_char(out, '<');
	buf_append_str(out, error->name);
	stream_attribute(out, "type", "error");
	stream_attribute(out, "id", error->id);
	stream_attribute(out, "from", error->from);
	stream_attribute(out, "to", error->to);
	buf_append_char(out, '>');
	stream_render_fault(out, &error->fault);
	buf_printf(out, "</%s>", error->name);
}

bool
stream_is_language(const char *tag)
{
	size_t len = strlen(tag), i, part = 0;

	if (len == 0 || len > LANGUAGE_MAX)
		return false;
	for (i = 0; i <= len; i++) {
		if (tag[i] == '-' || tag[i] == '\0') {
			if (part == 0 || part > 8)
				return false;
			part = 0;
		} else if (isalnum((unsigned char)tag[i])) {
			part++;
		} else {
			return false;
		}
	}
	return isalpha((unsigned char)tag[0]);
}
