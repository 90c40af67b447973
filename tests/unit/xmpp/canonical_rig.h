/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical_rig - one text under the reader of canonical text, in memory of its
 * own size, so that a sanitizer sees each byte too far.
 */
#ifndef TESTS_UNIT_XMPP_CANONICAL_RIG_H
#define TESTS_UNIT_XMPP_CANONICAL_RIG_H

#include "common/xmpp/canonical.h"

#include <check.h>
#include <stddef.h>

extern char *exact; /* the text, not terminated */
extern struct canonical_reader reader;

void begin(const void *bytes, size_t len);
void begin_text(const char *text);
/* For tcase_add_checked_fixture(). */
void finish(void);

const char *token_name(enum canonical_token token);

#define EXPECT_SPAN(span, expected) \
	ck_assert_msg(canonical_is(span, expected), \
	    "\"%.*s\", expected \"%s\"", (int)(span).len, \
	    (span).text ? (span).text : "", expected)

#endif
