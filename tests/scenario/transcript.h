/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transcript - reads tests/captures: what went over which connection, split as
 * it was sent.
 *
 *   00:46:36.124 #13 CM->OF <stream:stream ...>     the Java manager's link
 *   06:06:55.005 M<-OF <?xml ...>                   a hand-written link
 *   00:50:12.209 A->CM <presence/>                  a client of the manager
 *   00:53:33.597 M->OF b"<iq \xc3\xa9"              bytes, as Python writes
 * them 06:11:52.446 [TLS TLSv1.3 ...]                  an event
 *   ==== what happens next
 *
 * Lines without time belong to the bytes above them.
 */
#ifndef TESTS_SCENARIO_TRANSCRIPT_H
#define TESTS_SCENARIO_TRANSCRIPT_H

#include "common/base/buf.h"

enum way {
	WAY_UP,   /* manager to server */
	WAY_DOWN, /* server to manager */
	WAY_FROM_CLIENT,
	WAY_TO_CLIENT,
	WAY_CONNECTED, /* events: nothing in bytes */
	WAY_TLS,
	WAY_OTHER,
};

struct record {
	char connection[8]; /* "" when the line names none */
	enum way way;
	unsigned line;
	struct buf bytes;
};

struct transcript {
	struct record *records;
	size_t count;
};

/* 0 or -errno; the caller frees. A line that is not understood is a broken
 * claim: the captures are ours. */
MUST_CHECK int transcript_read(const char *path, struct transcript *transcript);
void transcript_free(struct transcript *transcript);

#endif
