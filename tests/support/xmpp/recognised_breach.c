/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/xmpp/recognised_breach.h"

#include "tests/support/xmpp/meaning.h"
#include "tests/support/xmpp/safe_profile.h"
#include "tests/support/xmpp/scanner_cut.h"

/* In the namespace of a link, with none of the prefixes of its header: each
 * version of the server reads a <route/> alone. */
#define ROUTE_START \
	"<route xmlns='jabber:connectionmanager' to=\"a\" from=\"b\" " \
	"streamid=\"c\">"

static const char *
expat_breach(const void *bytes, size_t len)
{
	static const struct meaning_how plain = { NULL, NULL, false };
	struct meaning meaning;
	const char *breach = NULL;

	meaning_read(&meaning, &plain, ROUTE_START, bytes, len, "</route>");
	if (!meaning.whole)
		breach = "not well-formed for expat";
	else if (meaning.count != 1)
		breach = "not one element for expat";
	meaning_free(&meaning);
	return breach;
}

const char *
recognised_breach(const void *bytes, size_t len)
{
	const char *breach = expat_breach(bytes, len);

	if (!breach)
		breach = safe_profile_breach(bytes, len, NULL);
	return breach ? breach : scanner_cut_breach(bytes, len);
}
