/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_record - what a worker sends of a session that is traced: one datagram
 * for each element, secrets masked, until the session ends.
 */
#ifndef COMMON_PROCESS_TRACE_RECORD_H
#define COMMON_PROCESS_TRACE_RECORD_H

#include "common/base/base.h"

#define TRACE_RECORD_MAX 65536 /* bytes, all of it */

enum trace_what {
	TRACE_BEGUN, /* what follows is all */
	TRACE_FROM_CLIENT,
	TRACE_TO_CLIENT,
	TRACE_REFUSED, /* the text is the reason; the only one */
	TRACE_ENDED,   /* the text is the reason; the last one */
	TRACE_WHAT_COUNT,
};

struct trace_record {
	enum trace_what what;
	uint32_t lost;     /* records before this one that found no room */
	uint32_t left_out; /* bytes at the text's end, likewise */
	uint64_t time_us;  /* unix time */
	const char *text;  /* any bytes; borrowed */
	size_t len;
};

/* Bytes used, at most TRACE_RECORD_MAX; text that does not fit is cut between
 * two characters and counted. */
size_t trace_record_encode(const struct trace_record *record,
    uint8_t bytes_out[TRACE_RECORD_MAX]);
/* 0; -EPROTO for what is none. The text lies in `bytes`. */
MUST_CHECK int trace_record_decode(const void *bytes, size_t len,
    struct trace_record *record_out);

#endif
