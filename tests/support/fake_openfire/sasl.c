/* SPDX-License-Identifier: Apache-2.0 */
/* Lets anybody in but who says that the password is "wrong". */
#include "common/base/printable.h"
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <string.h>

#define SASL "urn:ietf:params:xml:ns:xmpp-sasl"

static void
fail(struct fake *fake, struct session *session, const char *condition)
{
	char text[160];

	snprintf(text, sizeof(text),
	    "<failure xmlns=\"" SASL "\"><%s/></failure>", condition);
	session_raw(fake, session, text);
	if (++session->failures % 3 == 0)
		session_close_iq(fake, session, NULL);
}

/* No server has an account whose name its XML could not hold. */
static bool
is_name(const char *text, size_t len)
{
	size_t i, wide;
	bool shown;

	for (i = 0; i < len; i += wide) {
		wide = printable_next(text + i, len - i, &shown);
		if (!shown || strchr("@/", text[i]))
			return false;
	}
	return len > 0 && len <= CHUNK_NAME_MAX;
}

static void
plain(struct fake *fake, struct session *session, const gnutls_datum_t *message)
{
	const char *at = (const char *)message->data;
	const char *end = at + message->size;
	const char *user = memchr(at, '\0', message->size);
	const char *password =
	    user ? memchr(user + 1, '\0', (size_t)(end - user - 1)) : NULL;
	char name[CHUNK_NAME_MAX + 1];

	if (!password) {
		fail(fake, session, "incorrect-encoding");
		return;
	}
	user++;
	password++;
	if (end - password == 5 && !memcmp(password, "wrong", 5)) {
		fail(fake, session, "not-authorized");
		return;
	}
	if (!is_name(user, (size_t)(password - 1 - user))) {
		fail(fake, session, "not-authorized");
		return;
	}
	snprintf(name, sizeof(name), "%s", user);
	session_login(fake, session, name);
	session_raw(fake, session, "<success xmlns=\"" SASL "\"/>");
}

void
sasl_from(struct link *link, struct session *session)
{
	struct fake *fake = link->fake;
	struct chunk *chunk = &fake->chunk;
	const char *mechanism = chunk_attr(chunk, 1, "mechanism");
	gnutls_datum_t given, message = { NULL, 0 };

	if (strcmp(chunk->at[1].space, SASL) != 0) {
		fail(fake, session, "not-authorized");
		return;
	}
	if (mechanism && strcmp(mechanism, "PLAIN") != 0) {
		fail(fake, session, "invalid-mechanism");
		return;
	}
	if (!buf_len(&chunk->payload)) {
		session_raw(fake, session, "<challenge xmlns=\"" SASL "\"/>");
		return;
	}
	given.data = chunk->payload.data + chunk->payload.start;
	given.size = (unsigned)buf_len(&chunk->payload);
	if (gnutls_base64_decode2(&given, &message) < 0)
		fail(fake, session, "incorrect-encoding");
	else
		plain(fake, session, &message);
	gnutls_free(message.data);
}
