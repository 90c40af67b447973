/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forge - says through a live worker's rings what no worker may say, as who has
 * taken it over would (MEMORY.md §11); for tests/system/test_captured_worker.
 *
 *   forge MASTER PARTITION ATTACK
 *   forge list          the names of all attacks
 *
 * The worker is best stopped meanwhile: else it writes its cursors anew. What
 * must never reach the server has the word `forged` in it. Prints one line: the
 * attack and the streamids of the session that it speaks as and of the victim.
 * `flipping` goes on until standard input ends.
 */
#include "common/base/buf.h"
#include "common/shm/ring_frame.h"
#include "tests/support/region/captured.h"
#include "tests/support/region/flip.h"
#include "worker/up_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANAGER_SPACE "http://jabber.org/protocol/connectionmanager"
#define FORGED_BODY   "<message to=\"v@xmpp.example\"><body>forged</body>"
#define FORGED        FORGED_BODY "</message>"
/* VICTIM becomes its streamid. */
#define VICTIM "@VICTIM@"
#define ROUTE  "<route to=\"xmpp.example\" from=\"cm\" streamid=\"" VICTIM "\">"

/* --- bytes that are no stanza --- */

struct attack {
	const char *name;
	uint8_t kind;
	const char *text; /* the frame's bytes; NULL: not by them */
	void (*run)(struct captured *captured, const struct attack *attack);
};

static void
append_with_victim(struct buf *out, const char *text, const char *streamid)
{
	const char *at;

	for (; (at = strstr(text, VICTIM)); text = at + strlen(VICTIM)) {
		(void)buf_append(out, text, (size_t)(at - text));
		(void)buf_append_str(out, streamid);
	}
	(void)buf_append_str(out, text);
}

/* Nobody sees it yet. */
static void
stage_bytes(struct captured *captured, const struct frame_id *id,
    const void *bytes, size_t len)
{
	uint8_t *room;

	if (ring_reserve(&captured->ring, (uint32_t)len, &room) != 0)
		captured_fail("the ring is full, or no ring any more");
	if (len)
		memcpy(room, bytes, len);
	ring_stage(&captured->ring, id, (uint32_t)len);
}

static void
stage(struct captured *captured, const struct frame_id *id, const char *text)
{
	struct buf bytes;

	buf_init(&bytes, 0);
	append_with_victim(&bytes, text, captured->victim_streamid);
	stage_bytes(captured, id, buf_bytes(&bytes), buf_len(&bytes));
	buf_destroy(&bytes);
}

