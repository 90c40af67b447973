/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/xmpp/scanner_cut.h"

#include "tests/support/fake_openfire/chunk.h"
#include "tests/support/fake_openfire/scanner.h"

#include <stdint.h>

static const char *
cut_one(struct scanner *scanner, const struct buf *route)
{
	enum scanner_step step = SCANNER_MORE;
	size_t at;

	buf_reset(&scanner->chunk);
	for (at = 0; at < buf_len(route) && step == SCANNER_MORE; at++)
		step = scanner_byte(scanner, (char)buf_bytes(route)[at]);
	if (step == SCANNER_BROKEN)
		return scanner->broken;
	if (step == SCANNER_MORE)
		return "the chunk does not end";
	return at < buf_len(route) ? "the chunk ends early" : NULL;
}

/* As before 4.7, or as later. */
static const char *
cut(const struct buf *route, bool is_old)
{
	const char *breach;
	struct scanner scanner;

	scanner_init(&scanner, SIZE_MAX);
	scanner.strict_space = scanner.allow_nul = is_old;
	breach = cut_one(&scanner, route);
	if (!breach)
		breach = cut_one(&scanner, route);
	scanner_destroy(&scanner);
	return breach;
}

const char *
scanner_cut_breach(const void *stanza, size_t len)
{
	const char *breach;
	struct buf route;

	buf_init(&route, 0);
	buf_append_str(&route, "<route to=\"d\" from=\"m\" streamid=\"s\">");
	buf_append(&route, stanza, len);
	buf_append_str(&route, "</route>");
	breach = cut(&route, true);
	if (!breach)
		breach = cut(&route, false);
	if (!breach)
		breach = chunk_profile(buf_bytes(&route), buf_len(&route));
	buf_destroy(&route);
	return breach;
}
