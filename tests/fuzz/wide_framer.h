/* SPDX-License-Identifier: Apache-2.0 */
/* wide_framer - the limits that hide little of what is fuzzed. */
#ifndef TESTS_FUZZ_WIDE_FRAMER_H
#define TESTS_FUZZ_WIDE_FRAMER_H

#include "common/xmpp/framer.h"
#include "common/xmpp/stream.h"

static const struct framer_limits wide_limits = {
	.element_bytes = 1 << 20,
	.depth = 200,
	.attributes = 200,
	.header_bytes = 4096,
};

/* Shows each element of a client's stream, whose header came before. */
static inline void
wide_framer_each(const void *bytes, size_t len,
    void (*show)(const struct element *element))
{
	struct framer *framer = framer_new(&wide_limits, 0);
	enum framer_result result;

	framer_prime(framer, NS_CLIENT);
	result = framer_feed(framer, bytes, len);
	for (; result == FRAMER_ELEMENT; result = framer_resume(framer))
		show(framer_element(framer));
	framer_free(&framer);
}

#endif
