/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/close.h"

#include <ctype.h>

#define NAME_MAX_LEN 31

/* As counters are named: its symbol, in lower case. */
static const char *
lower_case(enum close_reason reason, const char *symbol)
{
	static char names[CLOSE_REASON_COUNT][NAME_MAX_LEN + 1];
	char *name = names[reason];
	size_t i;

	for (i = 0; i < NAME_MAX_LEN && symbol[i]; i++)
		name[i] = (char)tolower((unsigned char)symbol[i]);
	return name;
}

const struct close_info *
close_info(enum close_reason reason)
{
	static struct close_info infos[CLOSE_REASON_COUNT] = {
#define CLOSE(symbol, error, level, counter, text) \
	[CLOSE_##symbol] = { NULL, error, level, text },
#include "common/xmpp/close.def"
#undef CLOSE
	};

	static const char *const symbols[CLOSE_REASON_COUNT] = {
#define CLOSE(symbol, error, level, counter, text) [CLOSE_##symbol] = #symbol,
#include "common/xmpp/close.def"
#undef CLOSE
	};

	if (!infos[reason].name)
		infos[reason].name = lower_case(reason, symbols[reason]);
	return &infos[reason];
}
