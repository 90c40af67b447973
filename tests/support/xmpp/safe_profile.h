/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_profile - says whether a text is in the restricted serialisation that
 * the server's scanner takes apart correctly (PROTOCOL.md §6.6). Written from
 * that section alone; shares no code with what it judges.
 */
#ifndef TESTS_SUPPORT_XMPP_SAFE_PROFILE_H
#define TESTS_SUPPORT_XMPP_SAFE_PROFILE_H

#include <stddef.h>

/*
 * NULL when the bytes are exactly one element in the profile that declares
 * every prefix it uses; `known` is a prefix declared around it, or NULL. Else
 * what is wrong, in words.
 */
const char *safe_profile_breach(const void *bytes, size_t len,
    const char *known);

#endif
