/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/stream_id.h"

#include "common/net/digest.h"
#include "common/shm/directory.h"

#include <errno.h>
#include <string.h>

/* No secret: of the two ids a client gets both, and nobody else either. */
static const uint8_t label[DIGEST_KEY_BYTES] = "the stream after log-in";

/* The name and the slot stay, so that the slot can be read from it. */
static void
derive_nonce(const char *streamid, size_t len,
    uint8_t nonce_out[SESSION_NONCE_BYTES])
{
	digest_keyed(label, streamid, len, nonce_out, SESSION_NONCE_BYTES);
}

size_t
stream_id_print(struct directory *directory, uint32_t slot,
    char id_out[STREAMID_MAX + 1])
{
	const struct session_info *info = directory_info(directory, slot);
	size_t len = directory_streamid(directory, slot, id_out);
	uint8_t nonce[SESSION_NONCE_BYTES];

	if (!info || !info->after_sasl)
		return len;
	derive_nonce(id_out, len, nonce);
	streamid_put_nonce(id_out, len, nonce);
	return len;
}

int
stream_id_find(struct directory *directory, const char *id, size_t len,
    uint32_t *slot_out, uint32_t *generation_out)
{
	char streamid[STREAMID_MAX + 1];
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint32_t slot, generation;
	size_t streamid_len;

	if (directory_find(directory, id, len, slot_out, generation_out) == 0)
		return 0;
	if (directory_named_slot(directory, id, len, &slot) != 0 ||
	    !directory_is_live(directory, slot))
		return -ENOENT;
	generation = directory_generation(directory, slot);
	streamid_len = directory_streamid(directory, slot, streamid);
	derive_nonce(streamid, streamid_len, nonce);
	if (!streamid_has_nonce(id, len, nonce) ||
	    generation != directory_generation(directory, slot))
		return -ENOENT;
	*slot_out = slot;
	*generation_out = generation;
	return 0;
}
