/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_lines - which failed log-ins get a line of their own, and what is
 * logged of the others. Pure: the time is an argument.
 *
 * LOGIN_LINES_A_SECOND in a second have one. What comes beyond is counted by
 * address until that second is over; then login_lines_next() gives each address
 * with its count. When there are more addresses than are kept, the rest is
 * given without one.
 */
#ifndef WORKER_CLIENT_LOGIN_LINES_H
#define WORKER_CLIENT_LOGIN_LINES_H

#include "common/base/base.h"

#define LOGIN_LINES_A_SECOND 100u
#define LOGIN_ADDRESSES      256u

struct login_count {
	uint8_t address[16]; /* IPv4 as mapped */
	uint32_t count;
};

struct login_lines {
	uint32_t second;
	uint32_t lines; /* of their own, in it */
	uint32_t kept;  /* addresses */
	uint32_t others;
	struct login_count counts[LOGIN_ADDRESSES];
};

/* A log-in has failed: true, it has a line of its own; false, it is counted.
 * What was counted in a second before must have been taken. */
bool login_lines_pass(struct login_lines *lines, const uint8_t address[16],
    uint32_t now_s);

enum login_lines_next {
	LOGIN_LINES_NONE,
	LOGIN_LINES_ADDRESS,
	LOGIN_LINES_OTHERS, /* of addresses that found no room */
};
/* Takes the next of what was counted in a second that is over by now. */
enum login_lines_next login_lines_next(struct login_lines *lines,
    uint32_t now_s, struct login_count *count_out);

#endif
