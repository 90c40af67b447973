/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_filter - which sessions a request means: arguments `key=value` as
 *
 *   jid=alice@*  a pattern of the shell   address=192.0.2.1  that begins so
 *   worker=N lane=N state=bound           tls=yes|no
 *   age=SECONDS idle=SECONDS              at least
 *
 * Pure.
 */
#ifndef WORKER_CONTROL_SESSION_FILTER_H
#define WORKER_CONTROL_SESSION_FILTER_H

#include "common/base/buf.h"
#include "common/net/endpoint.h"
#include "common/shm/directory.h"

#define SESSION_PATTERN_MAX 256 /* bytes: each costs time at every session */

struct session_filter {
	const char *jid, *address, *state; /* borrowed; NULL: any */
	int64_t worker, lane;              /* -1: any */
	bool address_exact; /* the whole address, or that and the port */
	int tls;            /* -1: any */
	uint32_t age_s, idle_s;
};

void session_filter_init(struct session_filter *filter);
/* 0; -ENOENT: another key; -EINVAL: not its value; -EMSGSIZE: a
 * pattern that is too long. The text is borrowed. */
MUST_CHECK int session_filter_add(struct session_filter *filter,
    const char *argument);
/* Appends why an argument that was refused is no filter, and what may stand
 * there. */
void session_filter_explain(const char *argument, struct buf *out);
/* False when the text is no IP address with or without a port; else as
 * addresses of sessions are printed, for `address` when it is to be exact. */
MUST_CHECK bool session_filter_normalise(const char *text,
    char address_out[ENDPOINT_TEXT_MAX]);
bool session_filter_takes(const struct session_filter *filter,
    const struct session_view *view, uint32_t now_s);

#endif
