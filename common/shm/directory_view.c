/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/directory.h"

#include "common/shm/region.h"

#include <string.h>

static void
copy_jid(struct region *region, uint32_t slot, const struct session_info *info,
    char jid_out[SESSION_JID_MAX])
{
	const char *arena = region_section(region, REGION_ARENA,
	    slot / region_geometry(region)->slots_per_partition);
	uint64_t bytes = region_section_bytes(region, REGION_ARENA);
	size_t len = MIN((size_t)info->jid_len, SESSION_JID_MAX - 1u);

	jid_out[0] = '\0';
	if (!arena || info->jid_offset == 0 || info->jid_offset > bytes ||
	    len > bytes - info->jid_offset)
		return;
	memcpy(jid_out, arena + info->jid_offset, len);
	jid_out[len] = '\0';
}

bool
directory_view(struct directory *directory, struct region *region,
    uint32_t slot, struct session_view *view_out)
{
	const struct session_info *shared = directory_info(directory, slot);
	struct session_info info;

	if (!shared || !directory_is_live(directory, slot))
		return false;
	memcpy(&info, shared, sizeof(info));
	copy_jid(region, slot, &info, view_out->jid);
	/* The client went, and its name with it, while we looked. */
	if (info.jid_offset != shared->jid_offset)
		view_out->jid[0] = '\0';
	view_out->slot = slot;
	view_out->generation = directory_generation(directory, slot);
	view_out->owner = directory_owner(directory, slot);
	view_out->lane = (uint8_t)(slot % LANE_COUNT);
	view_out->phase = info.phase;
	view_out->transport = info.transport;
	memcpy(view_out->peer_address, info.peer_address,
	    sizeof(view_out->peer_address));
	view_out->peer_port = info.peer_port;
	view_out->since_s = info.since_s;
	view_out->active_s = info.active_s;
	view_out->bytes_up = info.bytes_up;
	view_out->bytes_down = info.bytes_down;
	view_out->stanzas_up = info.stanzas_up;
	view_out->stanzas_down = info.stanzas_down;
	return info.generation == view_out->generation;
}

const char *
session_phase_name(enum session_phase phase)
{
	static const char *const names[] = {
		[SESSION_OPENING] = "opening",
		[SESSION_NEGOTIATING] = "negotiating",
		[SESSION_AUTHENTICATED] = "authenticated",
		[SESSION_BOUND] = "bound",
		[SESSION_CLOSING] = "closing",
	};

	return (size_t)phase < ARRAY_LEN(names) ? names[phase] : "unknown";
}
