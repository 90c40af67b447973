/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/link/hint.h"

#include "common/base/log.h"

#include <string.h>

/* One may have been late. */
#define FOREIGN_MIN 2

static const struct {
	const char *what, *advice;
} texts[HINT_COUNT] = {
#define HINT(symbol, what, advice) [HINT_##symbol] = { what, advice },
#include "worker/upstream/link/hint.def"
#undef HINT
};

/* --- what it may be --- */

/* As servers have them by default: those of Openfire and of others. */
static const struct {
	uint16_t port;
	enum hint hint;
	bool is_tls; /* from the first byte */
} ports[] = {
	{ 5222, HINT_CLIENT_PORT, false },
	{ 5223, HINT_CLIENT_PORT, true },
	{ 5263, HINT_NONE, true },
	{ 5269, HINT_SERVER_PORT, false },
	{ 5270, HINT_SERVER_PORT, true },
	{ 5275, HINT_COMPONENT_PORT, false },
	{ 5276, HINT_COMPONENT_PORT, true },
	{ 5347, HINT_COMPONENT_PORT, false },
};

static enum hint
hint_of_port(uint16_t port)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i].port == port)
			return ports[i].hint;
	return HINT_NONE;
}

static bool
is_tls_port(uint16_t port)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i].port == port)
			return ports[i].is_tls;
	return false;
}

enum hint
hint_of_header(const char *namespace)
{
	static const struct {
		const char *namespace;
		enum hint hint;
	} headers[] = {
		{ "jabber:client", HINT_CLIENT_PORT },
		{ "jabber:server", HINT_SERVER_PORT },
		{ "jabber:component:accept", HINT_COMPONENT_PORT },
		{ "jabber:component:connect", HINT_COMPONENT_PORT },
	};
	size_t i;

	for (i = 0; namespace && i < ARRAY_LEN(headers); i++)
		if (strcmp(namespace, headers[i].namespace) == 0)
			return headers[i].hint;
	return HINT_NONE;
}

/* Openfire's other ports answer in the namespace of the request, so
 * only the error and the number differ (PROTOCOL.md §2.5). */
enum hint
hint_of_error(const char *condition, uint16_t port)
{
	static const struct {
		const char *condition;
		enum hint hint; /* on a port of any other number */
	} errors[] = {
		{ "invalid-namespace", HINT_OTHER_PORT },
		{ "bad-namespace-prefix", HINT_OTHER_PORT },
		{ "host-unknown", HINT_OTHER_PORT },
		{ "improper-addressing", HINT_OTHER_PORT },
		{ "unsupported-stanza-type", HINT_OTHER_PORT },
		{ "bad-format", HINT_NONE },
		{ "not-well-formed", HINT_NONE },
		{ "conflict", HINT_SAME_NAME },
	};
	enum hint by_port = hint_of_port(port);
	size_t i;

	for (i = 0; i < ARRAY_LEN(errors); i++)
		if (strcmp(condition, errors[i].condition) == 0)
			return by_port != HINT_NONE ? by_port : errors[i].hint;
	return HINT_NONE;
}

static bool
begins(const uint8_t *bytes, size_t len, const char *text)
{
	return len >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

enum hint
hint_of_bytes(const uint8_t *bytes, size_t len, bool in_tls)
{
	/* An alert or a handshake of some version of TLS (RFC 8446 §5.1). */
	bool is_tls =
	    len >= 2 && (bytes[0] == 0x15 || bytes[0] == 0x16) && bytes[1] == 3;

	if (begins(bytes, len, "HTTP/") || begins(bytes, len, "SSH-") ||
	    begins(bytes, len, "220 "))
		return HINT_NO_XMPP;
	if (in_tls)
		return begins(bytes, len, "<") ? HINT_CLEAR_PORT : HINT_NONE;
	return is_tls ? HINT_TLS_PORT : HINT_NONE;
}

enum hint
hint_of_silence(uint16_t port, bool in_tls)
{
	if (in_tls)
		return HINT_NO_TLS;
	return is_tls_port(port) ? HINT_TLS_PORT : HINT_SILENT;
}

/* --- once for each cause --- */

static bool
is_guess(enum hint hint)
{
	return hint == HINT_REFUSED || hint == HINT_SILENT ||
	       hint == HINT_NO_TLS;
}

void
hints_log(struct hints *hints, enum hint hint, const char *details)
{
	if (hint == HINT_NONE || (hints->logged & 1u << hint) ||
	    (hints->proven && is_guess(hint)))
		return;
	hints->logged |= 1u << hint;
	log_at(hint == HINT_ONE_DOMAIN ? LOG_ERROR : LOG_WARNING,
	    "%s%s%s hint=\"%s\"", texts[hint].what, details[0] ? " " : "",
	    details, texts[hint].advice);
}

void
hints_forget(struct hints *hints, enum hint hint)
{
	hints->logged &= ~(1u << hint);
}

/* What is known from the server itself goes on. */
static void
forget_port(struct hints *hints)
{
	hints->logged &= 1u << HINT_SAME_NAME | 1u << HINT_CHANNEL_BINDING |
			 1u << HINT_ONE_DOMAIN | 1u << HINT_UNKNOWN_DOMAIN;
}

void
hints_prove_port(struct hints *hints)
{
	forget_port(hints);
	hints->proven = true;
}

void
hints_distrust_port(struct hints *hints)
{
	forget_port(hints);
	hints->proven = false;
}

bool
hints_note_foreign(struct hints *hints, double age_s, double patience_s)
{
	return age_s > patience_s && ++hints->foreign >= FOREIGN_MIN;
}
