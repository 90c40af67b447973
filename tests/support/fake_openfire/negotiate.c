/* SPDX-License-Identifier: Apache-2.0 */
/* What passes on a link until its handshake (PROTOCOL.md §2, §4). */
#include "tests/support/fake_openfire/fake.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STREAMS "http://etherx.jabber.org/streams"
#define ERRORS  "urn:ietf:params:xml:ns:xmpp-streams"

static void
declaration(struct link *link)
{
	const struct dialect *dialect = link->fake->dialect;

	link_printf(link, "%s%s",
	    dialect->old_header ? "<?xml version='1.0' encoding='UTF-8'?>"
				: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
	    dialect->newline ? "\n" : "");
}

static void
header(struct link *link, const char *from, const char *id)
{
	struct buf text;

	buf_init(&text, 0);
	(void)buf_printf(&text, "<stream:stream xmlns:stream=\"" STREAMS
				"\" xmlns=\"jabber:connectionmanager\"");
	if (!link->fake->dialect->old_header)
		(void)buf_append_str(&text, " version=\"1.0\"");
	chunk_append_attribute(&text, "from", from);
	chunk_append_attribute(&text, "id", id);
	if (link->secured)
		(void)buf_append_str(&text, " xml:lang=\"en\"");
	(void)buf_append_str(&text,
	    link->fake->dialect->old_header ? " version=\"1.0\" >" : ">");
	declaration(link);
	link_send(link, buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
	if (link->fake->dialect->two_writes)
		link_flush(link);
}

static void
features(struct link *link)
{
	bool offer = !link->tls && link->fake->tls_policy != TLS_DISABLED;
	bool required = link->fake->tls_policy == TLS_REQUIRED;

	if (offer)
		link_printf(link,
		    "<stream:features><starttls xmlns=\""
		    "urn:ietf:params:xml:ns:xmpp-tls\">%s"
		    "</starttls></stream:features>",
		    required ? "<required/>" : "");
	else if (link->fake->dialect->old_header)
		link_printf(link, "<stream:features></stream:features>");
	else
		link_printf(link, "<stream:features/>");
}

static void
refuse(struct link *link, const char *condition, bool error, const char *id)
{
	link->fake->stats.refused++;
	header(link, id ? link->address : NULL, id);
	if (error)
		link_printf(link,
		    "<stream:error><%s xmlns=\"" ERRORS "\"/></stream:error>",
		    condition);
	link->phase = LINK_LEAVING;
	link_finish(link);
}

static void
make_id(struct link *link)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	size_t len = 10;

	if (link->id[0])
		return;
	for (size_t at = 0; at < len; at++)
		link->id[at] = digits[fake_random(link->fake) % 36];
}

/* Of the references, those that XML has names for. */
static void
unescape(char *text)
{
	static const char *const names[] = { "&lt;", "&gt;", "&quot;", "&apos;",
		"&amp;" };
	char *out = text;
	size_t i;

	while (*text) {
		for (i = 0; i < ARRAY_LEN(names); i++)
			if (!strncmp(text, names[i], strlen(names[i])))
				break;
		*out++ = i < ARRAY_LEN(names) ? "<>\"'&"[i] : *text;
		text += i < ARRAY_LEN(names) ? strlen(names[i]) : 1;
	}
	*out = '\0';
}

static char *
header_attribute(const struct buf *chunk, const char *name)
{
	char *text = xcalloc(1, buf_len(chunk) + 1);
	char *at, *value = NULL;
	char quote;

	memcpy(text, buf_bytes(chunk), buf_len(chunk));
	for (at = strchr(text, ' '); at; at = strchr(at, ' ')) {
		at++;
		if (strncmp(at, name, strlen(name)) != 0 ||
		    at[strlen(name)] != '=')
			continue;
		at += strlen(name) + 1;
		quote = *at++;
		value = xstrdup(at);
		value[strcspn(value, quote == '"' ? "\"" : "'")] = '\0';
		unescape(value);
		break;
	}
	free(text);
	return value;
}

