/* SPDX-License-Identifier: Apache-2.0 */
/*
 * up_frame - what the frames hold that go from a worker to upstream.
 *
 *   stanzas, AUTH   one element of canonical text, without its <route/>
 *   IQ_ANSWER       the same; it may be one that upstream's worker has made
 *                   for a client that is gone
 *   CREATE          struct up_create
 *   FAILED          the <message/> that was not delivered
 *   LEAVE, CLOSE, RELEASE, PROBE   nothing
 *
 * What goes onto a link is written by upstream, from its own copy of this
 * (worker/upstream/send/wrap.h).
 */
#ifndef WORKER_UP_FRAME_H
#define WORKER_UP_FRAME_H

#include "common/base/base.h"

#define UP_CREATE_TEXT_MAX 96

/* What the server is told of a client's connection. Texts have an end. */
struct up_create {
	uint8_t address[16]; /* IPv4 as mapped */
	uint8_t encrypted;
	char tls_version[15]; /* "TLSv1.3"; these two "" if not encrypted */
	char cipher[UP_CREATE_TEXT_MAX];
};

#endif
