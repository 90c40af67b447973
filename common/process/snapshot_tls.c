/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/snapshot_tls.h"

#include "common/base/buf.h"
#include "common/process/snapshot_pieces.h"

#include <stdlib.h>
#include <string.h>

/* --- out --- */

void
snapshot_put_identity(const struct tls_identity *identity, struct buf *out)
{
	snapshot_put_text(identity->chain, out);
	snapshot_put_text(identity->key, out);
}

static void
put_described(const struct tls_identity *identity, struct buf *out)
{
	snapshot_put_identity(identity, out);
	snapshot_put_piece(out, identity->ocsp, identity->ocsp_len);
	snapshot_put_text(identity->hosts, out);
	snapshot_put_u32(out, identity->for_domain);
	(void)buf_append(out, identity->digest, sizeof(identity->digest));
}

void
snapshot_put_identities(const struct tls_identities *identities,
    struct buf *out)
{
	unsigned i;

	snapshot_put_u32(out, identities->count);
	for (i = 0; i < identities->count; i++)
		put_described(&identities->all[i], out);
}

void
snapshot_put_ticket_key(const struct config_client *client, bool is_for,
    struct buf *out)
{
	snapshot_put_piece(out, client->ticket_key,
	    is_for && client->has_ticket_key ? TLS_TICKET_KEY_BYTES : 0);
}

void
snapshot_put_certificates(const struct certificate_list *list, struct buf *out)
{
	const struct certificate_facts *facts;
	unsigned i;

	snapshot_put_u32(out, list->count);
	snapshot_put_u32(out, list->left_out);
	for (i = 0; i < list->count; i++) {
		facts = &list->rows[i];
		snapshot_put_u32(out, facts->role);
		snapshot_put_u32(out, facts->faults);
		snapshot_put_i64(out, facts->not_before_s);
		snapshot_put_i64(out, facts->not_after_s);
		snapshot_put_u32(out, facts->ocsp.state);
		snapshot_put_i64(out, facts->ocsp.until_s);
		snapshot_put_text(facts->sha256, out);
		snapshot_put_text(facts->subject, out);
		snapshot_put_text(facts->issuer, out);
		snapshot_put_text(facts->names, out);
		snapshot_put_text(facts->missing, out);
		snapshot_put_text(facts->key, out);
		snapshot_put_text(facts->signature, out);
		snapshot_put_text(facts->file, out);
	}
}

/* --- in --- */

bool
snapshot_take_identity(struct cursor *cursor, struct tls_identity *identity)
{
	identity->chain = snapshot_take_text(cursor);
	identity->key = snapshot_take_text(cursor);
	if (!identity->chain || !identity->key ||
	    !identity->chain[0] != !identity->key[0])
		return false;
	if (!identity->chain[0])
		tls_identity_clear(identity);
	return true;
}

static bool
take_ocsp(struct cursor *cursor, struct tls_identity *identity)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (cursor->failed)
		return false;
	if (len == 0)
		return true;
	identity->ocsp = xmalloc(len);
	memcpy(identity->ocsp, bytes, len);
	identity->ocsp_len = len;
	return true;
}

static bool
take_described(struct cursor *cursor, struct tls_identity *identity)
{
	const uint8_t *digest;

	if (!snapshot_take_identity(cursor, identity) || !identity->chain ||
	    !take_ocsp(cursor, identity))
		return false;
	identity->hosts = snapshot_take_text(cursor);
	identity->for_domain = cursor_u32(cursor) != 0;
	digest = cursor_bytes(cursor, sizeof(identity->digest));
	if (!identity->hosts || !digest)
		return false;
	memcpy(identity->digest, digest, sizeof(identity->digest));
	return true;
}

bool
snapshot_take_identities(struct cursor *cursor,
    struct tls_identities *identities)
{
	uint32_t count = cursor_u32(cursor);
	struct tls_identity identity = { 0 };
	bool good = !cursor->failed && count <= TLS_IDENTITIES_MAX;

	for (; good && count > 0; count--) {
		good = take_described(cursor, &identity) &&
		       tls_identities_add(identities, &identity);
		tls_identity_clear(&identity); /* what was not added */
	}
	return good;
}

bool
snapshot_take_ticket_key(struct cursor *cursor, struct config_client *client)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (cursor->failed || (len != 0 && len != TLS_TICKET_KEY_BYTES))
		return false;
	client->has_ticket_key = len > 0;
	if (len > 0)
		memcpy(client->ticket_key, bytes, len);
	return true;
}

static bool
take_certificate(struct cursor *cursor, struct certificate_facts *out)
{
	*out = (struct certificate_facts){ 0 };
	out->role = cursor_u32(cursor);
	out->faults = cursor_u32(cursor);
	out->not_before_s = snapshot_take_i64(cursor);
	out->not_after_s = snapshot_take_i64(cursor);
	out->ocsp.state = cursor_u32(cursor);
	out->ocsp.until_s = snapshot_take_i64(cursor);
	return snapshot_take_into(cursor, out->sha256, sizeof(out->sha256)) &&
	       snapshot_take_into(cursor, out->subject, sizeof(out->subject)) &&
	       snapshot_take_into(cursor, out->issuer, sizeof(out->issuer)) &&
	       snapshot_take_into(cursor, out->names, sizeof(out->names)) &&
	       snapshot_take_into(cursor, out->missing, sizeof(out->missing)) &&
	       snapshot_take_into(cursor, out->key, sizeof(out->key)) &&
	       snapshot_take_into(cursor, out->signature,
		   sizeof(out->signature)) &&
	       snapshot_take_into(cursor, out->file, sizeof(out->file));
}

bool
snapshot_take_certificates(struct cursor *cursor, struct certificate_list *list)
{
	uint32_t count = cursor_u32(cursor);
	uint32_t left_out = cursor_u32(cursor);
	struct certificate_facts facts;

	if (cursor->failed || count > CERTIFICATES_MAX)
		return false;
	for (; count > 0; count--) {
		if (!take_certificate(cursor, &facts))
			return false;
		certificate_sanitize(&facts);
		certificate_list_add(list, &facts);
	}
	list->left_out = left_out;
	return true;
}
