/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a link's bytes into stanzas as the server does, compares with what an
 * XML parser finds, and hands each stanza on.
 */
#include "tests/support/fake_openfire/fake.h"

#include <ctype.h>
#include <string.h>

#define SHOWN      400
#define JUDGEMENTS 262144

void
judge_note(struct link *link, int64_t *count, const char *what,
    const void *bytes, size_t len)
{
	struct buf *out = &link->fake->judgement;
	const unsigned char *at = bytes;

	++*count;
	if (buf_len(out) > JUDGEMENTS)
		return;
	(void)buf_printf(out, "link %u: %s: ", link->number, what);
	for (size_t i = 0; i < MIN(len, SHOWN); i++) {
		if (isprint(at[i]))
			(void)buf_append_char(out, (char)at[i]);
		else
			(void)buf_printf(out, "\\x%02x", at[i]);
	}
	(void)buf_append_char(out, '\n');
}

void
judge_kill(struct link *link, const char *why, const void *bytes, size_t len)
{
	const struct dialect *dialect = link->fake->dialect;

	judge_note(link, &link->fake->stats.killed, why, bytes, len);
	if (dialect->silent)
		link_printf(link, "<stream:error xmlns:stream=\""
				  "http://etherx.jabber.org/streams\">"
				  "<internal-server-error xmlns=\""
				  "urn:ietf:params:xml:ns:xmpp-streams\"/>"
				  "<text xmlns=\""
				  "urn:ietf:params:xml:ns:xmpp-streams\">"
				  "An error occurred while processing data "
				  "raw inbound data.</text></stream:error>"
				  "</stream:stream>");
	link->phase = link->phase == LINK_READY ? LINK_READY : LINK_LEAVING;
	link_flush(link);
	link_cut(link, false);
}

/* True, and the link is ended, when the bytes hold what was called poison. */
static bool
dies_of(struct link *link, const void *bytes, size_t len)
{
	struct fake *fake = link->fake;

	if (!fake->poison[0][0])
		return false;
	for (size_t at = 0; at < ARRAY_LEN(fake->poison); at++)
		if (!memmem(bytes, len, fake->poison[at],
			strlen(fake->poison[at])))
			return false;
	fake->stats.poisoned++;
	link_cut(link, fake->poison_resets);
	return true;
}

static void
read_chunk(struct link *link, const char *bytes, size_t len)
{
	struct fake *fake = link->fake;
	struct chunk *chunk = &fake->chunk;

	if (dies_of(link, bytes, len))
		return;
	if (!chunk_parse(chunk, bytes, len)) {
		judge_note(link, &fake->stats.unparsable, chunk->error, bytes,
		    len);
		judge_kill(link, "unparsable", bytes, len);
		return;
	}
	if (chunk_profile(bytes, len))
		judge_note(link, &fake->stats.unsafe, chunk_profile(bytes, len),
		    bytes, len);
	if (chunk_is(chunk, 0, "starttls"))
		negotiate_starttls(link);
	else if (chunk_is(chunk, 0, "handshake"))
		negotiate_handshake(link);
	else if (chunk_is(chunk, 0, "iq"))
		top_iq(link);
	else if (chunk_is(chunk, 0, "route"))
		top_packet(link);
	else if (chunk_is(chunk, 0, "error"))
		link_finish(link);
	else
		judge_kill(link, "unknown element", bytes, len);
}

static void
end_of_stream(struct link *link)
{
	link->fake->stats.links_ended++;
	if (link->phase == LINK_READY)
		link->fake->stats.links_ready--;
	link->phase = LINK_LEAVING;
	manager_leave(link);
	link_printf(link, "</stream:stream>");
	link_finish(link);
}

static void
hand_on(struct link *link)
{
	struct buf *chunk = &link->scanner.chunk;
	const char *bytes = (const char *)buf_bytes(chunk);
	size_t len = buf_len(chunk);

	if (len > 5 && !memcmp(bytes, "<?xml", 5))
		return;
	if (len > 14 && !memcmp(bytes, "<stream:stream", 14))
		negotiate_header(link);
	else if (len > 2 && !memcmp(bytes, "</", 2))
		end_of_stream(link);
	else
		read_chunk(link, bytes, len);
}

static void
scan(struct link *link, const char *bytes, size_t len)
{
	struct fake *fake = link->fake;
	uint64_t end;

	for (size_t at = 0; at < len && !link->dead; at++) {
		switch (scanner_byte(&link->scanner, bytes[at])) {
		case SCANNER_CHUNK:
			end = link->scanned + at + 1;
			if (memcmp(buf_bytes(&link->scanner.chunk), "<?", 2))
				(void)buf_append(&link->ends, &end, 8);
			fake->stats.chunks++;
			hand_on(link);
			buf_reset(&link->scanner.chunk);
			break;
		case SCANNER_BROKEN:
			judge_kill(link, link->scanner.broken, bytes + at,
			    len - at);
			return;
		case SCANNER_MORE:
			break;
		}
	}
}

static bool
same_ends(const struct buf *a, const struct buf *b)
{
	size_t len = buf_len(a);

	return len == buf_len(b) &&
	       (!len || !memcmp(buf_bytes(a), buf_bytes(b), len));
}

static bool
is_blank(const char *bytes, size_t len)
{
	while (len && bytes[len - 1] == ' ')
		len--;
	return !len;
}

void
judge_bytes(struct link *link, const void *bytes, size_t len)
{
	struct fake *fake = link->fake;
	struct buf *theirs = &link->witness.ends;

	if (is_blank(bytes, len))
		fake->stats.heartbeats++;
	witness_feed(&link->witness, bytes, len);
	scan(link, bytes, len);
	link->scanned += len;
	if (link->witness.error && !link->dead)
		judge_note(link, &fake->stats.foreign, link->witness.error,
		    bytes, len);
	else if (!link->dead && !same_ends(theirs, &link->ends))
		judge_note(link, &fake->stats.foreign, "cut elsewhere", bytes,
		    len);
	buf_reset(theirs);
	buf_reset(&link->ends);
	/* Nobody waits for the end of it. */
	if (!link->dead)
		(void)dies_of(link, buf_bytes(&link->scanner.chunk),
		    buf_len(&link->scanner.chunk));
}
