/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/replay.h"

#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "tests/scenario/wire.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/support/xmpp/wide_limits.h"
#include "worker/upstream/link/link_reader.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 64

struct notes {
	struct buf *out;
	struct buf raw;   /* all that was fed, as it came */
	struct buf plain; /* the same, unescaped once */
	char sessions[SESSIONS_MAX][64];
	unsigned session_count;
};

static void
note(struct notes *notes, const char *word)
{
	if (buf_len(notes->out) > 0)
		buf_append_char(notes->out, ' ');
	buf_append_str(notes->out, word);
}

/* --- what a link brings --- */

static unsigned
number_of(struct notes *notes, const char *streamid)
{
	unsigned i;

	for (i = 0; i < notes->session_count; i++)
		if (strcmp(notes->sessions[i], streamid) == 0)
			return i + 1;
	CHECK(i < SESSIONS_MAX && strlen(streamid) < 64);
	strcpy(notes->sessions[notes->session_count++], streamid);
	return notes->session_count;
}

static const char *const content_words[CONTENT_KIND_COUNT] = {
	[CONTENT_OTHER] = "other",
	[CONTENT_MESSAGE] = "message",
	[CONTENT_PRESENCE] = "presence",
	[CONTENT_IQ_REQUEST] = "request",
	[CONTENT_IQ_ANSWER] = "answer",
	[CONTENT_SUCCESS] = "success",
	[CONTENT_CHALLENGE] = "challenge",
	[CONTENT_FAILURE] = "failure",
	[CONTENT_STREAM_ERROR] = "stream-error",
};

static const char *
kind_word(const struct multiplex_item *item)
{
	static const char *const words[MULTIPLEX_KIND_COUNT] = {
		[MULTIPLEX_HEADER] = "header",
		[MULTIPLEX_FEATURES] = "features",
		[MULTIPLEX_PROCEED] = "proceed",
		[MULTIPLEX_TLS_FAILURE] = "tls-failure",
		[MULTIPLEX_HANDSHAKE_OK] = "handshake",
		[MULTIPLEX_CONFIGURATION] = "configuration",
		[MULTIPLEX_CREATED] = "created",
		[MULTIPLEX_CREATE_REFUSED] = "refused",
		[MULTIPLEX_CLOSED] = "closed",
		[MULTIPLEX_BARRIER_ANSWER] = "barrier",
		[MULTIPLEX_FAILED_ANSWER] = "failed",
		[MULTIPLEX_SESSION_CLOSE] = "close",
		[MULTIPLEX_PACKET_ERROR] = "packet-error",
		[MULTIPLEX_STREAM_ERROR] = "link-error",
		[MULTIPLEX_UNKNOWN_IQ] = "unknown-iq",
		[MULTIPLEX_IGNORED] = "ignored",
	};

	if (item->kind == MULTIPLEX_PACKET)
		return content_words[item->content];
	if (item->kind == MULTIPLEX_HEADER && !item->id)
		return "header-without-id";
	return words[item->kind];
}

/* What a client gets is in the profile, and is what the server wrote. */
static void
judge_packet(const struct notes *notes, const struct multiplex_item *item)
{
	const struct buf *raw = &notes->raw, *plain = &notes->plain;

	CHECK(!safe_profile_breach(item->bytes, item->len, "stream"));
	CHECK(memmem(buf_bytes(raw), buf_len(raw), item->bytes, item->len) ||
	      memmem(buf_bytes(plain), buf_len(plain), item->bytes, item->len));
}

static void
note_configuration(struct notes *notes,
    const struct multiplex_configuration *configuration)
{
	buf_append_str(notes->out, configuration->starttls ? "+tls" : "");
	buf_append_str(notes->out,
	    configuration->offer.non_sasl_auth ? "+auth" : "");
	buf_append_str(notes->out,
	    configuration->offer.in_band_register ? "+register" : "");
	CHECK(!configuration->starttls_required);
	CHECK(strstr(configuration->offer.mechanisms, "PLAIN"));
	CHECK(!strstr(configuration->offer.mechanisms, "EXTERNAL"));
	CHECK(!strstr(configuration->offer.mechanisms, "-PLUS"));
}

static void
note_item(struct notes *notes, const struct multiplex_item *item)
{
	note(notes, kind_word(item));
	if (item->kind == MULTIPLEX_FEATURES && item->starttls)
		buf_append_str(notes->out, "+tls");
	if (item->kind == MULTIPLEX_CONFIGURATION)
		note_configuration(notes, &item->configuration);
	if (item->kind == MULTIPLEX_PACKET)
		judge_packet(notes, item);
	if (item->kind == MULTIPLEX_SESSION_CLOSE && item->bytes)
		buf_append_str(notes->out, "+error");
	if (item->streamid)
		buf_printf(notes->out, ".%u", number_of(notes, item->streamid));
	if (item->condition[0])
		buf_printf(notes->out, ":%s", item->condition);
}

/* --- feeding --- */

static bool
is_of(const struct replay *replay, const struct record *record, enum way way)
{
	return record->way == way &&
	       strcmp(record->connection, replay->connection) == 0;
}

