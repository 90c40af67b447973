/* SPDX-License-Identifier: Apache-2.0 */
/* wiped - what the code under test wipes: explicit_bzero() of this program is
 * one that looks at the bytes first. */
#ifndef TESTS_UNIT_NET_WIPED_H
#define TESTS_UNIT_NET_WIPED_H

/* From here on wipes of bytes that have this text in them are counted; NULL:
 * none. It stays the caller's. */
void wiped_expect(const char *text);
unsigned wiped_count(void);

#endif
