/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_scan - a walk over all sessions in bounded pieces, for requests of
 * the control socket. What comes or goes meanwhile may be seen or not.
 */
#ifndef WORKER_CONTROL_SESSION_SCAN_H
#define WORKER_CONTROL_SESSION_SCAN_H

#include "worker/control/request.h"
#include "worker/control/session_filter.h"

struct session_scan {
	struct session_filter filter;
	uint32_t next; /* slot */
	uint32_t now_s;
	unsigned taken_max;       /* in one step */
	struct session_view view; /* what fn is given */
};

void session_scan_init(struct session_scan *scan);
/* Calls fn for each that the filter takes, among the next slots: some thousand,
 * or as many as two milliseconds allow. True at the end. */
bool session_scan_step(struct session_scan *scan,
    const struct commands_view *view,
    void (*fn)(void *context, const struct session_view *session),
    void *context);

#endif
