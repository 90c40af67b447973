/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_use - processor time and memory of a process, as this machine's /proc
 * has them.
 */
#ifndef MASTER_CMCTL_PROCESS_USE_H
#define MASTER_CMCTL_PROCESS_USE_H

#include "common/base/base.h"

struct process_use {
	double processor_s;    /* since it began */
	uint64_t memory_bytes; /* resident, of which shared pages are a part */
};

/* False when there is no such process, or one may not look. */
MUST_CHECK bool process_use_read(uint32_t pid, struct process_use *use_out);

/* True when ids that the daemon says are processes of this machine: the one
 * that listens at the other end of the socket is what it says. */
bool process_use_is_here(int socket, uint32_t listener);

#endif