static void
gather(const struct replay *replay, struct notes *notes)
{
	struct buf sent;
	size_t i;

	buf_init(&sent, 0);
	for (i = 0; i < replay->transcript->count; i++) {
		const struct record *record = &replay->transcript->records[i];

		if (is_of(replay, record, WAY_DOWN))
			buf_append(&sent, buf_bytes(&record->bytes),
			    buf_len(&record->bytes));
	}
	wire_texts(&sent, &notes->raw, &notes->plain);
	buf_destroy(&sent);
}

static void
notes_init(struct notes *notes, struct buf *out)
{
	memset(notes, 0, sizeof(*notes));
	notes->out = out;
	buf_init(&notes->raw, 0);
	buf_init(&notes->plain, 0);
}

static void
notes_destroy(struct notes *notes)
{
	buf_append_char(notes->out, '\0');
	buf_destroy(&notes->raw);
	buf_destroy(&notes->plain);
}

static bool
goes_on(struct notes *notes, enum framer_result result)
{
	if (result == FRAMER_END)
		note(notes, "end");
	else if (result != FRAMER_MORE) {
		note(notes, "!");
		buf_append_str(notes->out, framer_result_name(result));
	}
	return result == FRAMER_MORE;
}

static bool
feed_link(struct link_reader *reader, struct notes *notes,
    const struct buf *bytes, size_t piece)
{
	enum framer_result result = FRAMER_MORE;
	struct multiplex_item item;
	size_t at, now;

	for (at = 0; at < buf_len(bytes) && result == FRAMER_MORE; at += now) {
		now = MIN(piece ? piece : LINK_READ_MAX, buf_len(bytes) - at);
		result = link_reader_feed(reader, buf_bytes(bytes) + at, now);
		while (result == FRAMER_HEADER || result == FRAMER_ELEMENT) {
			multiplex_decode(reader->framer,
			    framer_element(reader->framer), "cm1", &item);
			note_item(notes, &item);
			result = link_reader_next(reader);
		}
	}
	return goes_on(notes, result);
}

void
replay_link(const struct replay *replay, size_t piece, struct buf *out)
{
	const struct transcript *transcript = replay->transcript;
	struct notes notes;
	struct link_reader reader;
	unsigned nth = 0;
	bool on = true;
	size_t i;

	notes_init(&notes, out);
	gather(replay, &notes);
	link_reader_init(&reader, &wide_limits);
	for (i = 0; i < transcript->count && on; i++) {
		const struct record *record = &transcript->records[i];

		if (is_of(replay, record, WAY_CONNECTED))
			nth++;
		else if (record->way == WAY_TLS && nth == replay->nth)
			link_reader_restart(&reader);
		else if (is_of(replay, record, WAY_DOWN) && nth == replay->nth)
			on = feed_link(&reader, &notes, &record->bytes, piece);
	}
	link_reader_destroy(&reader);
	notes_destroy(&notes);
}

/* --- what a client says --- */

static bool
is_header(const struct buf *bytes)
{
	static const char *const starts[] = { "<?xml", "<stream:stream" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(starts); i++)
		if (buf_len(bytes) >= strlen(starts[i]) &&
		    memcmp(buf_bytes(bytes), starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool
feed_client(struct framer *framer, struct notes *notes, const struct buf *bytes,
    size_t piece)
{
	enum framer_result result = FRAMER_MORE;
	const struct element *element;
	size_t at, now;

	for (at = 0; at < buf_len(bytes) && result == FRAMER_MORE; at += now) {
		now = MIN(piece ? piece : buf_len(bytes), buf_len(bytes) - at);
		result = framer_feed(framer, buf_bytes(bytes) + at, now);
		while (framer_is_suspended(framer)) {
			element = framer_element(framer);
			if (result == FRAMER_ELEMENT)
				CHECK(!safe_profile_breach(element->bytes,
				    element->len, NULL));
			note(notes,
			    result == FRAMER_HEADER ? "header" : element->name);
			result = framer_resume(framer);
		}
	}
	return goes_on(notes, result);
}

static void
replay_speaker(const struct replay *replay, enum way way, struct framer *framer,
    size_t piece, struct buf *out)
{
	const struct transcript *transcript = replay->transcript;
	struct notes notes;
	unsigned nth = 0;
	bool on = true;
	size_t i;

	notes_init(&notes, out);
	for (i = 0; i < transcript->count && on; i++) {
		const struct record *record = &transcript->records[i];

		if (is_of(replay, record, WAY_CONNECTED))
			nth++;
		if (!is_of(replay, record, way) || nth != replay->nth)
			continue;
		/* The other side restarts where this one does. */
		if (is_header(&record->bytes))
			framer_reset(framer);
		on = feed_client(framer, &notes, &record->bytes, piece);
	}
	notes_destroy(&notes);
}

void
replay_client(const struct replay *replay, size_t piece, struct buf *out)
{
	struct framer *framer = framer_new(&wide_limits, 0);

	replay_speaker(replay, WAY_FROM_CLIENT, framer, piece, out);
	framer_free(&framer);
}

void
replay_manager(const struct replay *replay, size_t piece, struct buf *out)
{
	struct framer *framer = framer_new(&wide_limits, 0);

	framer_prime(framer, NS_MULTIPLEX); /* some began earlier */
	replay_speaker(replay, WAY_UP, framer, piece, out);
	framer_free(&framer);
}
