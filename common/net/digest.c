/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

void
digest_sha1_hex(const char *a, const char *b, char hex_out[DIGEST_SHA1_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[DIGEST_SHA1_HEX / 2];
	gnutls_hash_hd_t hash;
	size_t i;

	CHECK(gnutls_hash_init(&hash, GNUTLS_DIG_SHA1) == 0);
	CHECK(gnutls_hash(hash, a, strlen(a)) == 0);
	CHECK(gnutls_hash(hash, b, strlen(b)) == 0);
	gnutls_hash_deinit(hash, digest);
	for (i = 0; i < sizeof(digest); i++) {
		hex_out[2 * i] = digits[digest[i] >> 4];
		hex_out[2 * i + 1] = digits[digest[i] & 15];
	}
	hex_out[DIGEST_SHA1_HEX] = '\0';
}

void
digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], const void *bytes, size_t len,
    void *out, size_t out_len)
{
	uint8_t digest[32];

	CHECK(out_len <= sizeof(digest));
	CHECK(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, DIGEST_KEY_BYTES, bytes,
		  len, digest) == 0);
	memcpy(out, digest, out_len);
}

void
digest_sha256(const struct digest_piece *pieces, size_t count,
    uint8_t digest_out[DIGEST_SHA256_BYTES])
{
	gnutls_hash_hd_t hash;
	size_t i;

	CHECK(gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) == 0);
	for (i = 0; i < count; i++)
		CHECK(gnutls_hash(hash, pieces[i].bytes, pieces[i].len) == 0);
	gnutls_hash_deinit(hash, digest_out);
}

bool
digest_is_same(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}

void
digest_random(void *bytes, size_t len)
{
	CHECK(gnutls_rnd(GNUTLS_RND_KEY, bytes, len) == 0);
}
