/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/region/flip.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRAMES     16u
#define HEAD_CAP   512u
#define TAIL_BODY  4000 /* bytes */
#define ROUNDS     64u  /* between two looks at standard input */
#define MOST_DOTS  4096u
#define GOOD_SHARE 8u
#define GOOD_HEAD  "<message to=\"v@xmpp.example\" id=\"flip\"><body>"
#define TAIL_END   "</body></message>"

static struct {
	uint8_t *bytes[FRAMES];
	uint64_t next[FRAMES]; /* cursor behind it */
	/* Only this changes, while a check is busy with the long tail. */
	char good[HEAD_CAP], bad[HEAD_CAP];
	size_t head_len, len;
	char tail[TAIL_BODY + sizeof(TAIL_END)];
	volatile unsigned dots;
} flipper;

static void
make_texts(const char *bad)
{
	size_t filled = strlen(GOOD_HEAD);

	flipper.head_len = strlen(bad);
	if (flipper.head_len <= filled || flipper.head_len >= HEAD_CAP)
		captured_fail("no such text to flip");
	memcpy(flipper.bad, bad, flipper.head_len);
	snprintf(flipper.good, sizeof(flipper.good), "%s%0*d", GOOD_HEAD,
	    (int)(flipper.head_len - filled), 0);
	snprintf(flipper.tail, sizeof(flipper.tail), "%0*d%s", TAIL_BODY, 0,
	    TAIL_END);
	flipper.len = flipper.head_len + strlen(flipper.tail);
}

static void
stage(struct captured *captured)
{
	struct ring *ring = &captured->ring;
	struct frame_id id = captured->own;

	id.kind = FRAME_MESSAGE;
	for (unsigned i = 0; i < FRAMES; i++) {
		if (ring_reserve(ring, (uint32_t)flipper.len,
			&flipper.bytes[i]) != 0)
			captured_fail("the ring is full");
		memcpy(flipper.bytes[i], flipper.good, flipper.head_len);
		memcpy(flipper.bytes[i] + flipper.head_len, flipper.tail,
		    flipper.len - flipper.head_len);
		ring_stage(ring, &id, (uint32_t)flipper.len);
		flipper.next[i] = ring->staged;
	}
}

void
flip_stage(struct captured *captured, const char *bad)
{
	make_texts(bad);
	stage(captured);
}

static void
write_text(uint8_t *at, const char *text)
{
	memcpy(at, text, flipper.head_len);
	/* It is seen by another process, whatever comes next. */
	atomic_thread_fence(memory_order_seq_cst);
}

static void
rest(unsigned dots)
{
	for (flipper.dots = 0; flipper.dots < dots; flipper.dots++)
		;
}

/* The sound text stays longer: a frame is given up at once whose seal is looked
 * at while the other is there. */
static void
flip_frame(uint8_t *at, unsigned round)
{
	unsigned dots = round * 7 % MOST_DOTS;

	write_text(at, flipper.bad);
	rest(dots);
	write_text(at, flipper.good);
	rest(GOOD_SHARE * dots);
}

static bool
is_told(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, 0) > 0;
}

void
flip_until_told(struct captured *captured)
{
	unsigned long long flips = 0, frames = FRAMES;
	unsigned at = 0;

	while (flips % ROUNDS || !is_told()) {
		while (at < FRAMES &&
		       ring_tail(&captured->ring) >= flipper.next[at])
			at++;
		if (at == FRAMES) { /* none of them was seen to be bad */
			stage(captured);
			ring_publish(&captured->ring);
			captured_count(captured);
			frames += FRAMES;
			at = 0;
		}
		flip_frame(flipper.bytes[at], (unsigned)flips++);
	}
	printf("flips=%llu frames=%llu\n", flips, frames);
}
