/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask: what is masked stays as it is when masked again, and no SASL payload is
 * left: text within any such element is three stars.
 */
#include "common/xmpp/mask.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char sasl[] = "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">";

static void
check_masked_once(const void *bytes, size_t len)
{
	struct buf once, twice;

	buf_init(&once, 0);
	buf_init(&twice, 0);
	mask_secrets(bytes, len, &once);
	mask_secrets(buf_bytes(&once), buf_len(&once), &twice);
	CHECK(buf_len(&once) == buf_len(&twice));
	CHECK(buf_len(&once) == 0 ||
	      memcmp(buf_bytes(&once), buf_bytes(&twice), buf_len(&once)) == 0);
	buf_destroy(&once);
	buf_destroy(&twice);
}

/* Any text without markup as the payload of an <auth/>. */
static void
check_payload(const uint8_t *bytes, size_t len)
{
	struct buf element, shown;

	if (len == 0 || memchr(bytes, '<', len))
		return;
	buf_init(&element, 0);
	buf_init(&shown, 0);
	buf_append_str(&element, sasl);
	buf_append(&element, bytes, len);
	buf_append_str(&element, "</auth>");
	mask_secrets(buf_bytes(&element), buf_len(&element), &shown);
	CHECK(buf_len(&shown) == sizeof(sasl) - 1 + 3 + 7);
	buf_destroy(&element);
	buf_destroy(&shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	check_masked_once(bytes, len);
	check_payload(bytes, len);
	return 0;
}
