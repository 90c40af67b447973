/* SPDX-License-Identifier: Apache-2.0 */
/* What goes up (PROTOCOL.md §2.3, §2.8, §5, §6.1, §10.9). */
#include "common/xmpp/canonical.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void
multiplex_render_header(struct buf *out, const struct multiplex_names *names,
    const char *resource)
{
	buf_append_str(out, "<stream:stream xmlns:stream=\"" NS_STREAM
			    "\" xmlns=\"" NS_MULTIPLEX "\" to=\"");
	stream_escape_value(out, names->manager, strlen(names->manager));
	buf_append_char(out, '/');
	stream_escape_value(out, resource, strlen(resource));
	buf_append_str(out, "\" version=\"1.0\">");
}

void
multiplex_render_starttls(struct buf *out)
{
	buf_append_str(out, "<starttls xmlns=\"" NS_TLS "\"/>");
}

void
multiplex_render_handshake(struct buf *out, const char *digest_hex)
{
	buf_append_str(out, "<handshake>");
	buf_append_str(out, digest_hex);
	buf_append_str(out, "</handshake>");
}

/* The start tag of an IQ of the manager's own, up to its last attribute. */
static void
iq_start(struct buf *out, const struct multiplex_names *names, const char *type,
    const char *id)
{
	buf_append_str(out, "<iq");
	stream_attribute(out, "type", type);
	stream_attribute(out, "to", names->domain);
	stream_attribute(out, "from", names->manager);
	stream_attribute(out, "id", id);
}

/* <iq ...><session ...>, up to where the verb goes. */
static void
session_start(struct buf *out, const struct multiplex_names *names,
    const char *streamid, const char *id)
{
	iq_start(out, names, "set", id);
	buf_append_str(out, "><session xmlns=\"" NS_MULTIPLEX_IQ "\"");
	stream_attribute(out, "id", streamid);
	buf_append_char(out, '>');
}

static void
session_end(struct buf *out)
{
	buf_append_str(out, "</session></iq>");
}

static void
render_facts(struct buf *out, const struct multiplex_facts *facts)
{
	buf_append_str(out, "<facts xmlns=\"" NS_MODULE "\"");
	stream_attribute(out, "encrypted", facts->encrypted ? "1" : "0");
	if (facts->encrypted) {
		stream_attribute(out, "tls", facts->tls_version);
		stream_attribute(out, "cipher", facts->cipher);
	}
	buf_append_str(out, "/>");
}

void
multiplex_render_create(struct buf *out, const struct multiplex_names *names,
    const char *streamid, const char *id, const char *address,
    const struct multiplex_facts *facts)
{
	session_start(out, names, streamid, id);
	buf_append_str(out, "<create><host");
	stream_attribute(out, "name", address);
	stream_attribute(out, "address", address);
	buf_append_str(out, "/>");
	if (facts)
		render_facts(out, facts);
	buf_append_str(out, "</create>");
	session_end(out);
}

void
multiplex_render_close(struct buf *out, const struct multiplex_names *names,
    const char *streamid, const char *id)
{
	session_start(out, names, streamid, id);
	buf_append_str(out, "<close/>");
	session_end(out);
}

/* What came for a client's stream may use the prefix that its header
 * declares; on a link each item stands alone. Whether it does is not read token
 * by token: a declaration too many does no harm, and most have no such bytes,
 * which one search of memory tells. */
static void
declare_stream(struct buf *out, const struct canonical_reader *start,
    const uint8_t *bytes, size_t len)
{
	if (memmem(bytes, len, "stream:", 7) &&
	    !canonical_find_attribute(start, "xmlns:stream").text)
		stream_attribute(out, "xmlns:stream", NS_STREAM);
}

void
multiplex_render_standalone(struct buf *out, const uint8_t *element, size_t len)
{
	struct canonical_reader start;

	canonical_begin(&start, element, len);
	if (canonical_next(&start) != CANONICAL_START)
		return;
	buf_append(out, start.whole.text, start.whole.len);
	declare_stream(out, &start, element, len);
	buf_append(out, start.at, (size_t)(start.end - start.at));
}

int
multiplex_render_failed(struct buf *out, const struct multiplex_names *names,
    const char *streamid, const char *id, const uint8_t *message, size_t len)
{
	struct canonical_reader start;

	canonical_begin(&start, message, len);
	if (len > MULTIPLEX_STANZA_MAX ||
	    canonical_next(&start) != CANONICAL_START ||
	    !canonical_is(start.name, "message"))
		return -ENOENT;
	session_start(out, names, streamid, id);
	buf_append_str(out, "<failed><message xmlns=\"\"");
	declare_stream(out, &start, message, len);
	buf_append(out, start.at, (size_t)(start.end - start.at));
	buf_append_str(out, "</failed>");
	session_end(out);
	return 0;
}

void
multiplex_render_packet_start(struct buf *out,
    const struct multiplex_names *names, const char *streamid)
{
	buf_append_str(out, "<route");
	stream_attribute(out, "to", names->domain);
	stream_attribute(out, "from", names->manager);
	stream_attribute(out, "streamid", streamid);
	buf_append_char(out, '>');
}

void
multiplex_render_packet_end(struct buf *out)
{
	buf_append_str(out, "</route>");
}

void
multiplex_render_probe(struct buf *out, const struct multiplex_names *names,
    const char *streamid)
{
	multiplex_render_packet_start(out, names, streamid);
	buf_append_str(out, "<iq type=\"result\" id=\"cm-probe\"");
	stream_attribute(out, "to", names->domain);
	buf_append_str(out, "/>");
	multiplex_render_packet_end(out);
}

void
multiplex_render_barrier(struct buf *out, const struct multiplex_names *names,
    const char *id)
{
	char streamid[256];

	snprintf(streamid, sizeof(streamid), "%s" MULTIPLEX_BARRIER_SUFFIX,
	    names->manager);
	multiplex_render_close(out, names, streamid, id);
}

void
multiplex_render_iq_result(struct buf *out, const struct multiplex_names *names,
    const char *id)
{
	iq_start(out, names, "result", id);
	buf_append_str(out, "/>");
}

void
multiplex_render_iq_error(struct buf *out, const struct multiplex_names *names,
    const char *id)
{
	iq_start(out, names, "error", id);
	buf_append_str(out,
	    "><error type=\"cancel\"><service-unavailable xmlns=\"" NS_STANZAS
	    "\"/></error></iq>");
}

void
multiplex_render_end(struct buf *out)
{
	stream_render_end(out);
}
