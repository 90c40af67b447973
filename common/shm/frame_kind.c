/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/frame_kind.h"

#include "common/base/base.h"

static const char *const frame_kind_names[FRAME_KIND_COUNT] = {
	[FRAME_PAD] = "pad",
	[FRAME_PRESENCE] = "presence",
	[FRAME_MESSAGE] = "message",
	[FRAME_IQ_REQUEST] = "iq request",
	[FRAME_IQ_ANSWER] = "iq answer",
	[FRAME_OTHER] = "other",
	[FRAME_CREATE] = "create",
	[FRAME_AUTH] = "auth",
	[FRAME_FAILED] = "failed",
	[FRAME_LEAVE] = "leave",
	[FRAME_CLOSE] = "close",
	[FRAME_RELEASE] = "release",
	[FRAME_PROBE] = "probe",
	[FRAME_CONTROL] = "control",
	[FRAME_BARRIER] = "barrier",
	[FRAME_SUCCESS] = "success",
	[FRAME_CHALLENGE] = "challenge",
	[FRAME_FAILURE] = "failure",
	[FRAME_STREAM_ERROR] = "stream error",
	[FRAME_SERVER_CLOSE] = "server close",
	[FRAME_NOT_FOUND] = "not found",
	[FRAME_REFUSED] = "refused",
	[FRAME_PACKET_ERROR] = "<route/> error",
	[FRAME_BOUNCE] = "bounce",
	[FRAME_LEFT] = "left",
};

const char *
frame_kind_name(enum frame_kind kind)
{
	return (size_t)kind < ARRAY_LEN(frame_kind_names)
		   ? frame_kind_names[kind]
		   : "unknown";
}
