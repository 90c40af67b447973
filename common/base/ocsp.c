/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/ocsp.h"

static const struct {
	const char *word, *fault;
} states[OCSP_STATE_COUNT] = {
#define OCSP(symbol, word, fault) [OCSP_##symbol] = { word, fault },
#include "common/base/ocsp.def"
#undef OCSP
};

enum ocsp_state
ocsp_judge(const struct ocsp_facts *facts, int64_t now_s)
{
	if (facts->state == OCSP_FRESH && facts->until_s <= now_s)
		return OCSP_STALE;
	return (enum ocsp_state)facts->state;
}

const char *
ocsp_state_word(enum ocsp_state state)
{
	return states[state].word;
}

const char *
ocsp_state_fault(enum ocsp_state state)
{
	return states[state].fault;
}
