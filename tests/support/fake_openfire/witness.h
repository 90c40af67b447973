/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness - a real XML parser over a link's whole stream, beside the scanner.
 *
 * Both say where stanzas end. As long as they agree, the server found exactly
 * the stanzas that the manager meant.
 */
#ifndef FAKE_OPENFIRE_WITNESS_H
#define FAKE_OPENFIRE_WITNESS_H

#include "common/base/buf.h"

#include <expat.h>

struct witness {
	XML_Parser parser;
	int depth;
	const char *error; /* not XML any more */
	struct buf ends;   /* uint64_t: bytes of the stream up to each end */
};

void witness_init(struct witness *witness);
void witness_destroy(struct witness *witness);
/* A new stream begins (after TLS). */
void witness_reset(struct witness *witness);
void witness_feed(struct witness *witness, const void *bytes, size_t len);

#endif
