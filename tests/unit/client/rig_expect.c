/* SPDX-License-Identifier: Apache-2.0 */
/* What is due to go up, and what came instead. */
#include "tests/unit/client/rig.h"

#include <check.h>

static void
expect_kind(const struct rig_frame *frame, enum frame_kind kind)
{
	ck_assert_msg(frame->kind == kind, "%s came, %s was due: %.300s",
	    frame_kind_name((enum frame_kind)frame->kind),
	    frame_kind_name(kind), frame->text);
}

void
rig_take(enum frame_kind kind, struct rig_frame *frame_out)
{
	rig_take_any(frame_out);
	expect_kind(frame_out, kind);
}

void
rig_take_past_ends(enum frame_kind kind, struct rig_frame *frame_out)
{
	do {
		rig_take_any(frame_out);
	} while (frame_out->kind == FRAME_FAILED ||
		 frame_out->kind == FRAME_CLOSE ||
		 frame_out->kind == FRAME_RELEASE);
	expect_kind(frame_out, kind);
}

void
rig_take_left(struct rig_frame *frame_out)
{
	rig_take_any(frame_out);
	if (frame_out->kind == FRAME_PRESENCE)
		rig_take_any(frame_out);
	expect_kind(frame_out, FRAME_LEAVE);
	rig_give(frame_out, FRAME_LEFT, "");
	rig_take(FRAME_CLOSE, frame_out);
}

void
rig_expect_no_frame(void)
{
	struct rig_frame frame;

	if (!rig_has_frame())
		return;
	rig_take_any(&frame);
	ck_abort_msg("%s came, nothing was due: %.300s",
	    frame_kind_name((enum frame_kind)frame.kind), frame.text);
}
