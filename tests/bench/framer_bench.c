/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_bench STANZAS client|drip|roster|link: so many stanzas through one
 * framer, or one byte count: `framer_bench 0 client` prints the bytes of one;
 * drip: a client's, each byte in a read of its own. Measured from outside; see
 * tests/bench/instructions.
 */
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"
#include "tests/bench/choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stanzas in one read. */
#define BATCH 8u

static const char message[] =
    "<message to='juliet@capulet.example/balcony' type='chat' id='a1b2c3'>"
    "<body>But soft, what light through yonder window breaks? It is the east, "
    "and Juliet is the sun.</body>"
    "<active xmlns='http://jabber.org/protocol/chatstates'/>"
    "<request xmlns='urn:xmpp:receipts'/></message>";

static const char packet[] =
    "<route to='cm' streamid='cm00000abcdefghijklmnop'>"
    "<message xmlns='jabber:client' from='romeo@montague.example/orchard' "
    "to='juliet@capulet.example/balcony' type='chat' id='a1b2c3'>"
    "<body>But soft, what light through yonder window breaks? It is the east, "
    "and Juliet is the sun.</body>"
    "<active xmlns='http://jabber.org/protocol/chatstates'/>"
    "<request xmlns='urn:xmpp:receipts'/></message></route>";

#define ITEM(n) \
	"<item jid='contact" n "@example.net' name='Contact " n \
	"' subscription='both'><group>Friends</group></item>"
#define ITEMS(n) ITEM(n "0") ITEM(n "1") ITEM(n "2") ITEM(n "3") ITEM(n "4")

static const char roster[] =
    "<iq type='set' id='r1'><query xmlns='jabber:iq:roster'>" ITEMS("1")
	ITEMS("2") ITEMS("3") ITEMS("4") ITEMS("5") ITEMS("6")
	    ITEMS("7") "</query></iq>";

struct load {
	const char *name;
	const char *bytes;
	size_t len;
	unsigned options;
	const char *namespace;
	size_t step; /* bytes of one read */
};

static const struct load loads[] = {
	{ "client", message, sizeof(message) - 1, 0, NS_CLIENT, SIZE_MAX },
	{ "drip", message, sizeof(message) - 1, 0, NS_CLIENT, 1 },
	{ "roster", roster, sizeof(roster) - 1, 0, NS_CLIENT, SIZE_MAX },
	{ "link", packet, sizeof(packet) - 1, FRAMER_UNWRAP, NS_MULTIPLEX,
	    SIZE_MAX },
};

static unsigned
feed(struct framer *framer, const uint8_t *bytes, size_t len, size_t step)
{
	enum framer_result result;
	unsigned elements = 0;
	size_t at, now;

	for (at = 0; at < len; at += now) {
		now = MIN(step, len - at);
		result = framer_feed(framer, bytes + at, now);
		while (result == FRAMER_ELEMENT) {
			elements++;
			result = framer_resume(framer);
		}
		CHECK(result == FRAMER_MORE);
	}
	return elements;
}

static void
run(const struct load *load, uint64_t count)
{
	const struct framer_limits limits = { .element_bytes = 262144,
		.depth = 64,
		.attributes = 64,
		.header_bytes = 16384 };
	struct framer *framer = framer_new(&limits, load->options);
	uint8_t *batch = xmalloc(load->len * BATCH);
	uint64_t i;

	for (i = 0; i < BATCH; i++)
		memcpy(batch + i * load->len, load->bytes, load->len);
	framer_prime(framer, load->namespace);
	for (i = 0; i < count; i += BATCH)
		CHECK(feed(framer, batch, load->len * BATCH, load->step) ==
		      BATCH);
	free(batch);
	framer_free(&framer);
}

int
main(int argc, char **argv)
{
	uint64_t count;
	size_t i = choose_load(argv, &loads[0].name, sizeof(loads[0]),
	    ARRAY_LEN(loads), &count);

	(void)argc;
	if (i == ARRAY_LEN(loads))
		return 2;
	printf("%zu\n", loads[i].len);
	run(&loads[i], count);
	return 0;
}
