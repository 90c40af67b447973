/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scanner_cut - what the server makes of a stanza in a route packet: cut out of
 * the link's bytes by the models of its scanner, older versions and newer ones,
 * and judged by the stand-in's own idea of the safe profile.
 */
#ifndef TESTS_SUPPORT_XMPP_SCANNER_CUT_H
#define TESTS_SUPPORT_XMPP_SCANNER_CUT_H

#include <stddef.h>

/* NULL when each packet is cut where it ends, the one behind it, too. Else what
 * is wrong, in words. */
const char *scanner_cut_breach(const void *stanza, size_t len);

#endif
