/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act - what only the master can do, on behalf of somebody at the control
 * socket: all that those who answer operators may have done.
 */
#ifndef COMMON_PROCESS_ACT_H
#define COMMON_PROCESS_ACT_H

#include "common/base/list.h"
#include "common/process/access.h"
#include "common/process/channel.h"

#define ACT_ALL UINT32_MAX /* workers */

/*
 * What the members mean:
 *
 *   DRAIN      partition: a worker's, or ACT_ALL; number: seconds
 *   UNDRAIN    partition: likewise; text: why not, of ACT_ALL
 *   PAUSE      number: seconds
 *   RESUME     none
 *   KILL       slot, generation: of the client; number: enum close_reason
 *   TRACE      slot, generation: likewise; fd: trace_record.h
 *   LOG_LEVEL  number: enum log_level
 *   RELOAD     fd: text_file.h: applied, needs a restart, problems
 */
struct act {
	enum operation operation;
	union {
		uint32_t partition; /* DRAIN, UNDRAIN */
		uint32_t slot;      /* KILL, TRACE */
	};
	uint32_t generation, number;
	int asker; /* borrowed: the connection on which it was asked for */
	/* the answer */
	bool done;
	int error; /* 0, or -errno; -EACCES: the asker may not; -EAGAIN: not
		    * now, it may be begun again */
	int fd;    /* owned by who began it; -1: none */
	/* while it is on its way */
	struct list pending;
	uint32_t ticket;
};

/* The message that asks for it, with the asker's descriptor. */
struct channel_message act_message(const struct act *act);
/* The act that a message asks for, not trusted; false: the message is none. The
 * descriptor stays the message's; where it was lost the act's error says so. */
MUST_CHECK bool act_of_message(const struct channel_message *message,
    struct act *act_out);

#endif
