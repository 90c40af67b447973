/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ocsp - what is known of the OCSP response (RFC 6960) that lies beside a
 * certificate, and what time makes of it. Pure: the time is an argument, and
 * the response itself is read elsewhere (common/net/tls_ocsp.c).
 */
#ifndef COMMON_BASE_OCSP_H
#define COMMON_BASE_OCSP_H

#include "common/base/base.h"

enum ocsp_state {
#define OCSP(symbol, word, fault) OCSP_##symbol,
#include "common/base/ocsp.def"
#undef OCSP
	OCSP_STATE_COUNT,
};

/* Zeros: there is none. */
struct ocsp_facts {
	int64_t until_s; /* unix time at which it is out of date; 0: not known,
			  * as of one that is not this certificate's */
	uint32_t state;  /* enum ocsp_state, when it was read */
};

/* At `now_s`: one that was fresh when it was read goes stale. What was refused
 * then stays refused until it is read again. */
enum ocsp_state ocsp_judge(const struct ocsp_facts *facts, int64_t now_s);

/* "": there is none. */
const char *ocsp_state_word(enum ocsp_state state);
/* Why it is not stapled; NULL: it is, or there is none. */
const char *ocsp_state_fault(enum ocsp_state state);

#endif
