/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recognised_breach - judges what the recogniser lets through, by a plain expat
 * parser, the safe profile, and the models of the server's scanner: none of
 * them shares code with it.
 */
#ifndef TESTS_SUPPORT_XMPP_RECOGNISED_BREACH_H
#define TESTS_SUPPORT_XMPP_RECOGNISED_BREACH_H

#include <stddef.h>

/* NULL when the bytes are one element for all of them, alone in a <route/> on
 * a link. Else what is wrong, in words. */
const char *recognised_breach(const void *bytes, size_t len);

#endif
