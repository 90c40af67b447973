/* SPDX-License-Identifier: Apache-2.0 */
/* wide_limits - of a framer, for texts that are to meet none. */
#ifndef TESTS_SUPPORT_XMPP_WIDE_LIMITS_H
#define TESTS_SUPPORT_XMPP_WIDE_LIMITS_H

#include "common/xmpp/framer.h"

static const struct framer_limits wide_limits = {
	.element_bytes = 1 << 20,
	.depth = 64,
	.attributes = 64,
	.header_bytes = 4096,
};

#endif
