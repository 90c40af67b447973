/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/login_lines.h"

#include <string.h>

static void
count(struct login_lines *lines, const uint8_t address[16])
{
	struct login_count *at = lines->counts;
	struct login_count *end = at + lines->kept;

	while (at < end && memcmp(at->address, address, 16) != 0)
		at++;
	if (at == end && lines->kept == LOGIN_ADDRESSES) {
		lines->others++;
		return;
	}
	if (at == end) {
		memcpy(at->address, address, 16);
		at->count = 0;
		lines->kept++;
	}
	at->count++;
}

bool
login_lines_pass(struct login_lines *lines, const uint8_t address[16],
    uint32_t now_s)
{
	if (lines->second != now_s)
		lines->lines = 0;
	lines->second = now_s;
	if (lines->lines == LOGIN_LINES_A_SECOND) {
		count(lines, address);
		return false;
	}
	lines->lines++;
	return true;
}

enum login_lines_next
login_lines_next(struct login_lines *lines, uint32_t now_s,
    struct login_count *count_out)
{
	*count_out = (struct login_count){ .count = lines->others };
	if (lines->second == now_s)
		return LOGIN_LINES_NONE;
	if (lines->kept > 0) {
		*count_out = lines->counts[--lines->kept];
		return LOGIN_LINES_ADDRESS;
	}
	lines->others = 0;
	return count_out->count > 0 ? LOGIN_LINES_OTHERS : LOGIN_LINES_NONE;
}
