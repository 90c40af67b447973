/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay - one stream of a transcript through our readers, told in words.
 *
 * A link (the server's bytes, through the link reader and multiplex): a packet
 * is told by what it carries, and who is meant by a number for each streamid in
 * order of its first appearance; a condition stands behind a colon:
 *
 *   header features+tls handshake configuration created.1 success.1
 *   packet-error.1:item-not-found closed.1:item-not-found end
 *
 * A speaker (a client, or another manager, through the framer for clients):
 * names of elements, and the framer's word for what it refuses, behind which
 * nothing is read.
 */
#ifndef TESTS_SCENARIO_REPLAY_H
#define TESTS_SCENARIO_REPLAY_H

#include "tests/scenario/transcript.h"

struct replay {
	const struct transcript *transcript;
	const char *connection;
	unsigned nth; /* which of the connections so named, from 1; 0: one
			  that was there before the transcript began */
};

/* Bytes are fed in pieces of at most `piece`, and as sent when it is 0. The
 * words go to `out`, terminated; every canonical text on the way is judged. */
void replay_link(const struct replay *replay, size_t piece, struct buf *out);
void replay_client(const struct replay *replay, size_t piece, struct buf *out);
void replay_manager(const struct replay *replay, size_t piece, struct buf *out);

#endif
