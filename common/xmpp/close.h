/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close - why a stream ends (close.def has a row per reason).
 */
#ifndef COMMON_XMPP_CLOSE_H
#define COMMON_XMPP_CLOSE_H

#include "common/base/log.h"

enum close_reason {
#define CLOSE(symbol, error, level, counter, text) CLOSE_##symbol,
#include "common/xmpp/close.def"
#undef CLOSE
	CLOSE_REASON_COUNT
};

struct close_info {
	const char *name;         /* the symbol of its row in lower case, for
				   * logs */
	const char *stream_error; /* RFC 6120 §4.9.3 condition, or NULL */
	enum log_level level;
	const char *text; /* that goes with the error, for a person */
};

const struct close_info *close_info(enum close_reason reason);

#endif
