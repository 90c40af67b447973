/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_hello.h"

#include "common/base/cursor.h"
#include "common/net/tls_choice.h"
#include "common/net/tls_context.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#define EXTENSION_SNI  0u /* RFC 6066 */
#define NAME_TYPE_HOST 0u

/* --- the name --- */

/* The first name of a host in the list; there is no more than one. */
static int
take_extension(void *context, unsigned id, const unsigned char *bytes,
    unsigned len)
{
	char *host_out = context;
	struct cursor cursor;
	const uint8_t *head, *name;
	size_t name_len;

	if (id != EXTENSION_SNI)
		return 0;
	cursor_init(&cursor, bytes, len);
	head = cursor_bytes(&cursor, 5); /* u16 all, u8 type, u16 length */
	if (!head || head[2] != NAME_TYPE_HOST)
		return 0;
	name_len = (size_t)head[3] << 8 | head[4];
	name = cursor_bytes(&cursor, name_len);
	if (name)
		(void)host_name_normalise(name, name_len, host_out);
	return 0;
}

/* "": none. What cannot be parsed GnuTLS refuses itself. */
static void
read_host(const gnutls_datum_t *hello, char host_out[HOST_NAME_TEXT_MAX])
{
	host_out[0] = '\0';
	(void)gnutls_ext_raw_parse(host_out, take_extension, hello,
	    GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
}

void
tls_hello_host(gnutls_session_t session, char host_out[HOST_NAME_TEXT_MAX])
{
	char name[HOST_NAME_TEXT_MAX + 1]; /* a dot may be at its end */
	size_t len = sizeof(name);
	unsigned type;

	host_out[0] = '\0';
	if (gnutls_server_name_get(session, name, &len, &type, 0) == 0 &&
	    type == GNUTLS_NAME_DNS)
		(void)host_name_normalise(name, len, host_out);
}

/* --- tickets --- */

/* The ticket key of a name. Most clients send the one that the client before
 * has sent, and to derive a key takes a tenth of a resumed handshake. */
static uint8_t *
key_of(struct tls_context *context, const char *host)
{
	struct tls_name_key *last = &context->last_key;

	_Static_assert(sizeof(last->bytes) == 64, "SHA-512 gives as many");
	if (last->is_set && strcmp(last->host, host) == 0)
		return last->bytes;
	CHECK(gnutls_hmac_fast(GNUTLS_MAC_SHA512, context->ticket_key.data,
		  context->ticket_key.size, host, strlen(host),
		  last->bytes) == 0);
	(void)snprintf(last->host, sizeof(last->host), "%s", host);
	last->is_set = true;
	return last->bytes;
}

/* Whoever comes back with a ticket needs no signature, and no round for it: the
 * session itself is kept by the client. */
static void
offer_tickets(struct tls_context *context, gnutls_session_t session,
    const char *host)
{
	gnutls_datum_t key = { key_of(context, host), TLS_TICKET_KEY_BYTES };

	gnutls_db_set_cache_expiration(session,
	    (int)context->ticket_lifetime_s);
	CHECK(gnutls_session_ticket_enable_server(session, &key) == 0);
}

/* --- the message --- */

int
tls_hello_take(struct tls_context *context, gnutls_session_t session,
    const gnutls_datum_t *hello, bool again)
{
	char host[HOST_NAME_TEXT_MAX], first[HOST_NAME_TEXT_MAX];

	read_host(hello, host);
	if (again) {
		tls_hello_host(session, first);
		return strcmp(host, first) == 0
			   ? 0
			   : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	}
	if (context->choice)
		CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
			  tls_choice_find(context->choice, host)) == 0);
	if (context->ticket_key.data)
		offer_tickets(context, session, host);
	return 0;
}
