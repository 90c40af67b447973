/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/close.h"

const struct close_info *
close_info(enum close_reason reason)
{
	static const struct close_info infos[CLOSE_REASON_COUNT] = {
#define CLOSE(symbol, error, level, counter, text) \
	[CLOSE_##symbol] = { #symbol, error, level, text },
#include "common/xmpp/close.def"
#undef CLOSE
	};

	return &infos[reason];
}