static void
say_text(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;

	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

static void
say_create(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;
	struct up_create create = { .encrypted = 1, .tls_version = "TLSv1.3" };

	id.kind = attack->kind;
	snprintf(create.cipher, sizeof(create.cipher), "%s", attack->text);
	stage_bytes(captured, &id, &create, sizeof(create));
}

/* --- frames of somebody else --- */

static void
say_as_victim(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->victim;

	/* Of the victim's lane, so that it is the partition that is wrong. */
	region_up_ring(&captured->region, captured->partition,
	    id.slot % LANE_COUNT, &captured->ring);
	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

static void
say_in_other_lane(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;

	region_up_ring(&captured->region, captured->partition,
	    (id.slot + 1) % LANE_COUNT, &captured->ring);
	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

static void
say_of_no_slot(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;

	id.slot = UINT32_MAX / LANE_COUNT * LANE_COUNT + id.slot % LANE_COUNT;
	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

static void
say_of_no_domain(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;

	id.domain = UINT8_MAX;
	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

static void
say_a_part(struct captured *captured, const struct attack *attack)
{
	struct frame_id id = captured->own;

	id.flags = FRAME_MORE;
	id.kind = attack->kind;
	stage(captured, &id, attack->text);
}

/* --- frames and cursors that are none --- */

/* The header of a frame that is staged then. */
static struct frame_header *
next_header(struct captured *captured)
{
	uint8_t *bytes;

	if (ring_reserve(&captured->ring, sizeof(FORGED), &bytes) != 0)
		captured_fail("the ring is full, or no ring any more");
	return (struct frame_header *)(void *)(bytes - FRAME_HEADER_BYTES);
}

static void
break_seal(struct captured *captured, const struct attack *attack)
{
	struct frame_header *header = next_header(captured);

	say_text(captured, attack);
	header->seal ^= 1;
}

static void
change_bytes(struct captured *captured, const struct attack *attack)
{
	uint8_t *bytes = (uint8_t *)next_header(captured) + FRAME_HEADER_BYTES;

	say_text(captured, attack);
	bytes[1] ^= 1;
}

static void
claim_length(struct captured *captured, const struct attack *attack)
{
	struct frame_header *header = next_header(captured);

	say_text(captured, attack);
	header->len = UINT32_MAX - FRAME_HEADER_BYTES;
}

static void
claim_kind(struct captured *captured, const struct attack *attack)
{
	struct frame_header *header = next_header(captured);
	const uint8_t *bytes = (const uint8_t *)header + FRAME_HEADER_BYTES;
	uint64_t cursor = captured->ring.staged;

	say_text(captured, attack);
	header->kind = UINT8_MAX;
	header->seal = ring_seal(header, cursor, bytes);
}

/* A frame whose end is said to be elsewhere. */
static void
move_head_far(struct captured *captured, const struct attack *attack)
{
	say_text(captured, attack);
	captured->ring.staged += 1ull << 40;
}

static void
move_head_oddly(struct captured *captured, const struct attack *attack)
{
	say_text(captured, attack);
	captured->ring.staged += RING_UNIT / 2;
}

/* Before what upstream has taken. */
static void
move_head_back(struct captured *captured, const struct attack *attack)
{
	(void)attack;
	captured->ring.staged = ring_tail(&captured->ring) - RING_UNIT;
}

static void
flip(struct captured *captured, const struct attack *attack)
{
	struct buf bad;

	buf_init(&bad, 0);
	append_with_victim(&bad, attack->text, captured->victim_streamid);
	(void)buf_append_char(&bad, '\0');
	flip_stage(captured, (const char *)buf_bytes(&bad));
	buf_destroy(&bad);
}

/* --- all --- */

static const struct attack attacks[] = {
	{ "packet", FRAME_MESSAGE, ROUTE FORGED "</route>", say_text },
	{ "end-of-packet", FRAME_MESSAGE, "<message/></route>" ROUTE FORGED,
	    say_text },
	{ "close-behind", FRAME_IQ_REQUEST,
	    "<presence/></route><iq type=\"set\" to=\"xmpp.example\" "
	    "from=\"cm\" id=\"forged\"><session xmlns=\"" MANAGER_SPACE
	    "\" id=\"" VICTIM "\"><close/></session></iq>" ROUTE "<presence/>",
	    say_text },
	{ "end-of-stream", FRAME_MESSAGE,
	    "<message/></route></stream:stream><forged>", say_text },
	{ "half", FRAME_MESSAGE, FORGED_BODY, say_text },
	{ "crossed", FRAME_MESSAGE, "<message><body>forged</message></body>",
	    say_text },
	{ "two", FRAME_MESSAGE, FORGED FORGED, say_text },
	{ "twice", FRAME_MESSAGE, "<message id=\"forged\" id=\"forged\"/>",
	    say_text },
	{ "entity", FRAME_MESSAGE, "<message><body>&forged;</body></message>",
	    say_text },
	{ "control-character", FRAME_MESSAGE,
	    "<message><body>forged\x01</body></message>", say_text },
	{ "no-utf8", FRAME_MESSAGE,
	    "<message><body>forged\xC0\x80</body></message>", say_text },
	{ "no-stanza", FRAME_OTHER, FORGED, say_text },
	{ "handshake", FRAME_CONTROL, "<handshake>forged</handshake>",
	    say_text },
	{ "close-with-words", FRAME_CLOSE, FORGED, say_text },
	{ "short-create", FRAME_CREATE, FORGED, say_text },
	{ "cipher", FRAME_CREATE, "\"/><forged x=\"", say_create },
	{ "victim", FRAME_MESSAGE, FORGED, say_as_victim },
	{ "close-of-victim", FRAME_CLOSE, "", say_as_victim },
	{ "other-lane", FRAME_MESSAGE, FORGED, say_in_other_lane },
	{ "no-slot", FRAME_MESSAGE, FORGED, say_of_no_slot },
	{ "no-domain", FRAME_MESSAGE, FORGED, say_of_no_domain },
	{ "part", FRAME_MESSAGE, FORGED, say_a_part },
	{ "broken-seal", FRAME_MESSAGE, FORGED, break_seal },
	{ "changed", FRAME_MESSAGE, FORGED, change_bytes },
	{ "length", FRAME_MESSAGE, FORGED, claim_length },
	{ "kind", FRAME_MESSAGE, FORGED, claim_kind },
	{ "far-head", FRAME_MESSAGE, ROUTE FORGED, move_head_far },
	{ "odd-head", FRAME_MESSAGE, ROUTE FORGED, move_head_oddly },
	{ "former-head", FRAME_MESSAGE, NULL, move_head_back },
	/* The end tag without a start: in nothing that is recognised. */
	{ "flipping", FRAME_MESSAGE,
	    "<message/></route>" ROUTE "</forged><message><body>", flip },
};

static void
list_attacks(void)
{
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++)
		puts(attacks[i].name);
}

static const struct attack *
attack_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++)
		if (!strcmp(attacks[i].name, name))
			return &attacks[i];
	captured_fail("no such attack");
}

int
main(int argc, char **argv)
{
	const struct attack *attack;
	struct captured captured;

	if (argc == 2 && !strcmp(argv[1], "list")) {
		list_attacks();
		return 0;
	}
	if (argc != 4)
		captured_fail("forge MASTER PARTITION ATTACK");
	attack = attack_named(argv[3]);
	captured_open(&captured, argv[1], (uint32_t)strtoul(argv[2], NULL, 10));
	attack->run(&captured, attack);
	ring_publish(&captured.ring);
	captured_count(&captured);
	printf("%s %s %s\n", attack->name, captured.own_streamid,
	    captured.victim_streamid);
	fflush(stdout);
	if (attack->run == flip)
		flip_until_told(&captured);
	return 0;
}
