/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_claim: the first line is the mechanism, the rest what was sent. Only
 * what stands in the message, decoded by others, may be in the name; a
 * condition is always printable.
 */
#include "common/xmpp/login_claim.h"

#include "common/base/buf.h"
#include "common/xmpp/element.h"

#include <gnutls/gnutls.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Escapes are shorter in the name than in the message. */
static bool
is_subsequence(const struct login_claim *claim, const gnutls_datum_t *of)
{
	size_t i, found = 0;
	char escaped[3] = "";

	for (i = 0; i < of->size && found < claim->name_len; i++) {
		memcpy(escaped, of->data + i, MIN(2u, of->size - i));
		if (claim->name[found] == of->data[i] ||
		    (claim->name[found] == ',' &&
			memcmp(escaped, "2C", 2) == 0) ||
		    (claim->name[found] == '=' &&
			memcmp(escaped, "3D", 2) == 0))
			found++;
	}
	return found == claim->name_len;
}

static void
check_sasl(const char *mechanism, const uint8_t *text, size_t len)
{
	gnutls_datum_t given = { (unsigned char *)(uintptr_t)text,
		(unsigned)len };
	gnutls_datum_t message = { NULL, 0 };
	struct login_claim claim;

	login_claim_begin(&claim, mechanism);
	login_claim_read(&claim, (const char *)text, len);
	CHECK(claim.name_len <= LOGIN_NAME_MAX);
	if (claim.name_len == 0)
		return;
	/* It is stricter with the last bits of a text. */
	if (gnutls_base64_decode2(&given, &message) != 0)
		return;
	CHECK(is_subsequence(&claim, &message));
	gnutls_free(message.data);
}

static void
check_text(const uint8_t *text, size_t len)
{
	const struct element iq = { .bytes = text, .len = len };
	char condition[LOGIN_CONDITION_MAX + 1];
	struct login_fields fields;
	struct login_claim claim;

	login_fields_read(&fields, &iq);
	CHECK(!fields.is_plain || len > 0);
	login_claim_of_iq(&claim, &fields);
	CHECK(claim.name_len <= LOGIN_NAME_MAX);
	CHECK(!memchr(claim.name, '<', claim.name_len) ||
	      memmem(text, len, "&lt;", 4));
	login_condition_read(text, len, condition);
	CHECK(strspn(condition, "abcdefghijklmnopqrstuvwxyz-") ==
		  strlen(condition) &&
	      *condition);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = len ? memchr(bytes, '\n', len) : NULL;
	char mechanism[32] = "";

	check_text(bytes, len);
	if (!end || (size_t)(end - bytes) >= sizeof(mechanism))
		return 0;
	memcpy(mechanism, bytes, (size_t)(end - bytes));
	check_sasl(mechanism, end + 1, len - (size_t)(end - bytes) - 1);
	return 0;
}