/* False: refused. */
static bool
is_welcome(struct link *link)
{
	const struct buf *chunk = &link->scanner.chunk;
	char *space = header_attribute(chunk, "xmlns");
	char *streams = header_attribute(chunk, "xmlns:stream");
	enum refuse how = link->fake->refuse;
	bool good = space && streams && !strcmp(streams, STREAMS) &&
		    !strcmp(space, "jabber:connectionmanager");

	free(space);
	free(streams);
	if (!link->address)
		refuse(link, "bad-format", !link->fake->dialect->silent, NULL);
	else if (!good)
		refuse(link, "invalid-namespace", true, link->id);
	else if (how == REFUSE_SILENT || how == REFUSE_ERROR)
		refuse(link, "internal-server-error", how == REFUSE_ERROR,
		    NULL);
	else
		return true;
	return false;
}

void
negotiate_header(struct link *link)
{
	struct fake *fake = link->fake;

	free(link->address);
	link->address = header_attribute(&link->scanner.chunk, "to");
	make_id(link);
	link->mute = fake->refuse == REFUSE_MUTE;
	if (!is_welcome(link))
		return;
	link->manager = manager_get(fake, link->address);
	manager_join(link);
	link->phase = LINK_OPEN;
	header(link, link->tls ? fake->domain : link->address, link->id);
	features(link);
}

void
negotiate_starttls(struct link *link)
{
	if (link->tls || link->fake->tls_policy == TLS_DISABLED) {
		link_printf(link, "<stream:error xmlns:stream=\"" STREAMS
				  "\"><not-authorized xmlns=\"" ERRORS
				  "\"/></stream:error></stream:stream>");
		link_finish(link);
		return;
	}
	link_printf(link,
	    "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>");
	link_flush(link);
	tls_start(link);
}

/* Packets that came meanwhile go out before the second header. */
void
negotiate_secured(struct link *link)
{
	link->phase = LINK_SECURE;
	scanner_reset(&link->scanner);
	witness_reset(&link->witness);
	buf_reset(&link->ends);
	link->scanned = 0;
	if (buf_len(&link->held))
		link_send_item(link, buf_bytes(&link->held),
		    buf_len(&link->held));
	buf_reset(&link->held);
}

static bool
digest_fits(const struct link *link)
{
	uint8_t digest[20];
	char text[256], hex[41];
	const struct chunk *chunk = &link->fake->chunk;
	size_t start = chunk->at[0].tag_end;

	snprintf(text, sizeof(text), "%s%s", link->id, link->fake->secret);
	CHECK(gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) ==
	      0);
	for (size_t at = 0; at < sizeof(digest); at++)
		snprintf(hex + 2 * at, 3, "%02x", digest[at]);
	return chunk->len >= start + 40 &&
	       !strncasecmp(chunk->bytes + start, hex, 40) &&
	       chunk->bytes[start + 40] == '<';
}

void
negotiate_handshake(struct link *link)
{
	struct fake *fake = link->fake;

	if (!digest_fits(link) || fake->refuse == REFUSE_SECRET ||
	    (fake->tls_policy == TLS_REQUIRED && !link->secured)) {
		fake->stats.refused++;
		link_printf(link,
		    "<stream:error xmlns:stream=\"" STREAMS
		    "\"><not-authorized xmlns=\"" ERRORS
		    "\"/></stream:error>%s",
		    fake->dialect->silent ? "</stream:stream>" : "");
		link_finish(link);
		return;
	}
	if (link->phase == LINK_READY)
		return;
	link->phase = LINK_READY;
	fake->stats.links_ready++;
	fake->stats.handshakes++;
	link_printf(link, "<handshake></handshake>");
	if (fake->dialect->two_writes)
		link_flush(link);
	send_configuration(link);
}

void
send_configuration(struct link *link)
{
	struct fake *fake = link->fake;
	bool required = !strcmp(fake->starttls, "required");
	bool disabled = !strcmp(fake->starttls, "disabled");

	link_printf(link,
	    "<iq type=\"set\" id=\"143-%u\"><configuration xmlns=\""
	    "http://jabber.org/protocol/connectionmanager\">%s%s%s"
	    "<mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<mechanism>PLAIN</mechanism><mechanism>EXTERNAL</mechanism>"
	    "<mechanism>SCRAM-SHA-1-PLUS</mechanism></mechanisms>"
	    "<compression xmlns=\"http://jabber.org/features/compress\">"
	    "<method>zlib</method></compression>%s"
	    "<register xmlns=\"http://jabber.org/features/iq-register\"/>"
	    "</configuration></iq>",
	    fake->iq_counter++,
	    disabled ? ""
		     : "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\">",
	    required ? "<required/>" : "", disabled ? "" : "</starttls>",
	    fake->dialect->auth_always
		? "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>"
		: "");
}
