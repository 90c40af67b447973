/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/xmpp/scanner_cut.h"

#include "tests/support/fake_openfire/chunk.h"
#include "tests/support/fake_openfire/scanner.h"

#include <stdint.h>

static const char *
cut_one(struct scanner *scanner, const struct buf *packet)
{
	enum scanner_step step = SCANNER_MORE;
	size_t at;

	buf_reset(&scanner->chunk);
	for (at = 0; at < buf_len(packet) && step == SCANNER_MORE; at++)
		step = scanner_byte(scanner, (char)buf_bytes(packet)[at]);
	if (step == SCANNER_BROKEN)
		return scanner->broken;
	if (step == SCANNER_MORE)
		return "the chunk does not end";
	return at < buf_len(packet) ? "the chunk ends early" : NULL;
}

/* As before 4.7, or as later. */
static const char *
cut(const struct buf *packet, bool is_old)
{
	const char *breach;
	struct scanner scanner;

	scanner_init(&scanner, SIZE_MAX);
	scanner.strict_space = scanner.allow_nul = is_old;
	breach = cut_one(&scanner, packet);
	if (!breach)
		breach = cut_one(&scanner, packet);
	scanner_destroy(&scanner);
	return breach;
}

const char *
scanner_cut_breach(const void *stanza, size_t len)
{
	const char *breach;
	struct buf packet;

	buf_init(&packet, 0);
	buf_append_str(&packet, "<route to=\"d\" from=\"m\" streamid=\"s\">");
	buf_append(&packet, stanza, len);
	buf_append_str(&packet, "</route>");
	breach = cut(&packet, true);
	if (!breach)
		breach = cut(&packet, false);
	if (!breach)
		breach = chunk_profile(buf_bytes(&packet), buf_len(&packet));
	buf_destroy(&packet);
	return breach;
}
